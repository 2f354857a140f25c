"""Is it the same place? The zoom and shift that lay an edited photo on the photo best.

Phase correlation (Kuglin & Hines 1975) finds the shift at each of a row of zooms, a simplex search (Nelder & Mead 1965)
goes on from the best of them, by structure. scikit-image has the first step alone, for four more packages; OpenCV's ECC
is a download of 60 MB.
"""

from dataclasses import dataclass

import numpy as np
from scipy.fft import irfft2, rfft2
from scipy.ndimage import affine_transform, spline_filter
from scipy.optimize import minimize

from sceneshift.images.luma import luminance
from sceneshift.images.structure import correlation_of_edges, edges
from sceneshift.translator.translator import shrunk

REACH = 0.15  # zooms tried: from 1 − REACH to 1 + REACH
COARSE, FINE = 96, 320  # shorter sides on which zooms are tried, and on which the best one is refined
TILES = 4  # across the shorter side, whose shifts are what a zoom and a shift leave
LEAST_GAIN = 0.1  # of what structure lacks to 1; what moves for less is fitted to noise
ROUNDING = 0.005
LEAST_OVERLAP = 0.5  # of the photo; less in common tells nothing


@dataclass(frozen=True)
class Alignment:
    """Where a point of the photo lies in the edited one: zoom·(p − center) + center + (down, across).

    zoom: above 1 where the edited photo shows less of the place, larger; down, across: in shares of the shorter side.
    """

    zoom: float = 1.0
    down: float = 0.0
    across: float = 0.0

    @property
    def shift(self) -> float:
        """Length of the shift, as a share of the shorter side."""
        return float(np.hypot(self.down, self.across))

    @property
    def inverse(self) -> "Alignment":
        """What leads from the photo to the edited one."""
        return Alignment(1 / self.zoom, -self.down / self.zoom, -self.across / self.zoom)

    def undone(self, image: np.ndarray, order: int = 3) -> np.ndarray:
        """The edited photo, [H, W] or uint8 [H, W, 3], laid on the photo; mirrored into what it does not show."""
        if image.ndim == 3:
            channels = [self.undone(image[..., c].astype(np.float32), order) for c in range(3)]
            return np.stack(channels, axis=-1).round().clip(0, 255).astype(np.uint8)
        offset = self._offset(image.shape)
        return affine_transform(image, [self.zoom] * 2, offset, order=order, mode="mirror", prefilter=order > 1)

    def shown(self, shape: tuple[int, int]) -> tuple[slice, slice]:
        """The rows and columns of the photo, of this shape, that the edited one shows."""
        slices = []
        for side, start in zip(shape, self._offset(shape), strict=True):
            first, last = -start / self.zoom, (side - 1 - start) / self.zoom
            slices.append(slice(max(0, int(np.ceil(first - 1e-6))), min(side, int(np.floor(last + 1e-6)) + 1)))
        return tuple(slices)

    def _offset(self, shape: tuple[int, int]) -> np.ndarray:
        center = (np.array(shape) - 1) / 2
        return center - self.zoom * center + np.array([self.down, self.across]) * min(shape)


def align(before: np.ndarray, after: np.ndarray) -> Alignment:
    """The alignment of two pictures, uint8 [H, W, 3] of one shape, that gives the most structure in common.

    Right to .0005 of zoom and .05 pixels where the edit leaves most edges. No alignment at all where none makes up
    for `LEAST_GAIN` of the structure that the pictures lack as they lie.
    """
    start = _nearest_zoom(*(_luma(image, COARSE) for image in (before, after)))
    one, other = (_luma(image, FINE) for image in (before, after))
    side, own, smooth = min(one.shape), edges(one[None]), spline_filter(other.astype(np.float64), mode="mirror")

    def structure(alignment: Alignment) -> float:
        rows, columns = alignment.shown(one.shape)
        if (rows.stop - rows.start) * (columns.stop - columns.start) < LEAST_OVERLAP * one.size:
            return -1.0
        offset = alignment._offset(one.shape)
        laid = affine_transform(smooth, [alignment.zoom] * 2, offset, order=3, mode="mirror", prefilter=False)
        return float(correlation_of_edges(own[:, rows, columns], edges(laid[None])[:, rows, columns])[0])

    def moved(pixels: np.ndarray) -> Alignment:  # of the borders of the shorter side, from the start
        zoom, down, across = (pixels / side).tolist()
        return Alignment(start.zoom + 2 * zoom, start.down + down, start.across + across)

    simplex = np.vstack([np.zeros(3), np.eye(3) * 1.5])
    found = minimize(
        lambda pixels: -structure(moved(pixels)), np.zeros(3), method="Nelder-Mead",
        options={"initial_simplex": simplex, "xatol": 0.02, "fatol": 1e-5, "maxfev": 120},
    )  # fmt: skip
    as_they_lie = structure(Alignment())
    return moved(found.x) if -found.fun - as_they_lie > LEAST_GAIN * (1 - as_they_lie) + ROUNDING else Alignment()


