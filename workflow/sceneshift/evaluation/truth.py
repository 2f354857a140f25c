"""How near a picture comes to what it should have become, where a renderer says what that is."""

import numpy as np

from sceneshift.images.ssim import ssim
from sceneshift.images.structure import structure

ROUNDING = 1 / 12  # mean square error of rounding to 8 bits: pictures that differ by less count as equal


def likeness(images: np.ndarray, truth: np.ndarray) -> dict[str, np.ndarray]:
    """psnr in dB (58.9 for equal pictures), ssim and structure, [N] each, of uint8 [N, H, W, 3] to `truth`."""
    error = np.square(images.astype(np.float64) - truth).mean((1, 2, 3))
    psnr = 10 * np.log10(255**2 / np.maximum(error, ROUNDING))
    return {"psnr": psnr, "ssim": ssim(images, truth), "structure": structure(images, truth)}
