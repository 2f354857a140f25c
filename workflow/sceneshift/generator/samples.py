"""What a generator in training draws: always the same codes, as a sheet to look at and as a Fréchet distance."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch

from sceneshift.generator.checkpoints import provenance_of
from sceneshift.generator.networks import Generator
from sceneshift.images.pixels import to_uint8
from sceneshift.images.sheets import grid
from sceneshift.photos.store import PhotoStore
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.files import atomic_file, set_aside
from sceneshift.runtime.randomness import torch_generator
from sceneshift.vision.backbone import load_backbone
from sceneshift.vision.frechet import FrechetMeter

ROWS, COLUMNS = 8, 16  # of the sheet, for square images
BATCH = 64


@torch.no_grad()
def samples(g: Generator, count: int, seed: int) -> Iterator[np.ndarray]:
    """The same `count` untruncated images each time, in batches, uint8 [N, H, W, 3]."""
    z = torch.randn(count, g.z_dim, generator=torch_generator(seed, "samples"))
    for part in z.split(BATCH):
        yield to_uint8(g(part.to(g.w_avg.device)))


def draw_samples(g: Generator, path: Path, seed: int) -> None:
    """Write a sheet of images as PNG: the wider they are, the fewer side by side."""
    columns = COLUMNS * g.resolution // g.width
    images = np.concatenate(list(samples(g, ROWS * columns, seed)))
    with atomic_file(path) as temporary:
        grid(images, columns).save(temporary)


def distance_to_photos(
    store: PhotoStore, count: int, seed: int, device: torch.device
) -> Callable[[Generator], dict[str, float]]:
    """How far `count` images of a generator are from as many training photos, evenly spread over the store.

    In features of efficientnet-lite2, which no loss sees: the perceptual loss and the predictors look through lite0.
    Returned as a figure of the history by its name; none for a count of 0.
    """
    if not count:
        return lambda g: {}
    rows = store.train_indices[:: max(1, len(store.train_indices) // count)][:count]
    photos = (store.images(rows[start : start + BATCH]) for start in range(0, len(rows), BATCH))
    meter = FrechetMeter(photos, load_backbone(device, network="efficientnet-lite2"))
    return lambda g: {"frechet_lite2": meter.distance(samples(g, count, seed))}


def is_nearer(measured: dict[str, float], best: Path, digest: str) -> bool:
    """Whether a distance is smaller than that of the file `best`, if that is there and of this training."""
    if not best.exists():
        return True
    try:
        facts = provenance_of(best)
    except SceneshiftError as error:
        print(f"{set_aside(best)} cannot be read ({error}): the best is sought from here on.", file=sys.stderr)
        return True
    return facts.get("digest") != digest or any(distance < facts[name] for name, distance in measured.items())
