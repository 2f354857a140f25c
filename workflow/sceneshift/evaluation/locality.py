"""How much of a photo an edit changes, and where."""

import io

import numpy as np
from PIL import Image

from sceneshift.images.photo_files import Saving
from sceneshift.translator.translator import shrunk

LEVELS = (10, 25)  # of 255: a pixel counts as changed where some channel differs by more


def difference(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Of uint8 [H, W, 3]: the largest change of a channel, uint8 [H, W] in levels of 255."""
    return np.abs(before.astype(np.int16) - after).max(axis=2).astype(np.uint8)


def changed(differences: np.ndarray) -> dict[str, float]:
    """`changed_10`, …: the share of the pixels, in [0, 1], that differ by more than each of `LEVELS`."""
    return {f"changed_{level}": float((differences > level).mean()) for level in LEVELS}


def share_inside(differences: np.ndarray, mask: np.ndarray) -> float:
    """How much of the change beyond the first level lies in `mask`, bool [H, W]: a share in [0, 1]; NaN for none."""
    strong = np.where(differences > LEVELS[0], differences, 0).astype(np.int64)
    return float(strong[mask].sum() / strong.sum()) if strong.any() else np.nan


def sent_as(photo: np.ndarray, shape: tuple[int, int], saving: Saving) -> np.ndarray:
    """The photo, uint8 [H, W, 3], as it comes back from a file of the edited one's `shape` and encoding, unedited.

    What this alone changes is the floor under what an edit can be seen to change.
    """
    encoded = io.BytesIO()
    there = photo if photo.shape[:2] == shape else shrunk(photo, *shape)
    Image.fromarray(there).save(encoded, format=saving.format, **saving.options)
    with Image.open(encoded) as image:
        there = np.asarray(image.convert("RGB"))
    return there if there.shape == photo.shape else shrunk(there, *photo.shape[:2])
