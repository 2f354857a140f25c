"""Latent codes as functions of (seed, stream, index) alone: no shard, batch or worker changes them."""

from collections.abc import Iterable
from typing import Literal

import numpy as np

from sceneshift.runtime.randomness import numpy_generator

Stream = Literal["synthesis", "rescoring", "pairs"]  # codes of different streams have nothing in common


def z_of(seed: int, stream: Stream, indices: Iterable[int], z_dim: int) -> np.ndarray:
    """z ~ N(0, I) of the codes `indices`: float32 [N, z_dim]. Each row comes from its own Philox key."""
    rows = [numpy_generator(seed, "z", stream, int(i)).standard_normal(z_dim, dtype=np.float32) for i in indices]
    return np.stack(rows) if rows else np.zeros((0, z_dim), np.float32)
