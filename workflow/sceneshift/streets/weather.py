"""Rain, snow and fog: what they do to the ground, to roofs and to the air."""

import numpy as np
from scipy import ndimage

from sceneshift.streets import textures
from sceneshift.streets.draws import Draws, hashed
from sceneshift.streets.light import Light
from sceneshift.streets.plan import Plan
from sceneshift.streets.surface import Surface, lay, smoothstep

SNOW = np.array([0.75, 0.77, 0.80])
GLARE = 2.6  # what is brighter spreads in the lens; nothing that is only lit is


def snow_on_ground(s: Surface, at: np.ndarray, plan: Plan, loose: np.ndarray, snow: float) -> None:
    """Snow on the ground's samples `at` [M], from patches to a closed cover; the road closes last and carries tracks.

    loose: [M], 0 hard, 1 lawn.
    """
    if snow <= 0:
        return
    x, _, z = s.position[:, at]
    lateral = plan.lateral(x, z)
    fp = s.footprint[at]
    patch = textures.sample(textures.FBM, lateral + 5, z, fp)
    lumps = textures.sample(textures.GRASS, lateral * 1.5, z * 1.5, fp)
    road = np.abs(lateral) < plan.road
    track = np.exp(-(((np.abs(np.abs(lateral) - plan.road / 2) - 0.75) / 0.33) ** 2)) * road
    # Lawns whiten first, then pavements, then the road between its tracks, then the tracks.
    order = (
        0.42 - 0.24 * loose + np.where(road, np.float32(0.22), np.float32(0)) + (0.30 if plan.road > 2 else 0.0) * track
    )
    share = smoothstep(-0.16, 0.16, 1.12 * snow - order + 0.13 * patch + 0.06 * lumps)
    slush = np.where(road, 0.70 + 0.30 * snow - 0.38 * track * (1 - 0.4 * snow), 1.0)
    color = SNOW[:, None].astype(np.float32) * (slush * (1 + 0.09 * lumps + 0.09 * patch))
    albedo = s.albedo[:, at]
    lay(albedo, color, share)
    s.albedo[:, at] = albedo
    s.normal[0, at] += 0.18 * lumps * share
    s.ambient[at] += (1 - s.ambient[at]) * 0.4 * share


def snow_on_roofs(s: Surface, at: np.ndarray, snow: float) -> None:
    """Snow on the samples `at` [M] of faces that lie, more the flatter they are; upright walls stay as they were."""
    if snow <= 0 or not at.size:
        return
    x, y, z = s.position[:, at]
    patch = textures.sample(textures.FBM, x + z, y + 0.5 * x, s.footprint[at])
    flat = smoothstep(0.12, 0.6, s.normal[1, at])
    share = flat * smoothstep(-0.15, 0.15, 1.25 * snow - 0.35 + 0.14 * patch)
    albedo = s.albedo[:, at]
    lay(albedo, SNOW * 0.96, share)
    s.albedo[:, at] = albedo


def wet_ground(s: Surface, at: np.ndarray, plan: Plan, loose: np.ndarray, rain: float, snow: float) -> np.ndarray:
    """Darken the ground and return how much of a mirror each sample is, [M]: damp, then wet, then puddles.

    at, loose: [M], as in `snow_on_ground`.
    """
    if rain <= 0:
        return np.zeros(at.size, np.float32)
    x, _, z = s.position[:, at]
    lateral = plan.lateral(x, z)
    low = textures.sample(textures.FBM, 0.8 * lateral + 11, 0.8 * z, s.footprint[at])
    camber = 0.5 * np.clip(np.abs(lateral) / plan.road, 0, 1) ** 2 * (np.abs(lateral) < plan.road)
    puddle = smoothstep(0.15, 0.45, 1.25 * rain - 1.05 + 0.38 * low + 0.35 * camber) * (1 - 0.8 * loose)
    bare = 1 - smoothstep(0.25, 0.7, s.albedo[:, at].mean(0)) * (snow > 0)  # snow swallows water
    damp = smoothstep(0.0, 0.7, rain + 0.06 * low * min(1.0, 5 * rain))
    s.albedo[:, at] *= 1 - bare * np.maximum(0.48 * damp, 0.66 * puddle)
    grazing = (1 - np.clip(-s.view[1, at], 0, 1)) ** 5
    film = (1 - 0.7 * loose) * (0.03 + 0.55 * grazing) * damp * (0.35 + 0.65 * rain)
    return bare * np.maximum(film, puddle * (0.08 + 0.85 * grazing))


