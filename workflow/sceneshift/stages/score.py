"""score: a predictor's scores of any pictures as a CSV: file, then one column per attribute."""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from sceneshift.images.finding import check_folder, find_photos
from sceneshift.images.places import COLUMNS as PLACE
from sceneshift.images.places import place_of
from sceneshift.images.reading import UnusablePhotoError, read_photo
from sceneshift.photos.store import PhotoStore
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.tables import new_table
from sceneshift.scoring.predictor import load_predictor

BATCH = 64


def score(
    predictor: Path | str, images: Path | str, out: Path | str, *, places: bool = False,
    device: torch.device | str = "cpu",
) -> None:  # fmt: skip
    """Score images with a predictor.

    predictor: predictor (.safetensors)
    images: image, folder of images (with its subfolders) or photo store (.h5), of any sizes
    out: table to write (.csv): file, then one column per attribute
    places: behind `file`, also latitude, longitude and time by the photos' EXIF data, of a store those of its folder

    Images that cannot be read are named on stderr and left out; if none can, that is an error.

    Example: predictor.safetensors my_photos scores.csv
    """
    scorer, images = load_predictor(predictor, str(device)), Path(images)
    with new_table(out, ["file", *(PLACE if places else ()), *scorer.attributes]) as table:
        count = 0
        for files, batch in _batches(images):
            for (name, path), row in zip(files, scorer.score(batch), strict=True):
                table.append([name, *(place_of(path).cells() if places else ()), *row.tolist()])
            count += len(files)
        if not count:
            raise SceneshiftError(f"{images}: no picture in it can be read.")


def _batches(images: Path) -> Iterator[tuple[list[tuple[str, Path]], np.ndarray]]:
    """(names and files, uint8 [n, H, W, 3]); a folder's pictures come one by one, since their sizes differ."""
    if images.suffix == ".h5":
        with PhotoStore(images) as store:
            for start in range(0, len(store), BATCH):
                rows = slice(start, min(start + BATCH, len(store)))
                yield [(name, (store.folder or Path()) / name) for name in store.names[rows]], store.images(rows)
        return
    if not images.exists():
        raise SceneshiftError(f"{images} does not exist. Name a picture, a folder of pictures or a photo store.")
    if images.is_dir():
        check_folder(images)
    for path in find_photos(images) if images.is_dir() else [images]:
        try:
            name = path.relative_to(images).as_posix() if images.is_dir() else path.name
            yield [(name, path)], read_photo(path)[None]
        except UnusablePhotoError as reason:
            print(f"{path}: skipped: {reason}", file=sys.stderr)
