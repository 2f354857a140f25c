"""Labelled photos for the heads: a photo store's own labels, its subfolders, a CSV, or a folder of class folders."""

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from sceneshift.attributes.classes import class_of
from sceneshift.attributes.names import as_attribute
from sceneshift.images.finding import find_photos
from sceneshift.images.reading import UnusablePhotoError, read_sized
from sceneshift.photos.held_out import is_held_out, is_judges
from sceneshift.photos.store import PhotoStore
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.tables import read_rows
from sceneshift.scoring.bradley_terry import Votes

HELD_OUT = 0.2  # share, where the photos' own split does not say
SHOWN = 3  # photos that a message names
UNKNOWN = ("", "nan", "na")  # cells without a label
Half = Literal["predictor", "judge"]  # who learns from it
LABELS_CSV = "predictors.labels takes a CSV: file, then one column per attribute."


@dataclass(frozen=True)
class LabelledPhotos:
    """Photos with labels in [0, 1], read when asked for."""

    source: str  # named in errors
    names: Sequence[str]  # N, of the photos
    attributes: list[str]
    labels: np.ndarray  # float32 [N, K], NaN where unknown
    held_out: np.ndarray  # bool [N]
    shape: tuple[int, int]  # height and width
    images: Callable[[Sequence[int]], np.ndarray]  # indices -> uint8 [n, H, W, 3]
    votes: Sequence[Votes] = ()  # an attribute's votes between held-out photos, where labels come from votes

    def half(self, half: Half) -> "LabelledPhotos":
        """Those to train on that are in this half by their name's hash, and all that are held out."""
        kept = self.held_out | (np.array([is_judges(name) for name in self.names], bool) == (half == "judge"))
        rows, place = np.flatnonzero(kept), np.cumsum(kept) - 1
        return replace(
            self,
            source=f"{self.source}, the half for the {half} (evaluation.judges: [] leaves all to the predictor)",
            names=[self.names[i] for i in rows],
            labels=self.labels[rows],
            held_out=self.held_out[rows],
            images=lambda indices: self.images(rows[list(indices)].tolist()),
            votes=[Votes(place[one.left], place[one.right], one.winner) for one in self.votes],
        )


def labelled_photos(
    source: Path,
    shape: tuple[int, int] | None,
    photos: PhotoStore | None = None,
    *,
    max_missing: float = 0.05,
    decode: bool = True,
) -> LabelledPhotos:
    """Labels from `source`: a photo store (.h5), a CSV or a folder with one subfolder per class.

    shape: height and width that photos of a CSV or folder are brought to.
    photos: the run's photo store, if any; files that a CSV names are looked for in it first, then beside the CSV.
    max_missing: more than this share of a CSV's rows on photos that are not there is an error.
    decode: whether to leave out photos of a CSV or folder that cannot be read, which takes a look into each.
    """
    if source.suffix == ".h5":
        return _of_store(photos if photos is not None and photos.path == source else PhotoStore(source))
    if shape is None:
        raise SceneshiftError(
            f"The labels {source} need a size (--resolution, --width): that of the generator whose images are scored."
        )
    if source.is_dir():
        return _of_folder(source, shape, decode)
    if source.suffix.lower() == ".csv":
        return _of_csv(source, shape, photos, max_missing, decode)
    raise SceneshiftError(f"The labels {source} are neither a photo store (.h5), nor a CSV, nor a folder.")


def _of_store(store: PhotoStore) -> LabelledPhotos:
    if store.labels is not None:
        held_out = photo_split(store.names, store.held_out)
        return LabelledPhotos(
            str(store.path), store.names, list(store.attributes), store.labels, held_out, store.shape, store.images
        )
    names = [[name] for name in store.names]
    for name, place in store.duplicates.items():
        names[place].append(name)
    return _of_classes(str(store.path), names, store.held_out, store.shape, store.images)


def _of_folder(folder: Path, shape: tuple[int, int], decode: bool) -> LabelledPhotos:
    paths = list(find_photos(folder))
    digests, read = photo_reader(paths, shape, decode)
    places: dict[bytes, list[int]] = {}  # of files with the same bytes
    for place, digest in enumerate(digests):
        if digest:
            places.setdefault(digest, []).append(place)
    kept = list(places.values())
    names = [[paths[i].relative_to(folder).as_posix() for i in same] for same in kept]
    return _of_classes(
        str(folder), names, np.zeros(len(kept), bool), shape, lambda indices: read([kept[i][0] for i in indices])
    )


def _of_classes(
    source: str,
    names: list[list[str]],
    held_out: np.ndarray,
    shape: tuple[int, int],
    images: Callable[[Sequence[int]], np.ndarray],
) -> LabelledPhotos:
    """Labels float32 [N, K] of 0 and 1: one head per class, one against the rest.

    names: those of each photo, which is of the class of each of them; without a class it is left out.
    """
    classes = [{class_of(name) for name in own} - {None} for own in names]
    labelled = [i for i, own in enumerate(classes) if own]
    attributes = sorted(set().union(*classes))
    if len(attributes) < 2:
        raise SceneshiftError(
            f"{source}: found {len(attributes)} labelled classes, need two or more. Put the photos into one subfolder"
            " a class, or name a CSV with labels under predictors.labels."
        )
    labels = np.array([[name in classes[i] for name in attributes] for i in labelled], np.float32)
    first = [names[i][0] for i in labelled]
    held_out = photo_split(first, held_out[labelled])
    attributes = [as_attribute(name) for name in attributes]
    return LabelledPhotos(
        source, first, attributes, labels, held_out, shape, lambda indices: images([labelled[i] for i in indices])
    )


