"""Where the camera stands and how it looks: rays for samples, and the part of the picture that a body may cover."""

import math

import numpy as np

from sceneshift.streets.draws import Draws
from sceneshift.streets.plan import Plan

NEAR = 0.15  # metres; nothing is seen closer
SMALLEST, LARGEST = 16, 1024  # pixels of a side

Rect = tuple[slice, slice]


class Camera:
    """A camera with slight radial distortion, sampled `samples` x `samples` times a pixel.

    position: [3] metres (x right, y up, z along the street). axes: [3, 3], the camera's right, up and forward.
    focal: in samples. height, width: in samples.
    """

    def __init__(self, draws: Draws, plan: Plan, shape: tuple[int, int], samples: int) -> None:
        rng = draws("camera")
        self.height, self.width = shape[0] * samples, shape[1] * samples
        self.samples = samples
        # The field of view's area is the scene's: wide pictures see more to the sides, tall ones more sky and ground.
        self.focal = math.exp(rng.uniform(math.log(0.74), math.log(1.6))) * math.sqrt(self.height * self.width)
        self.distortion = float(np.clip(rng.normal(0, 0.025), -0.05, 0.05))
        across, up, eye, turn, pitch, roll = rng.random(6).tolist()
        # On foot, from a car, or from a window.
        level = 1.45 + 0.4 * eye if up < 0.72 else 1.9 + 1.2 * eye if up < 0.92 else 3.5 + 5 * eye
        self.position = np.array([plan.camera_x(across), level, 0.0])
        self.position[0] += plan.center(0.0)
        yaw = plan.yaw(turn, self.position[0])
        tilt = math.radians(-6 + 17 * pitch) - (0.05 if level > 3 else 0.0)
        lean = math.radians(np.clip(rng.normal(0, 1.1), -3.5, 3.5)) * (0.4 + roll)
        self.yaw = yaw
        self.axes = _axes(yaw, tilt, lean)

    def rays(self) -> np.ndarray:
        """Directions [3, height, width] of all samples, of length 1 along the forward axis.

        The samples of a pixel lie on a rotated grid, so that edges along rows and columns get as many steps as samples.
        """
        rows, columns = np.mgrid[: self.height, : self.width].astype(np.float32)
        shift = ((np.arange(self.samples) - (self.samples - 1) / 2) / self.samples).astype(np.float32)
        across = columns + 0.5 + np.tile(shift, self.height // self.samples)[:, None] - self.width / 2
        down = rows + 0.5 - np.tile(shift, self.width // self.samples)[None, :] - self.height / 2
        x, y = across / self.focal, -down / self.focal
        bend = 1 + self.distortion * (x * x + y * y)
        flat = np.stack([x * bend, y * bend])
        right, up, forward = self.axes.astype(np.float32)
        return right[:, None, None] * flat[0] + up[:, None, None] * flat[1] + forward[:, None, None]

    def project(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Points [N, 3] -> column, row (in samples) and depth, [N] each. Depth below `NEAR`: not seen."""
        x, y, depth = self.axes @ (points - self.position).T
        safe = np.maximum(depth, NEAR)
        x, y = x / safe, y / safe
        shrink = 1 / (1 + self.distortion * np.minimum(x * x + y * y, 1.0))
        return (
            self.width / 2 + self.focal * x * shrink,
            self.height / 2 - self.focal * y * shrink,
            depth,
        )

    def rects(self, hulls: np.ndarray) -> list[Rect | None]:
        """For convex bodies with corners hulls [B, 8, 3]: the rows and columns outside which each cannot be seen."""
        if not len(hulls):
            return []
        x, y, depth = np.moveaxis((hulls - self.position) @ self.axes.T, -1, 0)  # [B, 8] each
        front = depth > NEAR
        whole = front.all(1)
        safe = np.maximum(depth, NEAR)
        u, v = x / safe, y / safe
        bounds = np.stack([u.min(1), u.max(1), v.min(1), v.max(1)], 1)
        for k in np.nonzero(~whole & front.any(1))[0]:
            bounds[k] = _cut(x[k], y[k], depth[k])
        # Distortion moves a point by this share of its distance from the middle, at most.
        reach = abs(self.distortion) * (self.height**2 + self.width**2) / (2 * self.focal) ** 2 * 1.3
        slack = reach * np.abs(bounds) + 1.5 / self.focal
        bounds += slack * np.array([-1, 1, -1, 1])
        seen = front.any(1).tolist()
        left, right = self._bounded(bounds[:, 0], bounds[:, 1], self.width)
        top, bottom = self._bounded(-bounds[:, 3], -bounds[:, 2], self.height)
        return [
            (slice(a, b), slice(c, d)) if here and a < b and c < d else None
            for here, a, b, c, d in zip(seen, top, bottom, left, right, strict=True)
        ]

    def _bounded(self, low: np.ndarray, high: np.ndarray, size: int) -> tuple[list[int], list[int]]:
        first = np.clip(size / 2 + self.focal * low, 0, size).astype(int)
        last = np.clip(np.ceil(np.clip(size / 2 + self.focal * high, 0, size)), 0, size).astype(int)
        return first.tolist(), last.tolist()


def _cut(x: np.ndarray, y: np.ndarray, depth: np.ndarray) -> tuple[float, float, float, float]:
    """Bounds of x / depth and y / depth over the part of a hull that lies before the near plane."""
    front = depth > NEAR
    a, b = np.nonzero(front)[0][:, None], np.nonzero(~front)[0][None, :]
    share = (depth[a] - NEAR) / (depth[a] - depth[b])
    u = np.concatenate([x[front] / depth[front], (x[a] + (x[b] - x[a]) * share).ravel() / NEAR])
    v = np.concatenate([y[front] / depth[front], (y[a] + (y[b] - y[a]) * share).ravel() / NEAR])
    return u.min(), u.max(), v.min(), v.max()


def _axes(yaw: float, tilt: float, lean: float) -> np.ndarray:
    """Right, up and forward of a camera turned by yaw (to the right), tilted up and rolled, radians: [3, 3]."""
    forward = np.array([math.sin(yaw) * math.cos(tilt), math.sin(tilt), math.cos(yaw) * math.cos(tilt)])
    right = np.array([math.cos(yaw), 0, -math.sin(yaw)])
    up = np.cross(forward, right)
    return np.stack(
        [right * math.cos(lean) + up * math.sin(lean), up * math.cos(lean) - right * math.sin(lean), forward]
    )
