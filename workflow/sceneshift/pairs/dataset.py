"""The pairs that a translator learns from: pictures of one name in train_A and train_B."""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, UnidentifiedImageError

from sceneshift.images.finding import FORMAT_NAMES, find_photos
from sceneshift.images.reading import UnusablePhotoError, read_photo
from sceneshift.pairs.edit_record import NAME as EDIT_RECORD
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.randomness import numpy_generator
from sceneshift.training.microbatches import WHOLE, Part

IN_MEMORY_BYTES = 2**29  # pairs that take less than this once decoded are decoded once
REMEDY = "Make it again, or remove the file from both folders."
SIDES = ("train_A", "train_B")
FILES = (*SIDES, "pairs.csv", EDIT_RECORD)  # of a folder of pairs that is made here


class PairsBatch(NamedTuple):
    """Photos and what they should become, both uint8 [N, H, W, 3]."""

    photos: np.ndarray
    targets: np.ndarray


class PairsDataset:
    """Pairs in `folder`/train_A and `folder`/train_B, shown in an order that depends on (seed, pairs seen) alone.

    Any format that photos may have; the two pictures of a pair have one name; their extensions may differ. Pairs made
    elsewhere are checked as our own are.
    names: the pairs' names in train_A, sorted; files: the two paths of each pair, in that order; height, width: of
    every picture; sha256: of all names and bytes.
    Raises SceneshiftError naming the file if a picture has no partner, another size, or cannot be read.
    """

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)
        self.files = _matching_files(self.folder)
        self.names = [photo.relative_to(self.folder / SIDES[0]).as_posix() for photo, _ in self.files]
        self.height, self.width = _size(self.files[0][0])
        digest = hashlib.sha256()
        for pair in self.files:
            for path in pair:
                if (size := _size(path)) != (self.height, self.width):
                    raise SceneshiftError(
                        f"{path} is {size[1]}×{size[0]} pixels, but {self.names[0]} is {self.width}×{self.height}; "
                        f"all pairs must have one size. {REMEDY}"
                    )
                digest.update(os.fsencode(f"{path.relative_to(self.folder).as_posix()}\n") + path.read_bytes())
        if (table := self.folder / "pairs.csv").exists():
            digest.update(table.read_bytes())
        self.sha256 = digest.hexdigest()
        self._decoded: PairsBatch | None = None
        if len(self.names) * 2 * self.height * self.width * 3 <= IN_MEMORY_BYTES:
            self._decoded = self._read(range(len(self.names)))

    def __len__(self) -> int:
        return len(self.names)

    def at(self, indices: Sequence[int]) -> PairsBatch:
        """The pairs with these places in `names`, as they are."""
        if self._decoded is None:
            return self._read(indices)
        chosen = np.asarray(indices)
        return PairsBatch(self._decoded.photos[chosen], self._decoded.targets[chosen])

    def batch(self, seed: int, seen: int, count: int, part: Part = WHOLE, mirror: bool = True) -> PairsBatch:
        """The pairs shown from the `seen`-th to before the (`seen` + `count`)-th, or a part of them: each epoch in its
        own random order; with `mirror` each pair mirrored with probability ½, both pictures alike."""
        shown = range(seen, seen + count)[part.index :: part.count]
        epochs = {k // len(self) for k in shown}
        orders = {epoch: numpy_generator(seed, "pairs order", epoch).permutation(len(self)) for epoch in epochs}
        batch = self.at([int(orders[k // len(self)][k % len(self)]) for k in shown])
        mirrored = [mirror and numpy_generator(seed, "pairs mirrored", k).random() < 0.5 for k in shown]
        flip = np.array(mirrored, bool)[:, None, None, None]
        return PairsBatch(*(np.where(flip, side[:, :, ::-1], side) for side in batch))

    def _read(self, indices: Sequence[int]) -> PairsBatch:
        shape = (len(indices), self.height, self.width, 3)
        batch = PairsBatch(np.empty(shape, np.uint8), np.empty(shape, np.uint8))
        for place, index in enumerate(indices):
            batch.photos[place], batch.targets[place] = (_pixels(path) for path in self.files[index])
        return batch


def _matching_files(folder: Path) -> list[tuple[Path, Path]]:
    sides: list[dict[str, Path]] = []
    for side in SIDES:
        if not (folder / side).is_dir():
            raise SceneshiftError(
                f"{folder} has no folder {side}. Expected train_A (photos) and train_B (what each should become), "
                "with pictures of the same names, as make-pairs writes them."
            )
        named: dict[str, Path] = {}
        for path in find_photos(folder / side):
            if (other := named.setdefault(path.relative_to(folder / side).with_suffix("").as_posix(), path)) != path:
                raise SceneshiftError(f"{path} has the same name as {other.name}: which is it? Remove one of the two.")
        sides.append(named)
    for here, there, side in ((*sides, SIDES[1]), (*sides[::-1], SIDES[0])):
        if alone := sorted(here.keys() - there.keys()):
            raise SceneshiftError(
                f"{here[alone[0]]} has no partner {folder / side / alone[0]} ({len(alone)} such). {REMEDY}"
            )
    if not sides[0]:
        raise SceneshiftError(f"{folder / SIDES[0]} holds no {FORMAT_NAMES} files: there is nothing to learn from.")
    return [(sides[0][name], sides[1][name]) for name in sorted(sides[0])]


def _size(path: Path) -> tuple[int, int]:
    """(height, width) of a whole upright picture. PNG files have checksums; others must be decoded to know, and so must
    those that may say how they are turned."""
    try:
        with Image.open(path, formats=["PNG"]) as image:
            image.verify()
        if not any(mark in path.read_bytes() for mark in (b"eXIf", b"Orientation", b"Raw profile")):
            return image.height, image.width
    except UnidentifiedImageError:
        pass
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise SceneshiftError(f"{path} is not a whole picture ({error}). {REMEDY}") from error
    return _pixels(path).shape[:2]


def _pixels(path: Path) -> np.ndarray:
    try:
        return read_photo(path)
    except UnusablePhotoError as error:
        raise SceneshiftError(f"{path} is not a whole picture ({error}). {REMEDY}") from error
