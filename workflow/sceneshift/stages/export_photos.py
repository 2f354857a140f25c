"""export_photos: the photos that training sees, as stylegan2-ada keeps a data set."""

import io
import json
import sys
from pathlib import Path
from typing import Any
from zipfile import ZipFile, ZipInfo

from PIL import Image

from sceneshift.attributes.classes import class_of
from sceneshift.photos.store import PhotoStore
from sceneshift.runtime.files import atomic_file
from sceneshift.runtime.progress import Progress


def export_photos(photos: Path | str, out: Path | str) -> None:
    """Write the photos that training sees as a data set of stylegan2-ada and stylegan3 (.zip).

    photos: photo store (.h5)
    out: data set to write (.zip): PNG files, and dataset.json with their labels

    Labels are the store's own, or the classes that its subfolders are; without either there are none. Held-out photos
    are not in it.

    Example: photos.h5 my_dataset.zip
    """
    with PhotoStore(photos) as store, atomic_file(out) as temporary, ZipFile(temporary, "w") as archive:
        rows = store.train_indices
        labels = _labels(store)
        named: list[list[Any]] = []
        with Progress("packing photos", len(rows), unit="photos") as progress:
            for number, row in enumerate(rows.tolist()):
                name, png = f"{number // 1000:05d}/img{number:08d}.png", io.BytesIO()
                Image.fromarray(store.images([row])[0]).save(png, "PNG", compress_level=0)
                archive.writestr(ZipInfo(name), png.getvalue())  # of no date: equal photos, equal bytes
                if labels:
                    named.append([name, labels[row]])
                progress.advance(1)
        archive.writestr(ZipInfo("dataset.json"), json.dumps({"labels": named or None}))
    if store.resolution != store.width:
        print(f"{photos} is {store.width}×{store.resolution} px; the original trains on squares only.", file=sys.stderr)


def _labels(store: PhotoStore) -> list[Any]:
    """Of each photo: its labels, list, or the number of its class, int; empty if the photos have neither."""
    if store.labels is not None:
        return store.labels.tolist()
    classes = [class_of(name) for name in store.names]
    known = sorted({name for name in classes if name})
    if len(known) < 2 or None in classes:
        return []
    print("classes: " + ", ".join(f"{k} {name}" for k, name in enumerate(known)), file=sys.stderr)
    return [known.index(name) for name in classes]
