"""HDF5 stores: written so that a full disk is one error, read only after all that a file claims has been checked.

HDF5 is a language. A file can name other files to be read as data (external storage, external and soft links, virtual
datasets), ask for filters that unpack gigabytes, claim rows that it does not hold, or refer to itself until the
library crashes. Our stores need none of these, so a file that has one is refused before any of its data is read. Only
an index is virtual, over the shards beside it that it lists.
"""

import contextlib
import functools
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from sceneshift.runtime.errors import SceneshiftError, explanation
from sceneshift.runtime.file_kinds import what_is

LOCKING = False  # files are written under names of their own and then never change; not every file system has locks
REFERENCE = np.dtype([("length", "<u4"), ("address", "<u8"), ("index", "<u4")])  # how a file holds a text of any length
KINDS = {int: (int, np.integer), float: (float, np.floating), str: str}


class HostileError(Exception):
    """What a file is refused for; the reader adds the file's name."""


@dataclass(frozen=True)
class Column:
    """A dataset of a store: its type (`str`: texts of any length, UTF-8) and number of dimensions, rows included."""

    dtype: Any
    ndim: int = 1
    needed: bool = True


@dataclass(frozen=True)
class StoreFormat:
    """One kind of store. kind: what errors call it; remedy: what they say to do, a sentence."""

    kind: str
    remedy: str
    format: str
    version: int
    columns: Mapping[str, Column]
    attributes: Mapping[str, type]  # of the root that every store has: int, float or str

    @contextlib.contextmanager
    def new(self, path: Path | str) -> Iterator[h5py.File]:
        """A file to write a store to.

        If the block fails, what the HDF5 library still holds for the file goes nowhere: it would keep a file open
        that it cannot write, and crash at the end of the process.
        """
        file = h5py.File(path, "w", libver=("v110", "v110"), locking=LOCKING)
        handle = file.id.get_vfd_handle()
        try:
            yield file
            file.flush()
            file.close()
        except BaseException:
            nowhere = os.open(os.devnull, os.O_RDWR)
            os.dup2(nowhere, handle)
            os.close(nowhere)
            with contextlib.suppress(*FAILURES):
                file.close()
            raise

    def describe(self, file: h5py.File, attributes: Mapping[str, Any]) -> None:
        """Write the root attributes of a new store, format and version first."""
        file.attrs.update({"format": self.format, "format_version": self.version, **attributes})

    def open(self, path: Path | str, **options: Any) -> h5py.File:
        """The file, whose columns may be read if `check_columns` finds them sound. `options`: of `h5py.File`.

        Raises SceneshiftError that names the file if it is missing, truncated, or of another format or version.
        """
        if not Path(path).is_file():
            raise SceneshiftError(f"The {self.kind} {path} does not exist. {self.remedy}")
        try:
            file = h5py.File(path, "r", locking=LOCKING, **options)
        except (OSError, RuntimeError) as error:
            found = f"by its content: {what_is(path)}; {error}"
            damage = f"The {self.kind} {path} is truncated or not an HDF5 file ({found}). {self.remedy}"
            raise _refusal(path, damage, error) from error
        try:
            self._check_format(path, file)
        except BaseException:
            file.close()
            raise
        return file

    def check_columns(self, file: h5py.File, shards: Mapping[str, int] | None = None) -> dict[str, int]:
        """Whether a file's datasets hold what they claim, in itself: their lengths, for those that are there.

        shards: of an index, the files beside it that its virtual datasets are made of, with their rows.
        Raises HostileError for what is not sound.
        """
        size = os.path.getsize(file.filename)
        lengths = {}
        for name, column in self.columns.items():
            if name in file:
                lengths[name] = _checked(file, name, column, size, shards)
            elif column.needed:
                raise HostileError(f"it lacks {name}")
        return lengths

    def _check_format(self, path: Path | str, file: h5py.File) -> None:
        try:
            found, version = (_scalar(file, name) for name in ("format", "format_version"))
            if found != self.format:
                raise SceneshiftError(
                    f"{path} is not a {self.kind}: its format is {found!r}, expected {self.format!r}. {self.remedy}"
                )
            if version != self.version:
                raise SceneshiftError(
                    f"{path} has {self.kind} format version {version}, this sceneshift reads {self.version}."
                    f" Use the sceneshift that made it. Or: {self.remedy}"
                )
            for name, kind in self.attributes.items():
                if not isinstance(value := _scalar(file, name), KINDS[kind]):
                    raise HostileError(f"its attribute {name} is {value!r:.80}, expected {kind.__name__}")
        except (*FAILURES, HostileError) as error:
            raise _refusal(path, f"The {self.kind} {path} is damaged ({error}). {self.remedy}", error) from error


def _refusal(path: Path | str, damage: str, error: BaseException) -> SceneshiftError:
    """What a failure to read a store says: the disk's trouble where it is that, else the `damage` to the file."""
    reason = explanation(error)
    return SceneshiftError(f"Cannot read {path}: {reason}, then run again." if reason else damage)


