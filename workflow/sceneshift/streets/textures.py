"""Tileable textures with detail at every scale, and their sampling without aliasing.

Each texture is a plane of 512 x 512 numbers about 0 that says how much lighter or darker a surface is there. They are
the same for all streets; streets differ in scale, offset, strength and color. Each is kept with its averages over
2 x 2, 4 x 4, ... cells (a mip pyramid, Williams 1983), so that distant surfaces get the mean of what a pixel covers.
"""

from functools import cache

import numpy as np
from scipy import ndimage

SIDE, LEVELS = 512, 10
FBM, GRAIN, BRICK, ASHLAR, COBBLES, SLABS, BOARDS, TILES, ASPHALT, GRASS, LEAVES, STREAKS, CLOUDS = range(13)
# How many metres one repeat of each texture spans.
SPAN = np.array([16.0, 3.0, 2.5, 4.0, 2.4, 4.0, 2.4, 3.2, 5.0, 3.5, 2.6, 12.0, 1.0], np.float32)

_OFFSETS = np.cumsum([0] + [(SIDE >> level) ** 2 for level in range(LEVELS)])


def sample(kind: int | np.ndarray, u: np.ndarray, v: np.ndarray, footprint: np.ndarray) -> np.ndarray:
    """The texture at u, v [M] metres, averaged over about `footprint` [M] metres: float32 [M], about 0.

    kind: one of the textures above, or one for each position [M].
    """
    scale = np.float32(SIDE) / SPAN[kind]
    level = np.clip(np.frexp(footprint * scale)[1] - 1, 0, LEVELS - 1)
    mask = np.int32(SIDE - 1)
    across = ((u * scale).astype(np.int32) + (u < 0) * np.int32(-1) & mask) >> level
    down = ((v * scale).astype(np.int32) + (v < 0) * np.int32(-1) & mask) >> level
    place = _OFFSETS[level] + (down << (LEVELS - 1 - level)) + across
    return atlas().reshape(-1)[place + np.asarray(kind) * _OFFSETS[-1]]


def sample_smooth(kind: int, u: np.ndarray, v: np.ndarray, span: float) -> np.ndarray:
    """The texture at u, v [M] metres, spread over `span` metres and interpolated between cells: float32 [M]."""
    plane = atlas()[kind]
    scale = np.float32(SIDE / span)
    u, v = u * scale, v * scale
    u0, v0 = np.floor(u), np.floor(v)
    fu, fv = u - u0, v - v0
    mask = np.int32(SIDE - 1)
    a, b = u0.astype(np.int32) & mask, v0.astype(np.int32) & mask
    a1, b1 = (a + 1) & mask, (b + 1) & mask
    b, b1 = b * SIDE, b1 * SIDE
    top = plane[b + a] * (1 - fu) + plane[b + a1] * fu
    bottom = plane[b1 + a] * (1 - fu) + plane[b1 + a1] * fu
    return top * (1 - fv) + bottom * fv


@cache
def atlas() -> np.ndarray:
    """All textures with their pyramids, float32 [kinds, cells]."""
    makers = (
        _fbm,
        _grain,
        _brick,
        _ashlar,
        _cobbles,
        _slabs,
        _boards,
        _tiles,
        _asphalt,
        _grass,
        _leaves,
        _streaks,
        _clouds,
    )
    return np.stack([_pyramid(make(np.random.Generator(np.random.Philox(k)))) for k, make in enumerate(makers)])


def _pyramid(plane: np.ndarray) -> np.ndarray:
    levels = [plane.astype(np.float32)]
    while len(levels) < LEVELS:
        fine = levels[-1]
        levels.append((fine[::2, ::2] + fine[1::2, ::2] + fine[::2, 1::2] + fine[1::2, 1::2]) / 4)
    return np.concatenate([level.ravel() for level in levels])


def power_noise(rng: np.random.Generator, slope: float, stretch: float = 1.0, lowest: float = 1.0) -> np.ndarray:
    """Tileable noise whose amplitude falls as frequency^-slope: [SIDE, SIDE], of mean 0 and variance 1.

    stretch: how many times longer features are along v than along u. lowest: the lowest frequency, in cycles a tile.
    """
    fu, fv = np.fft.rfftfreq(SIDE, 1 / SIDE), np.fft.fftfreq(SIDE, 1 / SIDE)[:, None] * stretch
    frequency = np.hypot(fu, fv)
    gain = np.where(frequency >= lowest, np.maximum(frequency, lowest) ** -slope, 0)
    spectrum = np.fft.rfft2(rng.standard_normal((SIDE, SIDE))) * gain
    plane = np.fft.irfft2(spectrum, (SIDE, SIDE))
    return (plane - plane.mean()) / plane.std()


def _fbm(rng: np.random.Generator) -> np.ndarray:
    return power_noise(rng, 1.5)


def _grain(rng: np.random.Generator) -> np.ndarray:
    return power_noise(rng, 0.45, lowest=4)


