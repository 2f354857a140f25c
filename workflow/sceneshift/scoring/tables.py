"""score: a predictor's scores of any pictures as a CSV: file, then one column an attribute."""

import csv
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from sceneshift.photos import PhotoStore, UnusablePhotoError, check_folder, find_photos, read_photo
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.files import atomic_file
from sceneshift.scoring.predictor import load_predictor

BATCH = 64


def score_images(predictor_path: Path | str, images: Path | str, out_csv: Path | str, device: str = "cpu") -> None:
    """Score a picture, a folder of pictures (with its subfolders) or a photo store, whatever the pictures' sizes.

    Pictures that cannot be read are named on stderr and left out; if none can, that is an error.
    """
    predictor, images = load_predictor(predictor_path, device), Path(images)
    with atomic_file(out_csv) as temporary, open(temporary, "w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["file", *predictor.attributes])
        count = 0
        for names, batch in _batches(images):
            for name, row in zip(names, predictor.score(batch), strict=True):
                table.writerow([name, *(f"{value:.6g}" for value in row)])
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
