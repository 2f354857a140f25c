"""Kernel distance of two sets of features: unbiased where a Fréchet distance of few pictures is not."""

import numpy as np

from sceneshift.runtime.bootstrap import RESAMPLES

SUBSETS, SUBSET_SIZE = 100, 1000  # as the metrics of stylegan2-ada


def kernel_distance(a: np.ndarray, b: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Squared maximum mean discrepancy of [N, D] and [M, D] under (x·y/D + 1)³, unbiased (arXiv 1801.01401, eq. 4).

    Returns float64 [1 + RESAMPLES]: it, and what it is in resamples of the pictures (Poisson bootstrap, as in
    `evaluation.dose`), in which no picture is compared with itself either. Equal `rng` and counts give equal resamples.
    NaN where there are no two different pictures in a set.
    """
    weights_a, weights_b = (
        np.vstack([np.ones(len(x)), rng.poisson(1.0, (RESAMPLES, len(x)))]) for x in (a, b)
    )  # the first row: each picture once
    within = _within(weights_a, _kernel(a, a)) + _within(weights_b, _kernel(b, b))
    pairs = weights_a.sum(1) * weights_b.sum(1)
    between = np.einsum("ri,ij,rj->r", weights_a, _kernel(a, b), weights_b, optimize=True) / np.maximum(pairs, 1)
    return within - 2 * between


def mean_kernel_distance(a: np.ndarray, b: np.ndarray, rng: np.random.Generator) -> float:
    """As `kernel_distance`, the mean over SUBSETS drawings of at most SUBSET_SIZE of each: KID, as it is published."""
    size = min(SUBSET_SIZE, len(a), len(b))
    drawn = ([x[rng.choice(len(x), size, replace=False)] for x in (a, b)] for _ in range(SUBSETS))
    once = np.ones((1, size))
    distances = [
        _within(once, _kernel(x, x)) + _within(once, _kernel(y, y)) - 2 * _kernel(x, y).mean() for x, y in drawn
    ]
    return float(np.mean(distances))


def _kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (a.astype(np.float64) @ b.T.astype(np.float64) / a.shape[1] + 1) ** 3


def _within(weights: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Mean of the kernel over pairs of different pictures, for each row of weights; NaN for a row without a pair."""
    kernel = kernel - np.diag(np.diag(kernel))
    total, same = weights.sum(1) ** 2, np.square(weights).sum(1)
    pairs = np.where(total > same, total - same, np.nan)
    return np.einsum("ri,ij,rj->r", weights, kernel, weights, optimize=True) / pairs
