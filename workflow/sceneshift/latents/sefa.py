"""SeFa (arXiv 2007.06600): directions in W found without labels, in closed form from the generator's weights."""

from collections.abc import Sequence

import numpy as np

from sceneshift.runtime.errors import SceneshiftError


def sefa_directions(modulations: Sequence[np.ndarray], count: int) -> tuple[np.ndarray, np.ndarray]:
    """The `count` unit directions that change the styles most, [count, w_dim], and the share of each, [count].

    modulations: weights A [channels, w_dim] of the layers' affine maps from w to styles. The directions are the
    eigenvectors of AᵀA, largest eigenvalue first (eq. 6), of all layers stacked, each row of unit length as in the
    authors' code; share: eigenvalue over the sum of all. The sign of an eigenvector means nothing; here its largest
    component is positive.
    """
    rows = np.concatenate(modulations).astype(np.float64)
    rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    if count > rows.shape[1]:
        raise SceneshiftError(f"boundaries.sefa: found {count} components, but codes have {rows.shape[1]} dimensions.")
    values, vectors = np.linalg.eigh(rows.T @ rows)
    values, vectors = values[::-1][:count] / values.sum(), vectors.T[::-1][:count]
    largest = np.take_along_axis(vectors, np.abs(vectors).argmax(axis=1)[:, None], axis=1)
    return (vectors * np.sign(largest)).astype(np.float32), values
