"""The endless stream of real photos that training sees: batch k is a function of (seed, k) alone."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from sceneshift.photos.store import PhotoStore
from sceneshift.runtime.parallel import in_order
from sceneshift.runtime.randomness import numpy_generator
from sceneshift.training.microbatches import Part


def photo_indices(
    indices: np.ndarray, seed: int, start: int, count: int, orders: dict[int, np.ndarray] | None = None
) -> np.ndarray:
    """Places `start` to `start + count` of the endless stream: [count], every epoch a permutation of `indices` [N].

    orders: permutations of epochs, kept from call to call: of ten million photos one takes a third of a second.
    """
    places = np.arange(start, start + count)
    epochs, offsets = places // len(indices), places % len(indices)
    orders = {} if orders is None else orders
    wanted = set(epochs.tolist())
    for past in orders.keys() - wanted:
        del orders[past]
    for epoch in wanted - orders.keys():
        orders[epoch] = numpy_generator(seed, "epoch", epoch).permutation(indices)
    return np.array([orders[epoch][offset] for epoch, offset in zip(epochs.tolist(), offsets, strict=True)])


def photo_batches(
    store: PhotoStore, seed: int, starts: Iterable[int], batch: int, mirror: bool, part: Part
) -> Iterator[np.ndarray]:
    """uint8 [N, H, W, 3], `part` of each batch that begins at one of `starts`.

    With `mirror` each photo is flipped left-right with probability ½. The next batch is read while one is in use.
    """
    orders: dict[int, np.ndarray] = {}

    def read(place: int) -> np.ndarray:
        images = store.images(part.of(photo_indices(store.train_indices, seed, place, batch, orders)))
        flips = part.of(numpy_generator(seed, "mirror", place).random(batch)) < (0.5 if mirror else 0.0)
        return np.where(flips[:, None, None, None], images[:, :, ::-1], images)

    with ThreadPoolExecutor(1) as reader:
        yield from in_order(reader, read, starts, waiting=1)
