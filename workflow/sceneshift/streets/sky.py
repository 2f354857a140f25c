"""The sky behind everything: clouds before the clear sky, and the ridge or skyline that closes the ground."""

import math

import numpy as np
from scipy.special import ndtri

from sceneshift.streets import textures
from sceneshift.streets.draws import Draws, hashed
from sceneshift.streets.light import Light
from sceneshift.streets.surface import smoothstep


class Clouds:
    """Clouds on a plane above the street, so that they shrink towards the horizon."""

    def __init__(self, draws: Draws) -> None:
        rng = draws("clouds")
        self.offset = rng.random(2).astype(np.float32)
        self.span = 7.0 + 26.0 * rng.random() ** 1.5
        self.detail = 0.12 + 0.28 * rng.random()
        self.soft = 0.2 + 0.9 * rng.random() ** 1.5
        self.stretch = 1.0 + 1.5 * rng.random() ** 2
        self.belly = 0.55 + 0.45 * rng.random()

    def paint(self, radiance: np.ndarray, direction: np.ndarray, light: Light, clouds: float) -> None:
        """Lay clouds over the sky's radiance [3, M] in unit directions [3, M], in place. `clouds`: share covered."""
        if clouds <= 0.004:
            return
        x, y, z = direction
        reach = 1 / (np.maximum(y, 0) + 0.10)
        u, v = x * reach * self.stretch + 9 * self.offset[0], z * reach + 9 * self.offset[1]
        field = self._field(u, v)
        sun = light.sun_direction
        step = 0.12 / max(0.3, math.hypot(sun[0], sun[2]))
        behind = self._field(u + np.float32(step * sun[0]), v + np.float32(step * sun[2]))
        edge = float(ndtri(min(max(1 - clouds, 1e-4), 1 - 1e-4)) * 1.12)
        cover = smoothstep(edge - self.soft, edge + self.soft, field)
        cover = np.maximum(cover, min(max((clouds - 0.88) * 9, 0.0), 1.0))
        thick = np.clip((field - edge) / 2.2, 0, 1) * self.belly
        lit = np.clip(0.55 + 0.55 * (field - behind) + 0.25 * (1 - thick) - 0.55 * thick, 0.03, 1.15)
        color = light.cloud_belly[:, None] + (light.cloud_lit - light.cloud_belly)[:, None] * lit
        color *= 1 - 0.30 * clouds**2 * (1 - 0.4 * lit)
        far = np.exp(-np.maximum(y, 0) * 9)
        cover = cover * (1 - 0.55 * far)
        radiance += cover * (color - radiance)

    def _field(self, u: np.ndarray, v: np.ndarray) -> np.ndarray:
        coarse = textures.sample_smooth(textures.CLOUDS, u, v, self.span)
        return coarse + self.detail * textures.sample_smooth(textures.CLOUDS, v, u, self.span / 5)


class Backdrop:
    """What stands on the horizon: wooded hills, or the roofs and towers of a town."""

    def __init__(self, draws: Draws, kind: str, vertical: float) -> None:
        rng = draws("backdrop")
        self.salt = draws.salt("backdrop", "salt")
        u = rng.random(6).tolist()
        self.town = (
            u[0] < {"avenue": 0.85, "lane": 0.7, "suburb": 0.25, "square": 0.8, "country": 0.03, "park": 0.55}[kind]
        )
        self.phase = (6.3 * rng.random(3)).tolist()
        self.height = (0.025 + 0.05 * u[1]) * (0.5 + 1.2 * vertical) if self.town else 0.02 + 0.07 * u[1] ** 1.5
        self.color = (0.12 + 0.2 * u[2]) * np.array([1.0, 0.95, 0.9]) if self.town else np.array([0.05, 0.07, 0.025])

    def cover(self, direction: np.ndarray, footprint: float) -> np.ndarray:
        """Share of each sample [M] that the backdrop covers, in unit directions [3, M]. footprint: radians a sample."""
        x, y, z = direction
        turn = np.arctan2(x, z)
        ridge = 0.5 + 0.22 * np.sin(3 * turn + self.phase[0]) + 0.16 * np.sin(7 * turn + self.phase[1])
        if self.town:
            block = np.floor(turn * 22 + 3 * hashed(self.salt, np.floor(turn * 5)))
            ridge = ridge * (
                0.35
                + 0.8 * hashed(self.salt + 1, block)
                + np.where(hashed(self.salt + 2, block) > 0.9, np.float32(0.9), np.float32(0))
            )
        else:
            ridge = ridge + 0.10 * textures.sample(textures.GRASS, turn * 12, 0 * turn, np.full_like(turn, 0.02))
        return np.clip(0.5 + (self.height * ridge - y) / footprint, 0, 1) * (y > -0.02)

    def shade(self, direction: np.ndarray, light: Light, season: float, snow: float) -> np.ndarray:
        """Radiance of the backdrop in unit directions [3, M], before haze: [3, M]."""
        x, y, z = direction
        turn = np.arctan2(x, z)
        albedo = np.repeat(self.color[:, None].astype(np.float32), x.size, 1)
        if self.town:
            block = np.floor(turn * 22 + 3 * hashed(self.salt, np.floor(turn * 5)))
            albedo = albedo * (0.5 + hashed(self.salt + 4, block))
            cells = hashed(self.salt + 3, np.floor(turn * 330), np.floor(y * 330))
            albedo = albedo * (0.7 + 0.5 * cells)
        else:
            autumn = smoothstep(0.2, 0.5, season) * (1 - 0.6 * smoothstep(0.6, 1.0, season))
            albedo = albedo + (np.array([0.15, 0.07, 0.02]) - self.color)[:, None].astype(np.float32) * 0.6 * autumn
            albedo = albedo * (1 + 0.3 * textures.sample(textures.GRASS, turn * 40, y * 40, np.full_like(y, 0.05)))
            albedo = albedo + (0.75 - albedo) * 0.45 * snow
        lit = light.sky + 0.35 * light.sun
        radiance = albedo * lit[:, None]
        if self.town and light.night > 0:
            radiance = radiance + (cells > 0.86) * light.night * 0.35 * np.array([[1.0], [0.7], [0.4]])
        return radiance
