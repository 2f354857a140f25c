"""The latent/score store: codes, their scores and where both come from, in HDF5.

index   int64 [N]: code index in its stream
w       float32 [N, w_dim], untruncated
scores  float32 [N, K]; scores.attrs["attributes"] names the columns (K = 0 without a predictor)
images  uint8 [M, H, W, 3]: the first M images, only if asked for; not in an index over shards
attrs   format, format_version, seed, stream, truncation_psi (of the scored images), generator_sha256, predictor_sha256
        ("" without one), provenance (JSON); in an index over shards also shards (JSON: file, count, sha256)
"""

import contextlib
import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

import h5py
import numpy as np

from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.files import inside
from sceneshift.runtime.hdf5 import Column, HostileError, StoreFormat, names_damage, names_of_columns

CHUNK = 1024
BLOCK = 8192  # rows read at a time
# What shards of one index must agree in.
COMMON = {"seed": int, "stream": str, "truncation_psi": float, "generator_sha256": str, "predictor_sha256": str}
FORMAT = StoreFormat(
    "latent store", "Make it with `sceneshift synthesize`.", "sceneshift latents", version=1,
    columns={
        "index": Column(np.int64), "w": Column(np.float32, ndim=2), "scores": Column(np.float32, ndim=2),
        "images": Column(np.uint8, ndim=4, needed=False),
    },
    attributes={**COMMON, "provenance": str},
)  # fmt: skip


class LatentStoreWriter:
    """Append codes and scores to a new store. What it holds in memory does not grow with their number."""

    def __init__(
        self,
        path: Path,
        w_dim: int,
        attributes: Sequence[str],
        attrs: dict[str, Any],
        image_shape: tuple[int, ...] = (),
    ) -> None:
        """attrs: those of COMMON and `provenance`. image_shape: (H, W, 3) if images are to be kept."""
        with contextlib.ExitStack() as stack:
            self._file = stack.enter_context(FORMAT.new(path))
            self._append_to = {
                "index": self._dataset("index", (), np.int64),
                "w": self._dataset("w", (w_dim,), np.float32),
                "scores": self._dataset("scores", (len(attributes),), np.float32),
            }
            self._append_to["scores"].attrs["attributes"] = np.array(list(attributes), h5py.string_dtype())
            self._images = self._dataset("images", image_shape, np.uint8) if image_shape else None
            FORMAT.describe(self._file, attrs)
            self._closing = stack.pop_all()

    def _dataset(self, name: str, shape: tuple[int, ...], dtype: type) -> h5py.Dataset:
        chunks = (1 if name == "images" else CHUNK, *(max(size, 1) for size in shape))
        limits = (None, *(size or None for size in shape))  # HDF5 has no chunks in a dimension that is 0 for ever
        return self._file.create_dataset(name, (0, *shape), maxshape=limits, chunks=chunks, dtype=dtype)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: Any) -> None:
        self._closing.__exit__(*exception)

    def append(self, index: np.ndarray, w: np.ndarray, scores: np.ndarray, images: np.ndarray) -> None:
        """n codes: index [n], w [n, w_dim], scores [n, K]; images uint8 [m, H, W, 3], those to keep."""
        for name, rows in (("index", index), ("w", w), ("scores", scores)):
            _extend(self._append_to[name], rows)
        if self._images is not None and len(images):
            _extend(self._images, images)


def _extend(dataset: h5py.Dataset, rows: np.ndarray) -> None:
    """Add rows [n, …] behind those of a dataset [N, …]."""
    start = len(dataset)
    dataset.resize(start + len(rows), axis=0)
    dataset[start:] = rows


