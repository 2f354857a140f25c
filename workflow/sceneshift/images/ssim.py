"""Structural similarity (Wang et al. 2004). scikit-image's is equal to 1e-15, for four more packages."""

import numpy as np
from scipy.ndimage import correlate1d

from sceneshift.images.luma import luminance

SIGMA, RADIUS = 1.5, 5  # an 11 × 11 Gaussian window
C1, C2 = 0.01**2, 0.03**2  # (K L)² for pictures in [0, 1]


def ssim(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Mean SSIM of luminance, per picture (eq. 13), over the windows that lie inside the picture.

    a, b: uint8 [N, H, W, 3] of one shape, at least 11 pixels wide and high. Returns float64 [N] in [-1, 1], 1 for
    equal pictures. Raises ValueError for other shapes.
    """
    if a.shape != b.shape or min(a.shape[1:3]) < 2 * RADIUS + 1:
        raise ValueError(f"SSIM compares pictures of one shape, 11 pixels or more, found {a.shape} and {b.shape}")
    x, y = luminance(a).astype(np.float64), luminance(b).astype(np.float64)
    mean_x, mean_y = _window(x), _window(y)
    variance_x, variance_y = _window(x * x) - mean_x**2, _window(y * y) - mean_y**2
    covariance = _window(x * y) - mean_x * mean_y
    similarity = (2 * mean_x * mean_y + C1) * (2 * covariance + C2)
    similarity /= (mean_x**2 + mean_y**2 + C1) * (variance_x + variance_y + C2)
    return similarity.mean(axis=(1, 2))


def _window(images: np.ndarray) -> np.ndarray:
    """Gaussian weighted mean over each window that lies inside, [N, H, W] -> [N, H − 10, W − 10]."""
    weights = np.exp(-0.5 * (np.arange(-RADIUS, RADIUS + 1) / SIGMA) ** 2)
    weights /= weights.sum()
    smooth = correlate1d(correlate1d(images, weights, axis=1), weights, axis=2)
    return smooth[:, RADIUS:-RADIUS, RADIUS:-RADIUS]
