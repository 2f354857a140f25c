"""Labelled photos for the heads: a photo store's own labels, its subfolders, a CSV, or a folder of class folders."""

import csv
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sceneshift.attributes.classes import class_of
from sceneshift.attributes.names import as_attribute
from sceneshift.images.finding import find_photos
from sceneshift.images.reading import UnusablePhotoError, read_sized
from sceneshift.photos.held_out import is_held_out
from sceneshift.photos.store import PhotoStore
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.scoring.bradley_terry import Votes

HELD_OUT = 0.2  # share, where the photos' own split does not say


@dataclass(frozen=True)
class LabelledPhotos:
    """Photos with labels in [0, 1], read when asked for."""

    source: str  # named in errors
    attributes: list[str]
    labels: np.ndarray  # float32 [N, K], NaN where unknown
    held_out: np.ndarray  # bool [N]
    shape: tuple[int, int]  # height and width
    images: Callable[[Sequence[int]], np.ndarray]  # indices -> uint8 [n, H, W, 3]
    votes: Sequence[Votes] = ()  # an attribute's votes between held-out photos, where labels come from votes


def labelled_photos(source: Path, shape: tuple[int, int] | None, photos: PhotoStore | None = None) -> LabelledPhotos:
    """Labels from `source`: a photo store (.h5), a CSV or a folder with one subfolder a class.

    shape: height and width that photos of a CSV or folder are brought to.
    photos: the run's photo store, if any; files that a CSV names are looked for in it first, then beside the CSV.
    """
    if source.suffix == ".h5":
        return _of_store(PhotoStore(source))
    if shape is None:
        raise SceneshiftError(
            f"The labels {source} need a size (--resolution, --width): that of the generator whose images are scored."
        )
    if source.is_dir():
        return _of_folder(source, shape)
    if source.suffix.lower() == ".csv":
        return _of_csv(source, shape, photos)
    raise SceneshiftError(f"The labels {source} are neither a photo store (.h5), nor a CSV, nor a folder.")


def _of_store(store: PhotoStore) -> LabelledPhotos:
    if store.labels is not None:
        held_out = photo_split(store.names, store.held_out)
        return LabelledPhotos(
            str(store.path), list(store.attributes), store.labels, held_out, store.shape, store.images
        )
    classes = [class_of(name) for name in store.names]
    return _of_classes(str(store.path), store.names, classes, store.held_out, store.shape, store.images)


def _of_folder(folder: Path, shape: tuple[int, int]) -> LabelledPhotos:
    paths = list(find_photos(folder))
    names = [path.relative_to(folder).as_posix() for path in paths]
    classes = [class_of(name) for name in names]
    readable, read = photo_reader(paths, shape)
    kept = [i for i, usable in enumerate(readable) if usable]
    return _of_classes(
        str(folder), [names[i] for i in kept], [classes[i] for i in kept], np.zeros(len(kept), bool), shape,
        lambda indices: read([kept[i] for i in indices]),
    )  # fmt: skip


def _of_classes(
    source: str, names: list[str], classes: list[str | None], held_out: np.ndarray, shape: tuple[int, int],
    images: Callable[[Sequence[int]], np.ndarray],
) -> LabelledPhotos:  # fmt: skip
    """One head a class, one against the rest. Photos without a class take no part."""
    labelled = [i for i, name in enumerate(classes) if name is not None]
    attributes = sorted({classes[i] for i in labelled})
    if len(attributes) < 2:
        raise SceneshiftError(
            f"{source}: found {len(attributes)} labelled classes, need two or more. Put the photos into one subfolder"
            " a class, or name a CSV with labels under predictors.labels."
        )
    column = {name: k for k, name in enumerate(attributes)}
    labels = np.zeros((len(labelled), len(attributes)), np.float32)
    labels[range(len(labelled)), [column[classes[i]] for i in labelled]] = 1
    held_out = photo_split([names[i] for i in labelled], held_out[labelled])
    attributes = [as_attribute(name) for name in attributes]
    return LabelledPhotos(
        source, attributes, labels, held_out, shape, lambda indices: images([labelled[i] for i in indices])
    )


