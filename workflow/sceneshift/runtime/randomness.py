"""Random numbers as functions of counters, never of what ran before.

Every draw comes from a generator keyed by (seed, stream, counters). So code i is the same in any shard or batch,
and a training step is the same whether or not the run was killed before it.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch


def key_of(*parts: int | str) -> int:
    """A 128-bit key from any mixture of integers and names; the same on every machine."""
    text = "\x1f".join(str(part) for part in parts).encode(errors="surrogateescape")  # names of files need not be UTF-8
    return int.from_bytes(hashlib.blake2b(text, digest_size=16).digest(), "little")


def numpy_generator(*parts: int | str) -> np.random.Generator:
    """A counter-based (Philox) generator keyed by `parts`, e.g. (seed, "codes", index)."""
    return np.random.Generator(np.random.Philox(key=key_of(*parts)))


def torch_generator(*parts: int | str, device: torch.device | str = "cpu") -> torch.Generator:
    """A torch generator keyed by `parts`, e.g. (seed, "step", rank, images_seen)."""
    import torch  # not for those who draw without it

    return torch.Generator(device=device).manual_seed(key_of(*parts) & (2**63 - 1))
