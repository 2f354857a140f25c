"""Where a rendered street shows sky that no tree can cover, from the renderer itself."""

import json
from collections.abc import Sequence

import numpy as np

from sceneshift.photos.store import PhotoStore
from sceneshift.streets import draw_street

MINIMUM = 0.01  # share of the picture; less sky than this is not measured


def open_sky(seed: int, index: int, shape: tuple[int, int]) -> np.ndarray:
    """bool [H, W] = `shape`: pixels of street `index` that are sky, and stay sky with the street's most lush trees.

    The street is drawn with its vegetation at 1. The rim of one pixel is left out, so that none counts that mixes sky
    with a roof.

    An edit towards more vegetation may cover other sky with trees; this sky it has no reason to touch.
    """
    sky = draw_street(seed, index, shape, vegetation=1).sky > 0.999  # a sum of samples
    padded = np.pad(sky, 1, mode="edge")
    height, width = sky.shape
    inside = [padded[down : down + height, across : across + width] for down in range(3) for across in range(3)]
    return np.logical_and.reduce(inside)


def open_skies(store: PhotoStore, indices: Sequence[int]) -> np.ndarray | None:
    """`open_sky` of photos in a store, bool [n, H, W]; None for a store of real photos, whose sky is not known."""
    if store.folder is not None:
        return None
    seed = int(json.loads(store.provenance)["seed"])
    streets = [int(store.names[index].removeprefix("street-")) for index in indices]
    return np.stack([open_sky(seed, street, store.shape) for street in streets])
