"""Latent codes as functions of (seed, stream, index) alone: no shard, batch or worker changes them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from sceneshift.runtime.randomness import numpy_generator

Stream = Literal["synthesis", "rescoring", "pairs"]  # codes of different streams have nothing in common


@dataclass(frozen=True)
class Codes:
    """N codes, before and after the mapping network."""

    z: np.ndarray  # float32 [N, z_dim]
    w: np.ndarray  # float32 [N, w_dim], untruncated

    def __len__(self) -> int:
        return len(self.z)

    def __getitem__(self, rows: slice | np.ndarray) -> "Codes":
        return Codes(self.z[rows], self.w[rows])


def z_of(seed: int, stream: Stream, indices: Iterable[int], z_dim: int) -> np.ndarray:
    """z ~ N(0, I) of the codes `indices`: float32 [N, z_dim]. Each row comes from its own Philox key."""
    rows = [numpy_generator(seed, "z", stream, int(i)).standard_normal(z_dim, dtype=np.float32) for i in indices]
    return np.stack(rows) if rows else np.zeros((0, z_dim), np.float32)
