"""The photo store, photos.h5: what training and evaluation read.

images    uint8 [N, H, W, 3], RGB, one image a chunk
names     utf-8 [N]: the path below the folder, with /, or street-000123
held_out  bool [N]: kept from training
labels    float32 [N, K] in [0, 1], only where known; labels.attrs["attributes"] names the K columns
duplicates     utf-8 [D]: names of files with the same bytes as a photo taken, only where there are some
duplicates_of  int64 [D]: the places of these photos
attrs     format, format_version, crop, folder ("" for rendered streets), provenance (JSON)
"""

import contextlib
import json
import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import h5py
import numpy as np

from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.hdf5 import Column, HostileError, StoreFormat, names_damage, names_of_columns
from sceneshift.runtime.provenance import attribution

FORMAT = StoreFormat(
    "photo store", "Make it with `sceneshift prepare-photos`.", "sceneshift photos", version=1,
    columns={
        "images": Column(np.uint8, ndim=4), "names": Column(str), "held_out": Column(bool),
        "labels": Column(np.float32, ndim=2, needed=False),
        "duplicates": Column(str, needed=False), "duplicates_of": Column(np.int64, needed=False),
    },
    attributes={"crop": str, "folder": str, "provenance": str},
)  # fmt: skip


class PhotoStoreWriter:
    """Append photos to a new store. What it holds in memory does not grow with their number."""

    def __init__(
        self,
        path: Path | str,
        shape: tuple[int, int],
        *,
        crop: str,
        folder: str,
        provenance: str,
        attributes: Sequence[str] = (),
    ) -> None:
        """shape: the photos' height and width. attributes: of their labels, none if there are none."""
        with contextlib.ExitStack() as stack:
            self._file = stack.enter_context(FORMAT.new(path))
            self._create(attributes, (*shape, 3))
            FORMAT.describe(self._file, {"crop": crop, "folder": folder, "provenance": provenance})
            self._closing = stack.pop_all()

    def _create(self, attributes: Sequence[str], shape: tuple[int, int, int]) -> None:
        self._images = self._file.create_dataset(
            "images", shape=(0, *shape), maxshape=(None, *shape), chunks=(1, *shape), dtype=np.uint8
        )
        self._names = self._file.create_dataset(
            "names", shape=(0,), maxshape=(None,), chunks=(4096,), dtype=h5py.string_dtype()
        )
        self._held_out = self._file.create_dataset("held_out", shape=(0,), maxshape=(None,), chunks=(4096,), dtype=bool)
        self._labels = None
        if attributes:
            count = len(attributes)
            self._labels = self._file.create_dataset(
                "labels", shape=(0, count), maxshape=(None, count), chunks=(4096, count), dtype=np.float32
            )
            self._labels.attrs["attributes"] = list(attributes)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: Any) -> None:
        self._closing.__exit__(*exception)

    def append(
        self, images: np.ndarray, names: Sequence[str], held_out: Sequence[bool], labels: np.ndarray | None = None
    ) -> None:
        """Add n photos: images uint8 [n, H, W, 3], n names, n flags, and labels [n, K] if the store has attributes."""
        columns = [(self._images, images), (self._names, _encoded(names)), (self._held_out, list(held_out))]
        if self._labels is not None:
            columns.append((self._labels, labels))
        for dataset, values in columns:
            _extend(dataset, values)

    def hold_out(self, held_out: np.ndarray) -> None:
        """Replace all flags, bool [N]."""
        self._held_out[:] = held_out

    def append_duplicate(self, name: str, place: int) -> None:
        """Note that the file `name` has the bytes of the photo at `place`: it is known by this name too."""
        for key, dtype, value in (
            ("duplicates", h5py.string_dtype(), _encoded([name])),
            ("duplicates_of", int, [place]),
        ):
            if key not in self._file:
                self._file.create_dataset(key, shape=(0,), maxshape=(None,), chunks=(4096,), dtype=dtype)
            _extend(self._file[key], value)


def _extend(dataset: h5py.Dataset, values: Any) -> None:
    start = len(dataset)
    dataset.resize(start + len(values), axis=0)
    dataset[start:] = values


def _encoded(names: Sequence[str]) -> list[bytes]:
    return [name.encode("utf-8", "surrogateescape") for name in names]  # file names need not be valid UTF-8