def reflect(picture: np.ndarray, ground: np.ndarray, mirror: np.ndarray, rough: float) -> None:
    """Add to the ground of a picture [3, H, W] what it mirrors, in place.

    ground: bool [H, W]. mirror: [H, W], share mirrored. Something upright that stands on the ground at row b shows its
    point at row b - h mirrored at row b + h; b is where the ground's run of samples in this column begins.
    """
    height, width = ground.shape
    rows = np.arange(height, dtype=np.int32)[:, None]
    start = np.maximum.accumulate(np.where(ground, -1, rows), axis=0)  # the last row above that is not ground
    row, column = np.nonzero(ground & (mirror > 0.004))
    if not row.size:
        return
    base = start[row, column]
    depth = row - base
    share = mirror[row, column]
    jitter = hashed(3, row, column) - 0.5
    beside = np.clip(column + (jitter * 0.06 * depth * rough).astype(np.int32), 0, width - 1)
    spread = rough * (1 - 0.75 * np.minimum(2 * share, 1))  # puddles are smoother than damp asphalt
    seen = 0
    for tap in (-0.8, -0.4, 0.0, 0.4, 0.8):  # ripples smear mirrored things upright
        source = np.clip(base - depth * (1 + spread * (tap + 0.4 * jitter)), 0, height - 1).astype(np.int32)
        seen = seen + np.minimum(picture[:, source, beside], 6.0)
    picture[:, row, column] += share * seen * np.float32(0.2)


class Air:
    """Haze, fog, falling rain and falling snow."""

    def __init__(self, draws: Draws, fog: float, rain: float, snow: float) -> None:
        rng = draws("air")
        clear, falls, size, wind = rng.random(4).tolist()
        self.extinction = 0.0003 + 0.0018 * clear**2 + 0.055 * fog**2.3
        self.fog = fog
        self.flakes = snow if falls < 0.4 else 0.0
        self.streaks = rain if falls < 0.5 else 0.0
        self.size, self.wind = 0.7 + 0.8 * size, wind - 0.5
        self.salt = draws.salt("air", "salt")

    def veil(self, distance: np.ndarray) -> np.ndarray:
        """Share of the light from `distance` [M] metres that the air replaces by its own, [M]."""
        return 1 - np.exp(-np.float32(self.extinction) * distance)

    def fall(self, picture: np.ndarray, light: Light) -> None:
        """Flakes and streaks before a picture [3, H, W] in linear light, in place."""
        height, width = picture.shape[1:]
        glow = float(np.dot([0.3, 0.6, 0.1], light.sky + 0.25 * light.sun)) * 0.75 + 0.10 * light.night
        for layer in range(3):
            count = int(self.flakes * (110, 150, 30)[layer])
            if count:
                rng = np.random.Generator(np.random.Philox(key=[self.salt, layer]))
                place = rng.random((90 + 160, 4))[:count]
                radius = np.array([0.0024, 0.0036, 0.0062])[layer] * self.size * (height * width) ** 0.5
                self._dots(picture, place, radius, glow * (1.0, 0.95, 0.8)[layer])
        if self.streaks > 0.3:
            rng = np.random.Generator(np.random.Philox(key=[self.salt, 9]))
            fine = np.zeros((height, width), np.float32)
            for u, v, w in rng.random((int(140 * self.streaks), 3)):
                top, long = int(v * height), max(2, int((0.03 + 0.05 * w) * height))
                rows = np.arange(top, min(top + long, height))
                columns = (u * width + self.wind * 0.25 * (rows - top)).astype(int) % width
                fine[rows, columns] = 0.03 + 0.07 * w
            picture += fine * (1.1 * glow - picture)

    def _dots(self, picture: np.ndarray, place: np.ndarray, radius: float, glow: float) -> None:
        height, width = picture.shape[1:]
        layer = np.zeros((height, width), np.float32)
        for u, v, w, a in place:
            x, y, size = u * width, v * height, max(radius * (0.6 + 0.8 * w), 0.3)
            reach = int(size + 1.5)
            rows = slice(max(0, int(y) - reach), min(height, int(y) + reach + 1))
            columns = slice(max(0, int(x) - reach), min(width, int(x) + reach + 1))
            away = np.hypot(np.arange(height)[rows, None] + 0.5 - y, np.arange(width)[None, columns] + 0.5 - x)
            share = np.clip(size + 0.5 - away, 0, 1) * min(1.0, (size / 0.5) ** 2) * (0.5 + 0.45 * a)
            layer[rows, columns] = np.maximum(layer[rows, columns], share)
        picture += layer * (glow - picture)


def bloom(picture: np.ndarray, fog: float) -> None:
    """Bright lights of a picture [3, H, W] spread in lens and air, in place: blurred copies of what exceeds `GLARE`."""
    side = max(picture.shape[1:])
    bright = np.maximum(picture - GLARE, 0)
    if not bright.any():
        return
    bright = np.minimum(bright, 12.0)
    for radius, share in ((0.006, 0.25), (0.025, 0.16 + 0.1 * fog), (0.09, 0.05 + 0.12 * fog)):
        for channel in range(3):
            blurred = ndimage.gaussian_filter(bright[channel], max(radius * side, 0.4), truncate=3.0)
            picture[channel] += share * blurred
