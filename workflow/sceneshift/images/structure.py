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
    edges_a, edges_b = (_centered_edges(images) for images in (a, b))
    energy_a, energy_b = (np.square(edges).sum(axis=1) for edges in (edges_a, edges_b))
    flat = np.minimum(energy_a, energy_b) < 1e-9
    product = (edges_a * edges_b).sum(axis=1) / np.sqrt(np.where(flat, 1, energy_a * energy_b))
    return np.where(flat, np.maximum(energy_a, energy_b) < 1e-9, product).astype(np.float64)


def _centered_edges(images: np.ndarray) -> np.ndarray:
    """Gradient magnitude less its mean, [N, H·W]."""
    down, across = np.gradient(luminance(images).astype(np.float64), axis=(1, 2))
    magnitude = np.hypot(down, across).reshape(len(images), -1)
    return magnitude - magnitude.mean(axis=1, keepdims=True)