class LatentStore:
    """Read a store: `with LatentStore(path) as store: store.w([3, 1, 4])`.

    Raises SceneshiftError that names the file if it is missing, truncated, no latent store, of another format version,
    inconsistent, or if a shard that it refers to is missing or has changed.
    """

    FORMAT = FORMAT

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        # no cache of chunks: blocks are read once, and over 100 shards the caches would add up to a gigabyte
        self._file = FORMAT.open(path, rdcc_nbytes=0)
        try:
            self._check()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._file.close()

    def __len__(self) -> int:
        return len(self._file["index"])

    @property
    def w_dim(self) -> int:
        """Length of a code."""
        return self._file["w"].shape[1]

    @property
    @names_damage
    def attributes(self) -> list[str]:
        """Names of the K score columns."""
        return names_of_columns(self._file["scores"])

    @property
    @names_damage
    def attrs(self) -> dict[str, Any]:
        """The root attributes: seed, stream, truncation_psi, generator_sha256, predictor_sha256, provenance."""
        return {name: kind(self._file.attrs[name]) for name, kind in FORMAT.attributes.items()}

    @property
    @names_damage
    def index(self) -> np.ndarray:
        """int64 [N]: indices of the codes in their stream."""
        return self._file["index"][:]

    @property
    @names_damage
    def scores(self) -> np.ndarray:
        """All scores: float32 [N, K]."""
        return self._file["scores"][:]

    @property
    def images(self) -> np.ndarray | None:
        """The kept images, an array-like uint8 [M, H, W, 3] that is read when sliced; None if none were kept."""
        return self._file.get("images")

    @names_damage
    def column(self, attribute: str) -> np.ndarray:
        """Scores of one attribute: float32 [N]. An unknown attribute is an error that lists the known ones."""
        if attribute not in self.attributes:
            known = ", ".join(self.attributes) or "none: it was made without a predictor"
            raise SceneshiftError(f"{self.path} has no attribute {attribute!r}; it has: {known}.")
        place, scores = self.attributes.index(attribute), self._file["scores"]
        blocks = [scores[start : start + BLOCK][:, place] for start in range(0, len(self), BLOCK)]
        return np.concatenate(blocks) if blocks else np.zeros(0, np.float32)

    @names_damage
    def deviations(self) -> np.ndarray:
        """Standard deviation of each attribute's score over the store: float64 [K]."""
        total, squares, scores = 0.0, 0.0, self._file["scores"]
        shift = scores[:1].astype(np.float64).mean(0) if len(self) else 0.0  # against cancellation
        for start in range(0, len(self), BLOCK):
            block = scores[start : start + BLOCK].astype(np.float64) - shift
            total, squares = total + block.sum(0), squares + np.square(block).sum(0)
        count = max(len(self), 1)
        return np.sqrt(np.maximum(squares / count - np.square(total / count), 0))

    @names_damage
    def w(self, rows: Sequence[int] | np.ndarray | slice) -> np.ndarray:
        """Codes at `rows`, in any order: float32 [n, w_dim]. Reads blocks, so memory holds only the rows asked for."""
        dataset = self._file["w"]
        if isinstance(rows, slice):
            return dataset[rows]
        rows = np.asarray(rows, np.int64)
        order = np.argsort(rows, kind="stable")
        out = np.empty((len(rows), self.w_dim), np.float32)
        edges = np.searchsorted(rows[order], np.arange(0, len(self) + BLOCK, BLOCK))
        for block, (first, last) in enumerate(pairwise(edges)):
            if first < last:
                start, places = block * BLOCK, order[first:last]
                out[places] = dataset[start : start + BLOCK][rows[places] - start]
        return out

    @names_damage
    def _check(self) -> None:
        shards = self._shards()
        lengths = FORMAT.check_columns(self._file, shards)
        if len({lengths[name] for name in ("index", "w", "scores")}) > 1:
            raise HostileError(f"incomplete: rows of {lengths}")
        for name, rows in shards.items():
            # HDF5 itself would read a missing shard as zeros
            with LatentStore(inside(self.path.parent, name, self.path)) as part:
                if part._shards():
                    raise HostileError(f"its shard {name} is an index itself")
                if len(part) != rows:
                    raise SceneshiftError(
                        f"{self.path} was made when {part.path} had {rows} codes; now it has {len(part)}."
                        " Run `sceneshift index-synthesis` again."
                    )

    def _shards(self) -> dict[str, int]:
        """Of an index, the shards below its folder with their codes."""
        return {str(shard["file"]): int(shard["count"]) for shard in json.loads(self._file.attrs.get("shards", "[]"))}
