"""Light on surfaces: sun and sky, what glass and paint mirror, lamps, shops and headlights, and the air between."""

import numpy as np

from sceneshift.streets.light import Light
from sceneshift.streets.scene import Scene
from sceneshift.streets.shadows import sunlit
from sceneshift.streets.surface import Surface, dot


def illuminate(scene: Scene, s: Surface) -> np.ndarray:
    """Radiance of all samples, [3, M]."""
    light = scene.light
    up = s.normal[1]
    bounce = 0.16 * light.sky + 0.10 * light.sun * max(float(light.sun_direction[1]), 0.0)
    open_ = s.ambient * (0.5 + 0.5 * up)
    total = light.sky[:, None] * open_ + bounce[:, None] * (s.ambient * (0.5 - 0.5 * up))
    if light.sun.any():
        facing = dot(s.normal, light.sun_direction.astype(np.float32))
        facing = np.maximum((facing + s.wrap) / (1 + s.wrap), 0)
        lit = np.nonzero(facing > 0)[0]
        facing[lit] *= sunlit(scene, s.position[:, lit], s.footprint[lit])
        facing *= 0.35 + 0.65 * np.minimum(s.ambient * 1.6, 1)
        total += light.sun[:, None] * facing
    if light.night > 0:
        total += _lamplight(scene, s)
    radiance = s.albedo * total + s.emission
    shiny = np.nonzero(s.mirror > 0.01)[0]
    if shiny.size:
        view, normal = s.view[:, shiny], s.normal[:, shiny]
        direction = view - 2 * dot(view, normal) * normal
        seen = light.sky_radiance(direction)
        # Low reflections meet the other side of the street, not the sky.
        across = (
            np.clip((0.55 - direction[1]) * 3, 0, 1)
            if scene.plan.kind in ("avenue", "lane", "square")
            else np.clip((0.12 - direction[1]) * 6, 0, 1)
        )
        dim = (0.25 * light.sky + 0.06 * light.sun)[:, None]
        seen += across * (dim - seen)
        radiance[:, shiny] += s.mirror[shiny] * seen
    return radiance


def _lamplight(scene: Scene, s: Surface) -> np.ndarray:
    """Irradiance of street lamps, shop windows and headlights at night, [3, M]."""
    night = scene.light.night
    total = scene.lamps.color[:, None].astype(np.float32) * (night * scene.lamps.irradiance(s, s.normal))
    x, y, z = s.position
    shops = {"avenue": 0.30, "lane": 0.16, "square": 0.22}.get(scene.plan.kind, 0.03)
    away = scene.plan.front(1) - np.abs(scene.plan.lateral(x, z))
    spread = np.exp(-np.abs(away) / 3.0) * np.exp(-y / 4.0)
    total = total + np.array([[1.0], [0.75], [0.5]], np.float32) * (shops * night * spread)
    for car in scene.cars:
        if not car.driving:
            continue
        a, b = car.along.tolist()
        rx, rz = x - np.float32(car.center[0]), z - np.float32(car.center[1])
        ahead = rx * a + rz * b - car.length / 2
        aside = (rx * b - rz * a) / (1.0 + 0.16 * np.maximum(ahead, 0))
        beam = np.exp(-(aside**2)) * np.exp(-np.maximum(ahead, 0) / 7) * np.clip(ahead / 1.5, 0, 1) * np.exp(-y / 0.9)
        total += np.array([[1.0], [0.92], [0.8]], np.float32) * (0.8 * night * beam)
        behind = -ahead - car.length
        total[0] += (
            0.16
            * night
            * np.exp(-((rx * b - rz * a) ** 2))
            * np.exp(-np.maximum(behind, 0) / 1.8)
            * (behind > 0)
            * np.exp(-y)
        )
    return total


def air_color(light: Light, fog: float, direction: np.ndarray) -> np.ndarray:
    """What the air itself sends from unit directions [3, M]: as the horizon where it is clear, white in fog."""
    near = np.clip(dot(direction, light.sun_direction.astype(np.float32)), 0, 1)
    color = light.haze + (light.fog - light.haze) * min(1.0, 4 * fog)
    return color[:, None] + light.sun[:, None] * (0.05 * near**3 + 0.18 * near**16)
