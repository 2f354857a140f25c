"""How much of a picture's structure an edit keeps."""

import numpy as np

from sceneshift.images.luma import luminance


def structure(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Pearson correlation, per picture, of the luminance gradient's magnitude in `a` and in `b`.

    a, b: uint8 [N, H, W, 3]. Returns float64 [N] in [-1, 1]; 1 for pictures whose edges lie at the same places with
    the same relative strengths, in any light. Gradients are central differences (one-sided at the borders).
    A flat picture has no edges to compare: two flat pictures give 1, a flat and another one 0.
    Raises ValueError for different shapes.
    """
    if a.shape != b.shape:
        raise ValueError(f"structure compares pictures of one shape, found {a.shape} and {b.shape}")
    return correlation_of_edges(*(edges(luminance(images)) for images in (a, b)))


def edges(luma: np.ndarray) -> np.ndarray:
    """Magnitude of the gradient of [N, H, W]: float64 [N, H, W]."""
    return np.hypot(*np.gradient(luma.astype(np.float64), axis=(1, 2)))


def correlation_of_edges(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """`structure` of pictures whose `edges` these are, [N, H, W] each: float64 [N]."""
    a, b = (_centered(magnitude.reshape(len(magnitude), -1)) for magnitude in (a, b))
    energy_a, energy_b = (np.square(centered).sum(axis=1) for centered in (a, b))
    flat = np.minimum(energy_a, energy_b) < 1e-9
    product = (a * b).sum(axis=1) / np.sqrt(np.where(flat, 1, energy_a * energy_b))
    return np.where(flat, np.maximum(energy_a, energy_b) < 1e-9, product).astype(np.float64)


def _centered(values: np.ndarray) -> np.ndarray:
    return values - values.mean(axis=1, keepdims=True)
