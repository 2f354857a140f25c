"""The random numbers behind a rendered street with their meaning, its perspective and its light.

Lengths are metres: X to the right of the road's middle, Y above the ground, Z ahead of the camera.
"""

import math
from dataclasses import dataclass

import numpy as np

RGB = tuple[float, float, float]

BUILDINGS, TREES, CLOUDS, LOBES, OUTLINE = 7, 6, 64, 6, 26  # buildings and trees are counted for one side


@dataclass
class Scene:
    """A street's random numbers with their meaning. `side` 0 is left, 1 is right. Made by `scene_of`."""

    horizon: float  # from the top, in picture heights
    shift_x: float  # vanishing point from the picture's middle, in picture heights
    focal: float  # in picture heights
    camera_x: float
    camera_y: float
    road: float  # half width
    kerb: float  # half width to the facades
    zenith: RGB
    haze: RGB
    sun_x: float
    sun_y: float
    sun_side: int
    road_grey: float
    paving: RGB
    marking: int  # 0 dashes, 1 double line, 2 dashes and edge lines
    zebra: float  # distance of a zebra crossing; none if negative
    hills: np.ndarray  # [6]
    cloud_x: np.ndarray  # [CLOUDS]
    cloud_y: np.ndarray
    cloud_rx: np.ndarray
    cloud_ry: np.ndarray
    cloud_weight: np.ndarray
    building: list  # [2][BUILDINGS][14] in [0, 1)
    tree: list  # [2][TREES][8] in [0, 1)
    tree_rank: list  # [2][TREES]: in which order trees grow, 0 to 1
    crown: np.ndarray  # [2, TREES, OUTLINE, 2] outlines of unit crowns
    hedge: list  # [2][2]
    lamp: list  # [2]


def scene_of(rng: np.random.Generator) -> Scene:
    """Draw a street. The number of draws is fixed: no part's chance depends on another part or on a label."""
    u = rng.random(16).tolist()
    hue = rng.random(6).tolist()
    puff = rng.random((5, CLOUDS)).astype(np.float32)
    building = rng.random((2, BUILDINGS, 14)).tolist()
    tree = rng.random((2, TREES, 8)).tolist()
    rank = (np.argsort(rng.random(2 * TREES)) / (2 * TREES - 1)).reshape(2, TREES).tolist()
    lobes = rng.random((3, 2, TREES, LOBES))
    hills, hedge, lamp = rng.random(6), rng.random((2, 2)).tolist(), rng.random(2).tolist()
    horizon = 0.50 + 0.09 * u[0]
    road = 3.1 + 1.7 * u[4]
    large = np.arange(CLOUDS) < CLOUDS // 3
    reach = np.where(large, 0.16 + 0.10 * puff[2], 0.05 + 0.06 * puff[2])
    cloud_y = horizon * (0.1 + 0.95 * puff[1])
    reach = reach * (0.55 + 0.6 * cloud_y / horizon)  # clouds near the horizon are farther and look smaller
    grey = 84 + 34 * u[7]
    return Scene(
        horizon=horizon, shift_x=0.2 * (u[1] - 0.5), focal=0.74 + 0.2 * u[2], camera_x=2.4 * (u[3] - 0.5),
        camera_y=2.0 + 0.9 * u[5], road=road, kerb=road + 2.3 + 1.3 * u[6],
        zenith=(58 + 36 * hue[0], 122 + 26 * hue[0], 206 + 22 * hue[1]),
        haze=(188 + 20 * hue[2], 212 + 10 * hue[2], 232),
        sun_x=0.5 * (u[8] - 0.5), sun_y=horizon * (0.5 + 0.35 * u[9]), sun_side=int(u[10] < 0.5),
        road_grey=grey, paving=(158 + 30 * u[11] + 10 * hue[3], 156 + 30 * u[11], 150 + 30 * u[11] - 8 * hue[3]),
        marking=int(3 * u[12]), zebra=9 + 10 * u[14] if u[13] < 0.3 else -1.0, hills=hills,
        cloud_x=1.5 * (puff[0] - 0.5), cloud_y=cloud_y, cloud_rx=1.5 * reach, cloud_ry=0.62 * reach,
        cloud_weight=np.where(large, 0.55 + 0.5 * puff[3], 0.25 + 0.35 * puff[3]).astype(np.float32),
        building=building, tree=tree, tree_rank=rank, crown=_crowns(lobes), hedge=hedge, lamp=lamp,
    )  # fmt: skip


def _crowns(lobes: np.ndarray) -> np.ndarray:
    """Outlines [2, TREES, OUTLINE, 2] of crowns made of round lobes around a middle: for every direction from the
    middle, where the ray leaves the farthest lobe."""
    around = 2 * math.pi * (np.arange(LOBES) + 0.7 * lobes[0]) / LOBES
    away, radius = 0.5 + 0.16 * lobes[1], 0.4 + 0.12 * lobes[2]
    center = np.stack([away * np.cos(around), away * np.sin(around)], -1)[..., None, :]  # [2, TREES, LOBES, 1, 2]
    angle = 2 * math.pi * np.arange(OUTLINE) / OUTLINE
    ray = np.stack([np.cos(angle), np.sin(angle)], -1)  # [OUTLINE, 2]
    along = (center * ray).sum(-1)
    aside = center[..., 0] * ray[:, 1] - center[..., 1] * ray[:, 0]
    reach = along + np.sqrt(np.maximum(radius[..., None] ** 2 - aside**2, 0))
    reach = np.where(np.abs(aside) < radius[..., None], reach, 0).max(axis=2).clip(0.62)  # [2, TREES, OUTLINE]
    return reach[..., None] * ray


class View:
    """Perspective from metres to canvas pixels."""

    def __init__(self, scene: Scene, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.focal = scene.focal * height
        self.x0, self.y0 = 0.5 * width + scene.shift_x * height, scene.horizon * height
        self.camera_x, self.camera_y = scene.camera_x, scene.camera_y

    def at(self, x: float, y: float, z: float) -> tuple[float, float]:
        scale = self.focal / z
        return self.x0 + (x - self.camera_x) * scale, self.y0 - (y - self.camera_y) * scale

    def strip(self, left: float, right: float, near: float, far: float) -> list[tuple[float, float]]:
        """A patch of ground between two X and two Z."""
        return [self.at(left, 0, near), self.at(right, 0, near), self.at(right, 0, far), self.at(left, 0, far)]


class Light:
    """From daylight colors to canvas colors: distance pales towards the horizon's color, then light multiplies."""

    def __init__(self, gains: RGB, haze: RGB, night: float) -> None:
        self.gains, self.haze, self.night = gains, haze, night

    def __call__(self, color: RGB, z: float = 0.0, shade: float = 1.0) -> tuple[int, int, int, int]:
        far = 0.55 * (1 - math.exp(-z / 80))
        near = shade * (1 - far)
        (r, g, b), (hr, hg, hb), (gr, gg, gb) = color, self.haze, self.gains  # unrolled: hot
        red = int((r * near + hr * far) * gr)
        green = int((g * near + hg * far) * gg)
        blue = int((b * near + hb * far) * gb)
        return min(red, 255), min(green, 255), min(blue, 255), 255


def mix(a: RGB, b: RGB, t: float) -> RGB:
    return a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t, a[2] + (b[2] - a[2]) * t