@dataclass(frozen=True)
class _Rows:
    """What a CSV says, a row per file."""

    path: Path
    lines: list[int]
    names: list[str]
    attributes: list[str]
    labels: np.ndarray  # float32 [R, K], NaN where unknown


def _of_csv(
    path: Path, shape: tuple[int, int], photos: PhotoStore | None, max_missing: float, decode: bool
) -> LabelledPhotos:
    rows = _read_csv(path)
    stored = {} if photos is None else photos.duplicates | {name: i for i, name in enumerate(photos.names)}
    files = {name: path.parent / name for name in rows.names}
    beside = {name: file for name, file in files.items() if file.is_file()}
    if photos is not None and (not beside or 2 * len(files.keys() & stored.keys()) >= len(files)):
        places, names, held_out = stored, photos.names, photos.held_out
        where, shape, images = photos.path, photos.shape, photos.images
    else:
        digests, images = photo_reader(list(beside.values()), shape, decode)
        places = {name: i for i, (name, digest) in enumerate(zip(beside, digests, strict=True)) if digest}
        where, names, held_out = path.parent, list(beside), np.zeros(len(beside), bool)
    used, labels = _labels_of_photos(rows, [places.get(name, -1) for name in rows.names], where, max_missing)
    names = [names[i] for i in used]
    return LabelledPhotos(
        str(path),
        names,
        rows.attributes,
        labels,
        photo_split(names, held_out[used]),
        shape,
        lambda indices: images([used[i] for i in indices]),
    )


def _labels_of_photos(
    rows: _Rows, places: Sequence[int], where: object, max_missing: float
) -> tuple[list[int], np.ndarray]:
    """(places of the photos that rows are on, their labels [N, K]): one of each, from all of its rows.

    places: the photo of each row, -1 where it is not there; too many of these are an error, and contrary labels are.
    """
    if missing := [row for row, place in enumerate(places) if place < 0]:
        shown = ", ".join(f"{rows.names[row]!r} (line {rows.lines[row]})" for row in missing[:SHOWN])
        said = (
            f"{rows.path}: {len(missing)} of {len(places)} rows are on photos that are not in {where} or cannot be"
            f" read: {shown}{', …' if len(missing) > SHOWN else ''}."
        )
        if len(missing) > max_missing * len(places):
            raise SceneshiftError(f"{said} Mend the names, or raise predictors.max_missing ({max_missing:g}).")
        print(said, file=sys.stderr)
    first: dict[int, int] = {}  # row of each photo
    labels = rows.labels.copy()
    contrary = []
    for row, place in enumerate(places):
        kept = first.setdefault(place, row) if place >= 0 else row
        for k in np.flatnonzero(np.isfinite(labels[row]) & (labels[kept] != labels[row])):
            if np.isfinite(labels[kept, k]):
                one, other = (f"{labels[i, k]:g} in line {rows.lines[i]}" for i in (kept, row))
                contrary.append(f"\n  {rows.names[row]!r}: {rows.attributes[k]} is {one} and {other}")
            labels[kept, k] = labels[row, k]
    if contrary:
        more = f"\n  and {len(contrary) - SHOWN} more" if len(contrary) > SHOWN else ""
        raise SceneshiftError(
            f"{rows.path} has contrary labels for a photo:{''.join(contrary[:SHOWN])}{more}\nKeep one, or their mean."
        )
    return list(first), labels[list(first.values())]


def _read_csv(path: Path) -> _Rows:
    """Raises SceneshiftError that names file, line and column of what is wrong."""
    (_, header), *rows = read_rows(path, LABELS_CSV) or [(1, [])]
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
                labels[i, k] = value = np.nan if cell.strip().lower() in UNKNOWN else float(cell)
            except ValueError:
                value = -1.0
            if not (0 <= value <= 1 or np.isnan(value)):
                raise SceneshiftError(
                    f"{path}, line {line}, column {k + 2} ({attributes[k]}): found {cell!r}, expected 0 to 1, or"
                    " nothing where it is not known."
                )
    return _Rows(path, [line for line, _ in rows], [row[0] for _, row in rows], attributes, labels)


def photo_split(names: Sequence[str], held_out: np.ndarray) -> np.ndarray:
    """bool [N]: the photos' own split; where it holds out nothing, one by a hash of the name."""
    return held_out if held_out.any() else np.array([is_held_out(name, HELD_OUT) for name in names])


def photo_reader(
    paths: Sequence[Path], shape: tuple[int, int], decode: bool
) -> tuple[list[bytes | None], Callable[[Sequence[int]], np.ndarray]]:
    """(a digest of each file's bytes, None and a line on stderr for one that cannot be read; reads those at places,
    uint8 [n, H, W, 3]).

    decode: False takes no look into the files; all are taken as readable, and as different ones.
    """
    digests: list[bytes | None] = []
    for path in paths:
        try:
            digests.append(read_sized(path, shape).digest if decode else os.fsencode(path))
        except UnusablePhotoError as reason:
            print(f"{path}: skipped: {reason}", file=sys.stderr)
            digests.append(None)
    return digests, lambda places: np.stack([read_sized(paths[i], shape).pixels for i in places])
