"""360° panoramas: their right border goes on at the left one, so an edit must not show where they meet."""

import numpy as np

from sceneshift.translator.translator import Edited

MARGIN = 4  # the part of the height that is added at either end


def wrapped(panorama: np.ndarray) -> np.ndarray:
    """The panorama [H, W, C] with a margin of its other end at either end: [H, W + 2·(H/4), C]."""
    return np.take(panorama, np.arange(-_margin(panorama), panorama.shape[1] + _margin(panorama)), axis=1, mode="wrap")


def unwrapped(edited: Edited) -> Edited:
    """The edit of a `wrapped` panorama without the margins, which are blended in: at the border both ends weigh ½."""
    return Edited(_unwrapped(edited.image), None if edited.mask is None else _unwrapped(edited.mask))


def _unwrapped(pixels: np.ndarray) -> np.ndarray:
    """uint8 [H, W + 2·margin, …] -> [H, W, …]."""
    margin = _margin(pixels)
    out = pixels[:, margin:-margin].copy()
    weight = 0.5 * (1 - (np.arange(margin) + 0.5) / margin)  # of the margin, by the distance to the border
    weight = weight.reshape(-1, *[1] * (pixels.ndim - 2))
    for inner, outer, share in (
        (np.s_[:, :margin], np.s_[:, -margin:], weight),
        (np.s_[:, -margin:], np.s_[:, :margin], weight[::-1]),
    ):
        out[inner] = np.rint(out[inner] * (1 - share) + pixels[outer] * share)
    return out


def _margin(pixels: np.ndarray) -> int:
    """Width of each margin, in pixels, for a picture [H, …]."""
    return max(1, pixels.shape[0] // MARGIN)
