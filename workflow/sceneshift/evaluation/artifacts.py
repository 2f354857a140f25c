"""Traces that an edit leaves and no photo should have: crushed and blown pixels, blocks, halos."""

import numpy as np
from scipy.ndimage import binary_dilation

from sceneshift.images.luma import luminance
from sceneshift.images.structure import edges

BLACK, WHITE = 2, 253  # levels; a pixel all of whose channels lie there has lost what was in it
BLOCK = 8  # pixels; of JPEG, and of most networks that code pictures
STRONG, SMOOTH = 0.95, 0.5  # quantiles of the photo's edges: those that may get halos, and the ground that shows them
REACH = 6  # pixels from a strong edge to the end of its halo
LEAST_SIDE = 128  # pixels; smaller pictures have few blocks, and little else than the surroundings of edges
LEAST = 0.005  # of the pixels; halos are not measured on fewer


def crushed(image: np.ndarray) -> float:
    """Share of the pixels of uint8 [H, W, 3] that are black in every channel."""
    return float((image <= BLACK).all(axis=2).mean())


def blown(image: np.ndarray) -> float:
    """Share of the pixels of uint8 [H, W, 3] that are white in every channel."""
    return float((image >= WHITE).all(axis=2).mean())


def blocks(image: np.ndarray) -> float:
    """How much larger steps across the borders of 8 × 8 blocks are than others (after Wang et al. 2000).

    uint8 [H, W, 3] on its file's grid -> difference of the means, in levels of 255: about 0 for a photo, 1.3 and 2.5
    for JPEGs of quality 75 and 50. NaN for pictures of a shorter side below `LEAST_SIDE`.
    """
    if min(image.shape[:2]) < LEAST_SIDE:
        return np.nan
    luma = luminance(image[None])[0].astype(np.float64)
    at, elsewhere = [], []
    for steps in (np.abs(np.diff(luma, axis=0)), np.abs(np.diff(luma, axis=1)).T):
        border = np.arange(1, len(steps) + 1) % BLOCK == 0
        at.append(steps[border].ravel())
        elsewhere.append(steps[~border].ravel())
    return float(np.concatenate(at).mean() - np.concatenate(elsewhere).mean()) * 255


def halos(before: np.ndarray, after: np.ndarray) -> float:
    """How much more the change varies beside strong edges than elsewhere, in levels of 255 per pixel.

    before, after: uint8 [H, W, 3], aligned. Both are looked at where the photo is smooth: a change that follows the
    photo's edges, however strong, has no halo; one that leaks across them has. NaN where there is no such ground,
    and for pictures of a shorter side below `LEAST_SIDE`.
    """
    if min(before.shape[:2]) < LEAST_SIDE:
        return np.nan
    luma = luminance(np.stack([before, after])).astype(np.float64)
    own, (change,) = edges(luma[:1])[0], edges(luma[1:] - luma[:1]) * 255
    strong = own > max(np.quantile(own, STRONG), 2 / 255)
    smooth = (own <= np.quantile(own, SMOOTH)) & ~binary_dilation(strong, iterations=2)
    near = binary_dilation(strong, iterations=REACH)
    beside, apart = smooth & near, smooth & ~near
    if min(beside.mean(), apart.mean()) < LEAST:
        return np.nan
    return float(change[beside].mean() - change[apart].mean())
