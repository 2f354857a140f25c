"""The pairs that a translator learns from: PNG files of one name in train_A and train_B."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.randomness import numpy_generator

IN_MEMORY_BYTES = 2**29  # pairs that take less than this once decoded are decoded once
REMEDY = "Run make-pairs again, or remove the file from both folders."


class PairsBatch(NamedTuple):
    """Photos and what they should become, both uint8 [N, H, W, 3]."""

    photos: np.ndarray
    targets: np.ndarray


class PairsDataset:
    """Pairs in `folder`/train_A and `folder`/train_B, shown in an order that depends on (seed, pairs seen) alone.

    names: the pairs' file names, sorted; height, width: of every picture; sha256: of all names and bytes.
    Raises SceneshiftError naming the file if a picture has no partner, another size, or cannot be read.
    """

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)
        self.names = _matching_names(self.folder)
        self.height, self.width = _size(self.folder / "train_A" / self.names[0])
        digest = hashlib.sha256()
        for name in self.names:
            for side in ("train_A", "train_B"):
                path = self.folder / side / name
                if (size := _size(path)) != (self.height, self.width):
                    raise SceneshiftError(
                        f"{path} is {size[1]}×{size[0]} pixels, but {self.names[0]} is {self.width}×{self.height}; "
                        f"all pairs must have one size. {REMEDY}"
                    )
                digest.update(f"{side}/{name}\n".encode() + path.read_bytes())
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

    def batch(self, seed: int, seen: int, count: int) -> PairsBatch:
        """The pairs shown from the `seen`-th to before the (`seen` + `count`)-th: each epoch in its own random order,
        each pair mirrored with probability ½, both pictures alike."""
        epochs = {k // len(self) for k in range(seen, seen + count)}
        orders = {epoch: numpy_generator(seed, "pairs order", epoch).permutation(len(self)) for epoch in epochs}
        batch = self.at([int(orders[k // len(self)][k % len(self)]) for k in range(seen, seen + count)])
        mirrored = [numpy_generator(seed, "pairs mirrored", k).random() < 0.5 for k in range(seen, seen + count)]
        flip = np.array(mirrored)[:, None, None, None]
        return PairsBatch(*(np.where(flip, side[:, :, ::-1], side) for side in batch))

    def _read(self, indices: Sequence[int]) -> PairsBatch:
        shape = (len(indices), self.height, self.width, 3)
        batch = PairsBatch(np.empty(shape, np.uint8), np.empty(shape, np.uint8))
        for place, index in enumerate(indices):
            batch.photos[place] = _pixels(self.folder / "train_A" / self.names[index])
            batch.targets[place] = _pixels(self.folder / "train_B" / self.names[index])
        return batch


def _matching_names(folder: Path) -> list[str]:
    sides = {}
    for side in ("train_A", "train_B"):
        if not (folder / side).is_dir():
            raise SceneshiftError(
                f"{folder} has no folder {side}. Expected train_A (photos) and train_B (what each should become), "
                "with PNG files of the same names, as make-pairs writes them."
            )
        sides[side] = {path.name for path in (folder / side).glob("*.png")}
    for here, there in (("train_A", "train_B"), ("train_B", "train_A")):
        if alone := sorted(sides[here] - sides[there]):
            raise SceneshiftError(
                f"{folder / here / alone[0]} has no partner {folder / there / alone[0]} "
                f"({len(alone)} such in {here}). {REMEDY}"
            )
    if not sides["train_A"]:
        raise SceneshiftError(f"{folder / 'train_A'} holds no PNG files: there is nothing to learn from.")
    return sorted(sides["train_A"])


def _size(path: Path) -> tuple[int, int]:
    """(height, width) of a PNG whose checksums are right."""
    try:
        with Image.open(path, formats=["PNG"]) as image:
            image.verify()
            return image.height, image.width
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise SceneshiftError(f"{path} is not a whole PNG picture ({error}). {REMEDY}") from error


def _pixels(path: Path) -> np.ndarray:
    try:
        with Image.open(path, formats=["PNG"]) as image:
            return np.asarray(image.convert("RGB"))
    except (OSError, SyntaxError, ValueError) as error:
        raise SceneshiftError(f"{path} cannot be decoded ({error}). {REMEDY}") from error
