"""Perceptual path length (arXiv 1812.04948, eq. 3) in W, at the ends of paths, without outliers (as 1912.04958)."""

from collections.abc import Callable, Iterable

import numpy as np
import torch
from torch import Tensor

from sceneshift.generator.networks import Generator

STEP = 1e-4  # ε
KEPT = (1, 99)  # percentiles: what lies outside is left out


@torch.no_grad()
def path_lengths(g: Generator, pairs: Iterable[Tensor], features: Callable[[Tensor], Tensor]) -> np.ndarray:
    """d(g(w), g(w + ε(w' − w))) / ε² of each pair: float64 [N].

    pairs: batches z [n, 2, z_dim]. features: images [n, 3, H, W] in about [-1, 1] -> [n, D], whose squared distance is
    d. The noise is fixed, the same at both ends; codes are not truncated.
    """
    lengths = []
    for z in pairs:
        w, other = g.mapping(z.flatten(0, 1)).unflatten(0, (-1, 2)).unbind(1)
        ends = (features(g.synthesis(end)).double() for end in (w, w.lerp(other, STEP)))
        lengths.append(torch.sub(*ends).square().sum(1) / STEP**2)
    return torch.cat(lengths).cpu().numpy()


def path_length(lengths: np.ndarray) -> float:
    """The mean of path lengths [N] without the shortest and the longest hundredth."""
    low, high = np.percentile(lengths, KEPT[0], method="lower"), np.percentile(lengths, KEPT[1], method="higher")
    return float(lengths[(lengths >= low) & (lengths <= high)].mean())
