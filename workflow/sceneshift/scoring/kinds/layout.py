"""Predictor of kind `layout`: where the camera looks, from the vanishing point of the picture's lines. No weights.

HiGAN's lowest level is the layout, which it measures by an estimator of a room's outline and reads as the camera's
viewpoint (arXiv 1911.09267). Streets have a closed form for it: lines along the street meet in one point, which lies on
the horizon. Detectors of line segments find few in the 64 px that generators draw, so each pixel of an edge votes, as
in Kong, Audibert & Ponce 2009 (Vanishing point detection for road detection, CVPR).
"""

from typing import Any, Literal

import numpy as np
from PIL import Image

from sceneshift.images.luma import luminance
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.scoring.kind import Facts, PredictorSettings

LONGER_SIDE = 128  # pixels; larger pictures are reduced, so that an edge is as wide as in a generator's
SMOOTHING = 0.7  # pixels: deviation of the Gaussians before and after the gradient
WEAKEST = 1 / 255  # of luma a pixel: less is no edge
UPRIGHT = np.sin(np.radians(8))  # edges this near to the axes are of houses and windows, not of the street
STRONGEST = 600  # edge pixels that vote
ANGLE = np.sin(np.radians(3))  # deviation of an edge's direction from the point's
CANDIDATES = 25  # a side, the picture's edges included
CENTERED = 0.4  # deviation of the points expected, around the middle, in widths and heights
REFINEMENTS = 2


def vanishing_point(luma: np.ndarray) -> np.ndarray:
    """Where lines of luma [H, W] in [0, 1] meet: x from the left, y from above, [2] in [0, 1] of the picture.

    The candidate v with the most votes, Σ w exp(-sin²(angle between edge and v) / 2σ²), times a Gaussian around the
    middle, then least squares of the distances to the lines that voted for it. The middle, where there is no line.
    """
    places, normals, weights = _edges(luma)
    if not len(weights):
        return np.full(2, 0.5)
    offsets = (normals * places).sum(1)
    size = np.array(luma.shape[::-1], np.float32)

    def votes(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Of each edge for each of points [P, 2], and their squared distance in pixels: [E, P] each."""
        squared = sum(np.subtract.outer(places[:, k], points[:, k]) ** 2 for k in (0, 1)) + 1
        sine2 = (normals @ points.T - offsets[:, None]) ** 2 / squared
        return np.exp(-sine2 / (2 * ANGLE**2)), squared

    grid = np.linspace(0, 1, CANDIDATES, dtype=np.float32)
    candidates = np.stack(np.meshgrid(grid, grid), -1).reshape(-1, 2)
    expected = np.exp(-np.square(candidates - 0.5).sum(1) / (2 * CENTERED**2))
    found = best = candidates[np.argmax(weights @ votes(candidates * size)[0] * expected)] * size
    for _ in range(REFINEMENTS):
        agreement, squared = votes(found[None])
        share = weights * agreement[:, 0] / squared[:, 0]
        normal_equations = (normals * share[:, None]).T @ normals
        hold = 1e-3 * np.trace(normal_equations)  # parallel lines leave the point where it is
        sums = (normals * share[:, None]).T @ offsets + hold * found
        nearer = np.linalg.solve(normal_equations + hold * np.eye(2, dtype=np.float32), sums)
        if np.abs((nearer - best) / size).max() > 2 / CANDIDATES:
            break
        found = nearer
    return np.clip(found / size, 0, 1)


def _edges(luma: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Places in pixels [E, 2], unit normals [E, 2] and weights [E] of edge pixels, by the structure tensor."""
    from scipy.ndimage import gaussian_filter

    across, down = (gaussian_filter(luma, SMOOTHING, order=order) for order in ((0, 1), (1, 0)))
    xx, yy, xy = (gaussian_filter(a * b, SMOOTHING) for a, b in ((across, across), (down, down), (across, down)))
    spread = np.hypot(xx - yy, 2 * xy)  # difference of the tensor's eigenvalues; xx + yy is their sum
    angle = 0.5 * np.arctan2(2 * xy, xx - yy)
    normals = np.stack([np.cos(angle), np.sin(angle)], -1)
    weights = np.sqrt(spread) * spread / np.maximum(xx + yy, 1e-12)
    slanted = (np.abs(normals).min(-1) > UPRIGHT) & (weights > WEAKEST)
    rows, columns = np.nonzero(slanted)
    strongest = np.argsort(-weights[rows, columns], kind="stable")[:STRONGEST]
    rows, columns = rows[strongest], columns[strongest]
    places = np.stack([columns, rows], -1).astype(np.float32) + 0.5
    return places, normals[rows, columns], weights[rows, columns]


ATTRIBUTES = ["horizon", "vanishing_point"]


class LayoutPredictor(PredictorSettings):
    """Where the camera looks, by closed formulas, no weights: `horizon`, how high it lies, 0 to 1 from the picture's lower edge to its upper, and `vanishing_point`, how far right the street leads, 0 to 1 from left to right. Both are 0.5 without slanted lines. Edit them at `level: layout` with `head: image`, since content moves; `vanishing_point` with `photos.mirror: false`, since a mirrored pair moves the other way."""

    kind: Literal["layout"]

    def attribute_names(self, photos: str | None = None) -> list[str]:
        return list(ATTRIBUTES)

    def build(self, device: str = "cpu") -> "Layout":
        return Layout()

    @classmethod
    def load(cls, facts: dict[str, Any], tensors: dict[str, np.ndarray], device: str) -> "Layout":
        if (attributes := Facts.model_validate(facts).attributes) != ATTRIBUTES:
            raise SceneshiftError(f"layout scores {', '.join(ATTRIBUTES)}, not {', '.join(attributes)}")
        return Layout()


class Layout:
    """horizon: how high the horizon lies, 0 at the lower edge, 1 at the upper. vanishing_point: how far right the street
    leads, 0 at the left edge, 1 at the right. Both 0.5 for a picture without slanted lines."""

    def __init__(self) -> None:
        self.attributes = list(ATTRIBUTES)

    def score(self, images: np.ndarray) -> np.ndarray:
        """uint8 [N, H, W, 3] -> float32 [N, 2] in [0, 1]."""
        factor = -(-max(images.shape[1:3]) // LONGER_SIDE)
        lumas = (np.asarray(Image.fromarray(luma).reduce(factor)) for luma in luminance(images))
        x, y = np.array([vanishing_point(luma) for luma in lumas]).reshape(-1, 2).T
        return np.stack([1 - y, x], axis=1).astype(np.float32)

    def facts(self) -> Facts:
        """What the predictor file records about it."""
        return Facts(kind="layout", attributes=self.attributes)

    def tensors(self) -> dict[str, np.ndarray]:
        """None: the formulas are all."""
        return {}