FAILURES = (OSError, KeyError, RuntimeError, ValueError, TypeError, AttributeError, ArithmeticError)  # of h5py


def names_damage(read: Callable[..., Any]) -> Callable[..., Any]:
    """Decorator for methods of a store with `path` and `FORMAT`: what h5py raises over a damaged file is explained."""

    @functools.wraps(read)
    def reading(self: Any, *arguments: Any, **options: Any) -> Any:
        try:
            return read(self, *arguments, **options)
        except (*FAILURES, HostileError) as error:
            damage = f"The {self.FORMAT.kind} {self.path} is truncated, damaged or made to harm ({error})."
            raise _refusal(self.path, f"{damage} {self.FORMAT.remedy}", error) from error

    return reading


def names_of_columns(dataset: h5py.Dataset) -> list[str]:
    """The attribute `attributes` of a dataset [N, K]: its K names."""
    stored = h5py.h5a.open(dataset.id, b"attributes")
    if stored.shape != dataset.shape[1:] or h5py.check_string_dtype(stored.dtype) is None:
        raise HostileError(f"{dataset.name} has {dataset.shape[1:]} columns and names of shape {stored.shape}")
    return [str(name) for name in dataset.attrs["attributes"]] if stored.shape != (0,) else []


def _scalar(file: h5py.File, name: str) -> Any:
    """A root attribute; None if there is none, or if it is not a single value."""
    if name not in file.attrs or h5py.h5a.open(file.id, name.encode()).shape != ():
        return None
    return file.attrs[name]


def _checked(file: h5py.File, name: str, column: Column, size: int, shards: Mapping[str, int] | None) -> int:
    """The number of rows of a dataset that is sound; `size`: of the file in bytes."""
    if file.id.links.get_info(name.encode()).type != h5py.h5l.TYPE_HARD:
        raise HostileError(f"{name} is a link to elsewhere")
    dataset = file[name]
    if not isinstance(dataset, h5py.Dataset) or dataset.shape is None or dataset.ndim != column.ndim:
        raise HostileError(f"{name} is not a dataset of {column.ndim} dimensions")
    text = h5py.check_string_dtype(dataset.dtype)
    fits = text is not None and text.length is None if column.dtype is str else dataset.dtype == np.dtype(column.dtype)
    if not fits:
        raise HostileError(f"{name} is of type {dataset.dtype}, expected {np.dtype(column.dtype).name}")
    plan = dataset.id.get_create_plist()
    if plan.get_external_count() or plan.get_nfilters():
        raise HostileError(f"{name} lies in other files, or packed")
    if plan.get_layout() == h5py.h5d.VIRTUAL:
        _check_mappings(dataset, name, plan, shards or {})
        return len(dataset)
    claimed = dataset.size * (REFERENCE.itemsize if column.dtype is str else dataset.dtype.itemsize)
    if claimed > size or dataset.id.get_storage_size() < claimed:
        raise HostileError(f"{name} claims {claimed:,} bytes that the file does not hold")
    if column.dtype is str:
        _check_texts(dataset, name, size)
    return len(dataset)


def _check_mappings(dataset: h5py.Dataset, name: str, plan: Any, shards: Mapping[str, int]) -> None:
    """A virtual dataset must be made of the whole datasets of this name in the shards, one below the other."""
    if plan.get_virtual_count() != len(shards):
        raise HostileError(f"{name} is made of {plan.get_virtual_count()} other files, {len(shards)} are listed")
    start, inner = 0, dataset.shape[1:]
    for place, (shard, rows) in enumerate(shards.items()):
        source = plan.get_virtual_filename(place), plan.get_virtual_dsetname(place)
        here, count = plan.get_virtual_vspace(place), rows * int(np.prod(inner))
        bounds = (start, *(0 for _ in inner)), (start + rows - 1, *(n - 1 for n in inner))
        if (
            source != (shard, name)
            or "%" in shard  # HDF5 would put numbers there, for further files
            or (here.get_select_bounds(), here.get_select_npoints()) != (bounds, count)
        ):
            raise HostileError(f"{name} is made of {source} in a way that the list of shards does not say")
        start += rows
    if start != len(dataset):
        raise HostileError(f"{name} has {len(dataset)} rows, its shards have {start}")


def _check_texts(dataset: h5py.Dataset, name: str, size: int) -> None:
    """Many rows may refer to one text: together, the texts are no longer than the file."""
    if dataset.chunks is None:
        raise HostileError(f"{name} is not chunked")
    total = 0
    for start in range(0, len(dataset), dataset.chunks[0]):
        _, raw = dataset.id.read_direct_chunk((start,))
        references = np.frombuffer(raw, REFERENCE)[: len(dataset) - start]
        total += int(references["length"].sum(dtype=np.int64))
    if total > size:
        raise HostileError(f"{name} claims {total:,} bytes of text that the file does not hold")
