"""SeFa (Shen and Zhou 2021): directions in W found without labels, in closed form from the generator's weights."""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sceneshift.generator import load_generator
from sceneshift.latents.boundaries import Boundary, save_boundary
from sceneshift.latents.levels import mask_of
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


def factorize_generator(generator: Path | str, outs: Sequence[Path | str], level: str = "all") -> None:
    """Write the first directions of the layers of a level as boundaries, one a file, named as the files.

    Such a boundary is for the layers of its level. What it changes, and in which sense, the re-scoring says.
    """
    network = load_generator(generator)
    mask = mask_of(level, network.ws_resolutions, network.resolution)
    weights = [weight.numpy() for weight, in_level in zip(network.synthesis.modulations, mask, strict=True) if in_level]
    directions, shares = sefa_directions(weights, len(outs))
    own = () if level == "all" else tuple(np.unique(np.asarray(network.ws_resolutions)[mask]).tolist())
    for out, direction, share in zip(outs, directions, shares, strict=True):
        name = Path(out).stem
        save_boundary(Boundary(direction, 0.0, name, float("nan"), 0, "sefa", resolutions=own), out)
        print(f"{name}: {share:.1%} of what codes change in the styles of these layers", file=sys.stderr)
