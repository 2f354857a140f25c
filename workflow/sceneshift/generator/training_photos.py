"""The endless stream of real photos that training sees: batch k is a function of (seed, k) alone."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from sceneshift.photos.store import PhotoStore
from sceneshift.runtime.randomness import numpy_generator
from sceneshift.training.microbatches import WHOLE, Part


def photo_indices(indices: np.ndarray, seed: int, start: int, count: int) -> np.ndarray:
    """Places `start` to `start + count` of the endless stream: every epoch its own permutation of `indices`."""
    places = np.arange(start, start + count)
    epochs, offsets = places // len(indices), places % len(indices)
    orders = {
        epoch: numpy_generator(seed, "epoch", epoch).permutation(indices) for epoch in map(int, np.unique(epochs))
    }
    return np.array([orders[epoch][offset] for epoch, offset in zip(epochs, offsets, strict=True)])


def photo_batches(
    store: PhotoStore, seed: int, start: int, batch: int, mirror: bool, part: Part = WHOLE
) -> Iterator[np.ndarray]:
    """uint8 [N, H, W, 3] from place `start` on; with `mirror` each flipped left-right with probability ½.

    `part` of each batch that is read: N is `batch` for the whole.

    The next batch is read while the last is in use; memory holds two batches.
    """

    def read(place: int) -> np.ndarray:
        images = store.images(part.of(photo_indices(store.train_indices, seed, place, batch)))
        flips = part.of(numpy_generator(seed, "mirror", place).random(batch)) < (0.5 if mirror else 0.0)
        return np.where(flips[:, None, None, None], images[:, :, ::-1], images)

    with ThreadPoolExecutor(1) as reader:
        ahead = reader.submit(read, start)
        while True:
            start += batch
            current, ahead = ahead, reader.submit(read, start)
            yield current.result()
