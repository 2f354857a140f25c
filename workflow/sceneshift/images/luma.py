"""Luma, the one brightness of a pixel that everything here measures by: ITU-R BT.601, 0.299 R + 0.587 G + 0.114 B."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:  # the plan of a run reads this module, and loads no torch
    from torch import Tensor

WEIGHTS = (0.299, 0.587, 0.114)


def luminance(images: np.ndarray) -> np.ndarray:
    """Luma of uint8 [N, H, W, 3]: float32 [N, H, W] in [0, 1]."""
    return (images.astype(np.float32) / 255) @ np.array(WEIGHTS, dtype=np.float32)


def network_luminance(pixels: "Tensor") -> "Tensor":
    """Luma of what networks see, float [..., 3, H, W] in [-1, 1]: [..., H, W] in [0, 1]."""
    red, green, blue = ((channel + 1) / 2 for channel in pixels.unbind(-3))
    return WEIGHTS[0] * red + WEIGHTS[1] * green + WEIGHTS[2] * blue