def _courses(rng: np.random.Generator, rows: int, columns: int, joint: float, depth: float, offset: float = 0.5):
    """Blocks in courses, each shifted by `offset` against the one below; joints `joint` cells wide are darker."""
    v, u = np.mgrid[:SIDE, :SIDE].astype(np.float32) / SIDE
    row = np.floor(v * rows)
    along = u * columns + offset * (row % 2)
    column = np.floor(along) % columns
    tone = rng.standard_normal((rows, columns)).clip(-2, 2)[row.astype(int), column.astype(int)]
    edge = np.minimum(_to_edge(along) * SIDE / columns, _to_edge(v * rows) * SIDE / rows)
    body = np.clip(edge / joint, 0, 1)
    return (0.5 * tone + 0.35 * power_noise(rng, 0.8)) * body - depth * (1 - body)


def _to_edge(x: np.ndarray) -> np.ndarray:
    fraction = x - np.floor(x)
    return np.minimum(fraction, 1 - fraction)


def _brick(rng: np.random.Generator) -> np.ndarray:
    plane = _courses(rng, 32, 10, 1.6, 0.0)
    return plane + 0.25 * power_noise(rng, 1.4)


def _ashlar(rng: np.random.Generator) -> np.ndarray:
    return _courses(rng, 10, 5, 1.8, 1.3) + 0.3 * power_noise(rng, 1.2)


def _cells(rng: np.random.Generator, count: int, jitter: float) -> tuple[np.ndarray, np.ndarray]:
    """Voronoi cells (Worley 1996) around a jittered grid: a random tone for each cell, and the distance to its rim."""
    v, u = np.mgrid[:SIDE, :SIDE].astype(np.float32) * (count / SIDE)
    seeds = rng.random((2, count, count)).astype(np.float32) * jitter + (1 - jitter) / 2
    tones = rng.standard_normal((count, count)).clip(-2, 2)
    nearest, second = np.full((2, SIDE, SIDE), 9.0, np.float32)
    tone = np.zeros((SIDE, SIDE))
    base_v, base_u = np.floor(v).astype(int), np.floor(u).astype(int)
    for dv in (-1, 0, 1):
        for du in (-1, 0, 1):
            at = (base_v + dv) % count, (base_u + du) % count
            distance = np.hypot(base_v + dv + seeds[0][at] - v, base_u + du + seeds[1][at] - u)
            closer = distance < nearest
            second = np.where(closer, nearest, np.minimum(second, distance))
            tone = np.where(closer, tones[at], tone)
            nearest = np.where(closer, distance, nearest)
    return tone, second - nearest


def _cobbles(rng: np.random.Generator) -> np.ndarray:
    tone, rim = _cells(rng, 20, 0.55)
    return 0.5 * tone + 0.4 * power_noise(rng, 0.8) + 1.4 * (np.clip(rim / 0.3, 0, 1) - 0.75)


def _slabs(rng: np.random.Generator) -> np.ndarray:
    return _courses(rng, 8, 8, 2.0, 1.6, 0.0) + 0.4 * power_noise(rng, 1.2)


def _boards(rng: np.random.Generator) -> np.ndarray:
    v = np.mgrid[:SIDE, :SIDE][0].astype(np.float32) / SIDE * 14
    tone = rng.standard_normal(14).clip(-1.5, 1.5)[np.floor(v).astype(int)]
    lap = v - np.floor(v)  # each board shades the top of the one below
    return 0.3 * tone + 0.3 * power_noise(rng, 0.9, stretch=6.0).T - 1.5 * np.clip(1 - lap / 0.16, 0, 1) + 0.1


def _tiles(rng: np.random.Generator) -> np.ndarray:
    plane = _courses(rng, 12, 16, 1.5, 1.0)
    v = np.mgrid[:SIDE, :SIDE][0].astype(np.float32) / SIDE * 12
    return plane + 0.5 * (v - np.floor(v) - 0.5) + 0.5 * power_noise(rng, 1.4)


def _asphalt(rng: np.random.Generator) -> np.ndarray:
    _, rim = _cells(rng, 5, 0.9)
    crack = np.clip(1 - rim * 45, 0, 1) * (power_noise(rng, 1.6) > 0.5)
    return 0.55 * power_noise(rng, 0.35, lowest=6) + 0.6 * power_noise(rng, 1.5) - 1.6 * crack


def _grass(rng: np.random.Generator) -> np.ndarray:
    return 0.7 * power_noise(rng, 0.5, lowest=3) + 0.6 * power_noise(rng, 1.3)


def _leaves(rng: np.random.Generator) -> np.ndarray:
    tone, rim = _cells(rng, 40, 1.0)
    return 0.5 * tone + 1.1 * np.clip(rim / 0.35, 0, 1) - 0.7 + 0.7 * power_noise(rng, 1.1, lowest=3)


def _streaks(rng: np.random.Generator) -> np.ndarray:
    """Water stains that run down walls."""
    plane = power_noise(rng, 1.0, stretch=9.0)
    return ndimage.gaussian_filter(plane, (1.0, 0.5), mode="wrap")


def _clouds(rng: np.random.Generator) -> np.ndarray:
    return power_noise(rng, 1.75, lowest=2)
