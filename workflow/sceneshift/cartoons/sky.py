"""The sky above a rendered street: gradient, sun or moon, clouds of exact cover; and the glow of its lamps."""

import numpy as np

from sceneshift.cartoons.parts import Lamp
from sceneshift.cartoons.scene import Scene

CLOUD = np.array((250, 250, 252), dtype=np.float32)
OVERCAST = np.array((210, 214, 221), dtype=np.float32)
GLOW = np.array((36, 25, 10), dtype=np.float32)


def paint_sky(scene: Scene, height: int, width: int, clouds: float, natural_light: float) -> np.ndarray:
    """The whole sky in daylight colors, float32 [H, W, 3] in [0, 255].

    clouds: the share of the sky above the street that clouds cover, exact up to the softness of their edges.
    natural_light: only warms the horizon at dusk; the caller dims the picture.
    """
    x = ((np.arange(width, dtype=np.float32) + 0.5) - 0.5 * width) / height - scene.shift_x  # from the vanishing point
    y = scene.horizon - (np.arange(height, dtype=np.float32) + 0.5) / height  # above the horizon, in picture heights
    rise = np.clip(y / scene.horizon, 0, 1)[:, None] ** 0.75
    zenith, low = np.array(scene.zenith, dtype=np.float32), np.array(scene.haze, dtype=np.float32)
    column = low + (zenith - low) * rise  # [H, 3]
    dusk = max(0.0, 1 - abs(natural_light - 0.38) / 0.34)
    column += dusk * np.array((56, 4, -44), dtype=np.float32) * (1 - rise) ** 2
    sky = np.repeat(column[:, None, :], width, axis=1)

    # Sun by day and moon by night share one disc, so that the light changes no edge.
    distance = np.hypot((x - scene.sun_x)[None, :], (y - scene.sun_y)[:, None])
    disc = np.clip((0.036 - distance) / 0.012, 0, 1)[..., None]
    sky += np.array((255, 252, 236), dtype=np.float32) * 0.22 * np.exp(-((distance / 0.11) ** 2))[..., None]
    sky += (np.array((255, 253, 240), dtype=np.float32) - sky) * disc
    if clouds == 0:
        return np.minimum(sky, 255)

    wide = max(1.0, width / height)
    field, above = _cloud_field(scene, x, y, wide), _cloud_field(scene, x, y + 0.03, wide)
    # The cover is measured over the part of the sky that facades leave free, whatever this picture's facades are.
    grid_y = np.linspace(0.05, scene.horizon, 16, dtype=np.float32)
    grid_x = np.linspace(-0.4, 0.4, 28, dtype=np.float32)
    wedge = np.abs(grid_x)[None, :] <= 0.08 + 0.34 * grid_y[:, None] / scene.horizon
    reference = _cloud_field(scene, grid_x, grid_y, wide)[wedge]
    soft = 0.26 * float(reference.std())
    edge = float(np.quantile(reference, 1 - clouds)) + soft * (1 - 2 * clouds)
    cover = np.clip((field - edge) / (2 * soft) + 0.5, 0, 1)
    cover = (cover * cover * (3 - 2 * cover))[..., None]
    cover = np.maximum(cover, np.clip((clouds - 0.9) * 10, 0, 1))  # a closed sky has no holes beside the reference
    shade = np.clip((above - field) / (4 * soft), -0.5, 0.5)[..., None]  # bellies lie under more cloud: darker
    white = CLOUD + (OVERCAST - CLOUD) * clouds**2
    sky += cover * (white * (1 - 0.16 * shade - 0.06) - sky)
    return np.clip(sky, 0, 255)


def _cloud_field(scene: Scene, x: np.ndarray, y: np.ndarray, wide: float) -> np.ndarray:
    """Sum of the scene's cloud puffs at x [W], y [H]: float32 [H, W]. A matrix product, as Gaussians separate."""
    across = np.exp(-(((x[None, :] - scene.cloud_x[:, None] * wide) / scene.cloud_rx[:, None]) ** 2))
    along = np.exp(-(((y[:, None] - scene.cloud_y[None, :]) / scene.cloud_ry[None, :]) ** 2))
    return along @ (across * scene.cloud_weight[:, None])


def lamp_glow(lamps: list[Lamp], scale: int, height: int, width: int, night: float) -> np.ndarray:
    """Warm light around the lamps, float32 [H, W, 3]. Soft and weak: it must not hide the street's own edges."""
    x, y = np.arange(width, dtype=np.float32) + 0.5, np.arange(height, dtype=np.float32) + 0.5
    glow = np.zeros((height, width), dtype=np.float32)
    for lamp_x, lamp_y, radius in lamps:
        size = radius / scale
        glow += np.exp(-(((y - lamp_y / scale) / size) ** 2))[:, None] * np.exp(-(((x - lamp_x / scale) / size) ** 2))
    return (night**1.5 * np.minimum(glow, 1))[..., None] * GLOW