def _of_csv(path: Path, shape: tuple[int, int], photos: PhotoStore | None) -> LabelledPhotos:
    names, lines, attributes, labels = _read_csv(path)
    in_store = {name: i for i, name in enumerate(photos.names)} if photos is not None else {}
    if photos is not None and all(name in in_store for name in names):
        rows = [in_store[name] for name in names]
        return LabelledPhotos(
            str(path), attributes, labels, photo_split(names, photos.held_out[rows]), photos.shape,
            lambda indices: photos.images([rows[i] for i in indices]),
        )  # fmt: skip
    paths = [path.parent / name for name in names]
    for name, line, file in zip(names, lines, paths, strict=True):
        if not file.is_file():
            raise SceneshiftError(
                f"{path}, line {line}, column 1: no file {name!r}, neither beside the CSV"
                f"{'' if photos is None else f' nor in {photos.path}'}."
            )
    readable, read = photo_reader(paths, shape)
    kept = np.flatnonzero(readable)
    held_out = photo_split([names[i] for i in kept], np.zeros(len(kept), bool))
    return LabelledPhotos(
        str(path), attributes, labels[kept], held_out, shape,
        lambda indices: read(kept[np.asarray(indices, int)]),
    )  # fmt: skip


def _read_csv(path: Path) -> tuple[list[str], list[int], list[str], np.ndarray]:
    """(files, their lines, attributes, labels [N, K]); errors name file, line and column."""
    if not path.is_file():
        raise SceneshiftError(f"The labels {path} do not exist.")
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            (_, header), *rows = [(reader.line_num, row) for row in reader if row] or [(1, [])]
    except (UnicodeDecodeError, csv.Error) as error:
        raise SceneshiftError(f"The labels {path} are no UTF-8 CSV: {error}.") from error
    attributes = [as_attribute(name) for name in header[1:]]
    if not attributes or not rows or not all(attributes) or len(set(attributes)) < len(attributes):
        raise SceneshiftError(
            f"{path}, line 1: expected a header `file,attribute,…` with different names and rows below;"
            f" found {','.join(header)!r} and {len(rows)} rows."
        )
    labels = np.empty((len(rows), len(attributes)), np.float32)
    for i, (line, row) in enumerate(rows):
        if len(row) != len(header):
            raise SceneshiftError(f"{path}, line {line}: found {len(row)} columns, expected {len(header)}.")
        for k, cell in enumerate(row[1:]):
            try:
                labels[i, k] = value = float(cell)
            except ValueError:
                value = float("nan")
            if not 0 <= value <= 1:
                raise SceneshiftError(
                    f"{path}, line {line}, column {k + 2} ({attributes[k]}): found {cell!r}, expected 0 to 1."
                )
    return [row[0] for _, row in rows], [line for line, _ in rows], attributes, labels


def photo_split(names: Sequence[str], held_out: np.ndarray) -> np.ndarray:
    """The photos' own split; where it holds out nothing, one by a hash of the name."""
    return held_out if held_out.any() else np.array([is_held_out(name, HELD_OUT) for name in names])


def photo_reader(
    paths: Sequence[Path], shape: tuple[int, int]
) -> tuple[list[bool], Callable[[Sequence[int]], np.ndarray]]:
    """(which files can be read, said on stderr if not; a function that reads those at given places)."""
    readable = []
    for path in paths:
        try:
            read_sized(path, shape)
            readable.append(True)
        except UnusablePhotoError as reason:
            print(f"{path}: skipped: {reason}", file=sys.stderr)
            readable.append(False)
    return readable, lambda places: np.stack([read_sized(paths[i], shape).pixels for i in places])
