"""Random numbers of a street, keyed by what they are for.

No draw shares a stream with another purpose, so a label that changes how much of one thing is drawn leaves every
other draw as it was.
"""

import numpy as np

from sceneshift.runtime.randomness import numpy_generator


class Draws:
    """The random numbers of street `index` of `seed`: `draws("tree", 3)` is the generator for tree 3, always."""

    def __init__(self, seed: int, index: int) -> None:
        self.seed, self.index = int(seed), int(index)

    def __call__(self, *purpose: int | str) -> np.random.Generator:
        """A counter-based (Philox) generator for one purpose."""
        return numpy_generator(self.seed, self.index, *purpose)

    def salt(self, *purpose: int | str) -> int:
        """A 32-bit number to start `hashed` with."""
        return int(self(*purpose).integers(2**32))


def hashed(salt: int, *cells: np.ndarray) -> np.ndarray:
    """Uniform numbers in [0, 1), one for each cell of integer coordinates: float32 of the cells' shape.

    A chain of multiply and xor-shift steps (the finalizer of MurmurHash3), the same on every machine.
    """
    state = np.uint32(salt)
    for cell in cells:
        state = state ^ np.asarray(cell).astype(np.int32).view(np.uint32)
        state = state * np.uint32(0x85EBCA6B)
        state = state ^ (state >> np.uint32(13))
        state = state * np.uint32(0xC2B2AE35)
        state = state ^ (state >> np.uint32(16))
    return (state >> np.uint32(8)).astype(np.float32) * np.float32(2**-24)
