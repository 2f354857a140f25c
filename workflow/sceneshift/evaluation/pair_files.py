"""Which edited photo belongs to which photo: files, folders, or a table of pairs."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sceneshift.evaluation.audit import Pair
from sceneshift.images.finding import FORMAT_NAMES, find_photos
from sceneshift.images.photo_files import read_photo_file
from sceneshift.images.reading import UnusablePhotoError, read_photo
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.files import inside
from sceneshift.runtime.tables import read_table

LEAST_SIDE = 32  # pixels; less holds no structure to speak of


@dataclass(frozen=True)
class PairFiles:
    """A photo, the edited one, and where the edit was to be (white; None: not said)."""

    name: str
    before: Path
    after: Path
    mask: Path | None = None


def find_pairs(before: Path, after: Path, pairs: Path | None = None, masks: Path | None = None) -> list[PairFiles]:
    """The pairs of two files, of two folders by name (less what only one of them has, which is named on stderr), or of
    a table with columns before and after, and mask if wanted: paths below the folders.

    masks: a picture, or a folder of pictures with the photos' names. Suffixes of names may differ.
    Raises SceneshiftError if there is no pair, two files could be the same one's, or a table's file is missing.
    """
    if pairs is not None:
        return list(_from_table(pairs, before, after, masks))
    if before.is_file() != after.is_file():
        raise SceneshiftError(
            f"{before} and {after}: one is a file, the other a folder. Give two files or two folders."
        )
    if before.is_file():
        return [PairFiles(before.name, before, after, masks)]
    photos, edited = _by_stem(before), _by_stem(after)
    drawn = _by_stem(masks) if masks is not None and masks.is_dir() else dict.fromkeys(photos, masks)
    if not photos.keys() & edited.keys():
        raise SceneshiftError(
            f"No photo in {before} has the name of one in {after} ({len(photos)} and {len(edited)} photos). Give equal"
            " names (suffixes may differ), or a table with columns before and after: --pairs."
        )
    for folder, alone in ((before, photos.keys() - edited.keys()), (after, edited.keys() - photos.keys())):
        for stem in sorted(alone):
            print(f"{folder / stem}: left out: no partner of that name", file=sys.stderr)
    for stem in sorted((photos.keys() & edited.keys()) - drawn.keys()):
        print(f"{photos[stem]}: measured without a mask: none of that name in {masks}", file=sys.stderr)
    return [
        PairFiles(path.relative_to(before).as_posix(), path, edited[stem], drawn.get(stem))
        for stem, path in photos.items()
        if stem in edited
    ]


def read_pair(files: PairFiles) -> Pair:
    """The pair, ready to be measured. Raises UnusablePhotoError with the reason."""
    photo, edited = read_photo(files.before), read_photo_file(files.after)
    mask = None if files.mask is None else read_photo(files.mask).max(axis=2) > 127
    for image, path in ((photo, files.before), (edited.pixels, files.after)):
        if min(image.shape[:2]) < LEAST_SIDE:
            raise UnusablePhotoError(f"{path} is {image.shape[1]} x {image.shape[0]}; at least {LEAST_SIDE} are needed")
    return Pair.of_files(photo, edited.pixels, edited.saving, mask)


def _by_stem(folder: Path) -> dict[str, Path]:
    """Path below the folder without suffix -> path."""
    found: dict[str, Path] = {}
    for path in find_photos(folder):
        stem = path.relative_to(folder).with_suffix("").as_posix()
        if stem in found:
            raise SceneshiftError(f"{found[stem]} and {path}: both could be {stem}. Remove one, or give --pairs.")
        found[stem] = path
    if not found:
        raise SceneshiftError(f"{folder} and its subfolders hold no photo: looked for {FORMAT_NAMES} files.")
    return found


def _from_table(table: Path, before: Path, after: Path, masks: Path | None) -> Iterator[PairFiles]:
    rows = read_table(table, {"before": str, "after": str}, "Write the columns before and after, and mask if wanted.")
    if not rows:
        raise SceneshiftError(f"{table} names no pair.")
    names = set()
    for number, row in enumerate(rows, start=2):
        mask = inside(masks or before, row["mask"], table) if row.get("mask") else None
        files = PairFiles(row["before"], inside(before, row["before"], table), inside(after, row["after"], table), mask)
        for path in (files.before, files.after, mask):
            if path is not None and not path.is_file():
                raise SceneshiftError(f"{table}, line {number}: there is no file {path}.")
        if files.name in names:  # several edits of one photo
            files = PairFiles(f"{files.name} ({row['after']})", files.before, files.after, mask)
        if files.name in names:
            raise SceneshiftError(f"{table}, line {number}: {row['before']} and {row['after']} stand there twice.")
        names.add(files.name)
        yield files
