"""score: a predictor's scores of any pictures as a CSV: file, then one column per attribute."""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from sceneshift.images.finding import check_folder, find_photos
from sceneshift.images.reading import UnusablePhotoError, read_photo
from sceneshift.photos.store import PhotoStore
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.tables import new_table
from sceneshift.scoring.predictor import load_predictor

BATCH = 64


def score(predictor: Path | str, images: Path | str, out: Path | str, *, device: torch.device | str = "cpu") -> None:
    """Score images with a predictor.

    predictor: predictor (.safetensors)
    images: image, folder of images (with its subfolders) or photo store (.h5), of any sizes
    out: table to write (.csv): file, then one column per attribute

    Images that cannot be read are named on stderr and left out; if none can, that is an error.

    Example: predictor.safetensors my_photos scores.csv
    """
    scorer, images = load_predictor(predictor, str(device)), Path(images)
    with new_table(out, ["file", *scorer.attributes]) as table:
        count = 0
        for names, batch in _batches(images):
            for name, row in zip(names, scorer.score(batch), strict=True):
                table.append([name, *row.tolist()])
            count += len(names)
        if not count:
            raise SceneshiftError(f"{images}: no picture in it can be read.")


def _batches(images: Path) -> Iterator[tuple[list[str], np.ndarray]]:
    """(names, uint8 [n, H, W, 3]); a folder's pictures come one by one, since their sizes differ."""
    if images.suffix == ".h5":
        with PhotoStore(images) as store:
            for start in range(0, len(store), BATCH):
                rows = slice(start, min(start + BATCH, len(store)))
                yield store.names[rows], store.images(rows)
        return
    if not images.exists():
        raise SceneshiftError(f"{images} does not exist. Name a picture, a folder of pictures or a photo store.")
    if images.is_dir():
        check_folder(images)
    for path in find_photos(images) if images.is_dir() else [images]:
        try:
            yield [path.relative_to(images).as_posix() if images.is_dir() else path.name], read_photo(path)[None]
        except UnusablePhotoError as reason:
            print(f"{path}: skipped: {reason}", file=sys.stderr)
