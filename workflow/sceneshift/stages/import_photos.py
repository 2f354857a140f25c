"""import_photos: a data set as stylegan2-ada keeps it becomes a folder of photos."""

import csv
import json
import shutil
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any
from zipfile import BadZipFile, ZipFile, ZipInfo

from sceneshift.images.finding import EXTENSIONS
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.files import atomic_directory
from sceneshift.runtime.progress import Progress

LABELS = "dataset.json"
LARGEST = 2**30  # bytes of one picture, or of all labels, as the archive claims them


def import_photos(dataset: Path | str, out: Path | str) -> None:
    """Unpack a data set of stylegan2-ada: a zip of pictures, its labels in dataset.json.

    dataset: data set of dataset_tool.py (.zip)
    out: folder to write, for photos.folder: the pictures as they are, and labels.csv where there are labels

    labels.csv is for `predictors.labels`: of classes a column each, class_0 and so on, 0 or 1; of other labels one for
    each number, label_0 and so on.

    Raises SceneshiftError for a file that is no zip, holds no pictures, names places outside the folder, or whose
    labels are not those of its pictures. LMDB and TFRecords are not read: docs/formats.md says how to convert them.

    Example: my_dataset.zip my_photos
    """
    try:
        with ZipFile(dataset) as archive, atomic_directory(out) as folder:
            pictures = list(_pictures(archive, dataset))
            with Progress("unpacking photos", len(pictures), unit="photos") as progress:
                for entry in pictures:
                    target = folder / entry.filename
                    target.parent.mkdir(parents=True, exist_ok=True)
                    with archive.open(entry) as source, open(target, "wb") as file:
                        shutil.copyfileobj(source, file)
                    progress.advance(1)
            labels = _labels(archive, dataset, {entry.filename for entry in pictures})
            if labels:
                with open(folder / "labels.csv", "w", newline="", encoding="utf-8") as file:
                    csv.writer(file).writerows(_table(labels))
    except OSError as error:
        raise SceneshiftError(f"Cannot unpack {dataset}: {error.strerror or error}.") from error
    except (BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError) as error:  # as zipfile refuses
        raise SceneshiftError(f"{dataset} is damaged, or no zip of pictures ({error}).") from error


def _pictures(archive: ZipFile, dataset: Path | str) -> Iterator[ZipInfo]:
    found: set[str] = set()
    for entry in archive.infolist():
        place = PurePosixPath(entry.filename)
        if entry.is_dir() or place.suffix.lower() not in EXTENSIONS:
            continue
        if place.is_absolute() or ".." in place.parts or "\\" in entry.filename:
            raise SceneshiftError(f"{dataset}: {entry.filename!r:.99} would lie outside the folder.")
        if entry.file_size > LARGEST:
            raise SceneshiftError(f"{dataset}: {place} claims {entry.file_size:,} bytes, more than any photo has.")
        if entry.filename in found:
            raise SceneshiftError(f"{dataset} holds {place} twice.")
        found.add(entry.filename)
        yield entry
    if not found:
        raise SceneshiftError(f"{dataset} holds no picture; expected a zip that stylegan2-ada's dataset_tool.py wrote.")


def _labels(archive: ZipFile, dataset: Path | str, pictures: set[str]) -> list[tuple[str, Any]]:
    """(file, label) of each labelled picture: a class, int, or several numbers, list; none without labels."""
    if LABELS not in archive.namelist():
        return []
    if archive.getinfo(LABELS).file_size > LARGEST:
        raise SceneshiftError(f"{dataset}: {LABELS} claims more than {LARGEST:,} bytes.")
    held = json.loads(archive.read(LABELS))
    rows = held.get("labels") if isinstance(held, dict) else None
    if not rows:
        return []
    expected = 'expected {"labels": [["00000/img00000000.png", 6], …]}, each a class or as many numbers as the others'
    pairs = isinstance(rows, list) and all(isinstance(row, list) and len(row) == 2 for row in rows)
    if not pairs or not (all(_is_class(label) for _, label in rows) or _are_vectors([label for _, label in rows])):
        raise SceneshiftError(f"{dataset}: {LABELS} is not labels as stylegan2-ada has them; {expected}.")
    if unknown := [name for name, _ in rows if name not in pictures]:
        raise SceneshiftError(f"{dataset}: {LABELS} labels {unknown[0]!r:.99}, which is not in the zip.")
    return [(name, label) for name, label in rows]


def _is_class(label: Any) -> bool:
    return isinstance(label, int) and not isinstance(label, bool) and 0 <= label < 10_000


def _are_vectors(labels: list[Any]) -> bool:
    return all(
        isinstance(label, list) and len(label) == len(labels[0]) and all(isinstance(x, int | float) for x in label)
        for label in labels
    )


def _table(labels: list[tuple[str, Any]]) -> Iterator[list[Any]]:
    if isinstance(labels[0][1], list):
        yield ["file", *(f"label_{k}" for k in range(len(labels[0][1])))]
        yield from ([name, *label] for name, label in labels)
        return
    classes = sorted({label for _, label in labels})
    yield ["file", *(f"class_{k}" for k in classes)]
    yield from ([name, *(int(label == k) for k in classes)] for name, label in labels)