class PhotoStore:
    """Read a photo store: `with PhotoStore(path) as store: store.images([3, 1, 4])`.

    Checked when made, opened when first read, in every process, so it can be handed to data-loading workers.

    path: the file, as prepare_photos wrote it.
    resolution: if given, the side in pixels that the photos must have.

    Raises SceneshiftError that names the file if it is missing, truncated, no photo store, of another format version,
    inconsistent, or of another resolution.
    """

    FORMAT = FORMAT

    def __init__(self, path: Path | str, *, resolution: int | None = None) -> None:
        self.path = Path(path)
        self._file: h5py.File | None = None
        self._process = -1
        self._check(resolution)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __getstate__(self) -> dict:
        return {**self.__dict__, "_file": None, "_process": -1}  # open files stay in their process

    def __len__(self) -> int:
        return self._length

    def close(self) -> None:
        """Close the file; the next read opens it again."""
        if self._file is not None and self._process == os.getpid():
            self._file.close()
        self._file = None

    @names_damage
    def images(self, indices: Sequence[int] | np.ndarray | slice) -> np.ndarray:
        """Photos at `indices`, in any order and with repetitions: uint8 [n, H, W, 3]. IndexError outside [0, N)."""
        dataset = self._open()["images"]
        if isinstance(indices, slice):
            return dataset[indices]
        wanted = np.asarray(indices, dtype=np.int64)
        if len(wanted) and (wanted.min() < 0 or wanted.max() >= len(self)):
            raise IndexError(f"{self.path} has photos 0 to {len(self) - 1}, asked for {wanted.min()} to {wanted.max()}")
        out = np.empty((len(wanted), *dataset.shape[1:]), dtype=np.uint8)
        # Below h5py's own indexing, which takes a millisecond per image for scattered indices.
        one = (1, *dataset.shape[1:])
        there, here = dataset.id.get_space(), h5py.h5s.create_simple(one)
        for row, index in enumerate(wanted.tolist()):
            there.select_hyperslab((index, 0, 0, 0), one)
            dataset.id.read(here, there, out[row : row + 1])
        return out

    @cached_property
    @names_damage
    def names(self) -> list[str]:
        """The photos' names: paths below the folder, or street-000123."""
        return [name.decode("utf-8", "surrogateescape") for name in self._open()["names"][:]]

    @cached_property
    @names_damage
    def duplicates(self) -> dict[str, int]:
        """Other names of photos, of files with the same bytes: name -> place of the photo."""
        file = self._open()
        if "duplicates" not in file:
            return {}
        names = [name.decode("utf-8", "surrogateescape") for name in file["duplicates"][:]]
        places = file["duplicates_of"][:].tolist()
        if len(names) != len(places) or not all(0 <= place < len(self) for place in places):
            raise SceneshiftError(f"{self.path} is inconsistent: duplicates of photos that it does not hold.")
        return dict(zip(names, places, strict=True))

    @cached_property
    @names_damage
    def held_out(self) -> np.ndarray:
        """bool [N]: which photos training never sees."""
        return self._open()["held_out"][:]

    @property
    def train_indices(self) -> np.ndarray:
        """int64 [n], ascending: the photos to train on."""
        return np.flatnonzero(~self.held_out)

    @property
    def held_out_indices(self) -> np.ndarray:
        """int64 [n], ascending: the photos that play the real ones later."""
        return np.flatnonzero(self.held_out)

    @cached_property
    @names_damage
    def labels(self) -> np.ndarray | None:
        """float32 [N, K] in [0, 1], or None where nothing is known."""
        file = self._open()
        return file["labels"][:] if "labels" in file else None

    @cached_property
    @names_damage
    def attributes(self) -> tuple[str, ...]:
        """Names of the K label columns; empty without labels."""
        file = self._open()
        return tuple(names_of_columns(file["labels"])) if "labels" in file else ()

    @property
    def resolution(self) -> int:
        """Height of the photos in pixels."""
        return self._resolution

    @property
    def width(self) -> int:
        """Width of the photos in pixels."""
        return self._width

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the photos in pixels."""
        return self._resolution, self._width

    @cached_property
    @names_damage
    def crop(self) -> str:
        """`center` or `pad`: how photos were brought to one shape."""
        return str(self._open().attrs["crop"])

    @cached_property
    @names_damage
    def folder(self) -> Path | None:
        """The folder that the names are relative to, with the photos at full size; None for rendered streets."""
        folder = str(self._open().attrs["folder"])
        return Path(folder) if folder else None

    @cached_property
    @names_damage
    def provenance(self) -> str:
        """JSON: what made the store."""
        return str(self._open().attrs["provenance"])

    @cached_property
    @names_damage
    def attribution(self) -> str:
        """Credit and licence of the photos, as the config named them when the store was made; empty if it did not."""
        settings = json.loads(self.provenance).get("settings", {})
        return attribution(settings.get("credit"), settings.get("licence"))

    def _open(self) -> h5py.File:
        if self._file is None or self._process != os.getpid():
            self._file = FORMAT.open(self.path)
            self._process = os.getpid()
        return self._file

    def _check(self, resolution: int | None) -> None:
        file = self._open()
        try:
            self._check_content(file, resolution)
        except SceneshiftError:
            self.close()
            raise

    @names_damage
    def _check_content(self, file: h5py.File, resolution: int | None) -> None:
        lengths = FORMAT.check_columns(file)
        of_photos = {name: rows for name, rows in lengths.items() if not name.startswith("duplicates")}
        if len(set(of_photos.values())) > 1 or lengths.get("duplicates") != lengths.get("duplicates_of"):
            raise HostileError(f"inconsistent: {lengths}")
        self._length = lengths["images"]
        self._resolution, self._width, colors = map(int, file["images"].shape[1:])
        if colors != 3 or min(self.shape) < 1:
            raise HostileError(f"images are of shape {file['images'].shape}")
        if resolution is not None and resolution != self._resolution:
            raise SceneshiftError(
                f"{self.path} holds photos of {self._resolution} px, but {resolution} px are needed."
                f" Set photos.resolution to {resolution} and prepare the photos again."
            )