def residual(before: np.ndarray, after: np.ndarray) -> float:
    """What an alignment leaves: the median length of the tiles' own shifts, as a share of the shorter side.

    before, after: uint8 [H, W, 3] of one shape, aligned. Tiles without edges do not count; 0 where none has any.
    """
    one, other = (_luma(image, FINE) for image in (before, after))
    tile = min(one.shape) // TILES
    lengths = []
    for top in range(0, one.shape[0] - tile + 1, tile):
        for left in range(0, one.shape[1] - tile + 1, tile):
            a, b = (picture[top : top + tile, left : left + tile] for picture in (one, other))
            if min(a.std(), b.std()) > 0.02:
                down, across, _ = _shift(a, b)
                lengths.append(np.hypot(down, across))
    return float(np.median(lengths)) / min(one.shape) if lengths else 0.0


def _nearest_zoom(one: np.ndarray, other: np.ndarray) -> Alignment:
    """The zoom, of those in linear steps of one pixel at the border, at which the phases agree best, with its shift."""
    side = min(one.shape)
    steps = int(REACH * side / 2)
    found = []
    for zoom in 1 + np.arange(-steps, steps + 1) * 2 / side:
        down, across, agreement = _shift(one, Alignment(zoom).undone(other, order=1))
        found.append((agreement, Alignment(float(zoom), zoom * down / side, zoom * across / side)))
    return max(found, key=lambda pair: pair[0])[1]


def _shift(one: np.ndarray, other: np.ndarray) -> tuple[float, float, float]:
    """How far `other` lies down and across of `one`, [H, W] each, in pixels to a fraction, and how well it fits.

    The peak of the phase correlation, and the vertex of the parabolas through it and its neighbors.
    """
    window = np.hanning(one.shape[0] + 2)[1:-1, None] * np.hanning(one.shape[1] + 2)[1:-1]
    a, b = (rfft2((picture - picture.mean()) * window) for picture in (one, other))
    cross = b * a.conj()
    power = np.abs(cross)
    # whitened but for the faintest frequencies, which are noise
    peak = irfft2(cross / (power + 1e-3 * power.max() + 1e-12), s=one.shape)
    row, column = np.unravel_index(peak.argmax(), peak.shape)
    down = row + _vertex(*(peak[(row + step) % peak.shape[0], column] for step in (-1, 0, 1)))
    across = column + _vertex(*(peak[row, (column + step) % peak.shape[1]] for step in (-1, 0, 1)))
    height, width = one.shape
    return (down + height / 2) % height - height / 2, (across + width / 2) % width - width / 2, float(peak.max())


def _vertex(before: float, at: float, after: float) -> float:
    """Where a parabola through three points, one apart, is highest, from the middle one: at most half a step."""
    bend = before - 2 * at + after
    return 0.0 if bend >= 0 else float(np.clip((before - after) / (2 * bend), -0.5, 0.5))


def _luma(image: np.ndarray, side: int) -> np.ndarray:
    """Luma of uint8 [H, W, 3], its shorter side brought down to `side` if it is larger: float32 [H', W']."""
    height, width = image.shape[:2]
    scale = side / min(height, width)
    small = image if scale >= 1 else shrunk(image, round(height * scale), round(width * scale))
    return luminance(small[None])[0]
