"""Samples of surfaces on their way from geometry to light."""

from dataclasses import dataclass, field

import numpy as np


@dataclass
class Surface:
    """M samples that see something solid.

    position, view, normal: [3, M]; metres, and unit vectors (view points from the camera). depth: [M], along the
    camera's axis. distance: [M], from the camera. footprint: [M], how many metres a sample spans across its view.
    face, across, up: [M], which part of a body it sees, as in `Buffer`.
    albedo: [3, M], share of light sent back diffusely. emission: [3, M], light of its own. mirror: [M], share of the
    sky's reflection. wrap: [M], how far light reaches around (leaves let it through). ambient: [M], share of the sky's
    light that corners leave.
    """

    position: np.ndarray
    view: np.ndarray
    depth: np.ndarray
    distance: np.ndarray
    footprint: np.ndarray
    face: np.ndarray
    across: np.ndarray
    up: np.ndarray
    normal: np.ndarray = field(init=False)
    albedo: np.ndarray = field(init=False)
    emission: np.ndarray = field(init=False)
    mirror: np.ndarray = field(init=False)
    wrap: np.ndarray = field(init=False)
    ambient: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        count = self.depth.size
        self.normal = np.zeros((3, count), np.float32)
        self.normal[1] = 1
        self.albedo = np.full((3, count), 0.2, np.float32)
        self.emission = np.zeros((3, count), np.float32)
        self.mirror, self.wrap = np.zeros((2, count), np.float32)
        self.ambient = np.ones(count, np.float32)


def lay(color: np.ndarray, over: np.ndarray, share: np.ndarray) -> None:
    """Lay `over` ([3], [3, 1] or [3, M]) on color [3, M], in place, where share [M] says."""
    over = np.asarray(over, np.float32)
    assert color.dtype == np.float32
    color += share * ((over[:, None] if over.ndim == 1 else over) - color)


def cover(distance: np.ndarray, footprint: np.ndarray) -> np.ndarray:
    """Share of a sample inside a shape, [M], from the signed distance to its edge [M] (negative inside), in metres."""
    return np.clip(0.5 - distance / footprint, 0, 1)


def smoothstep(low: float, high: float, x):
    """0 below `low`, 1 above `high`, smooth between."""
    if np.ndim(x) == 0:  # a plain float, which leaves arrays that it meets in single precision
        t = min(max((float(x) - low) / (high - low), 0.0), 1.0)
    else:
        t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Scalar products of vectors [3, M] (or [3], for one of them): [M]."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
