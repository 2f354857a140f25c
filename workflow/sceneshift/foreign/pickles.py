"""Reading files with pickles in them that others made, as data: see `pickle_machine` for what is built and refused."""

import io
import mmap
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch

from sceneshift.foreign.pickle_machine import (
    Budget,
    Machine,
    State,
    Storage,
    checked,
    new_storage,
    product,
    require,
    weigh,
)
from sceneshift.runtime.errors import SceneshiftError

__all__ = ["State", "read_npy", "read_pickle", "read_torch"]

LEGACY_MAGIC = 0x1950A86A20F9469CFC6C  # the first object of a file by torch.save before 1.6


def read_pickle(path: Path | str) -> Any:
    """The object in a pickle: plain containers, arrays, tensors on the CPU, and `State` for modules with their source.

    Raises SceneshiftError that names the file and what is wrong with it; what it must not ask for is named too.
    """

    def parse(file: IO[bytes], budget: Budget) -> Any:
        return Machine(file, budget, storage_of=lambda raw: _storage_of(raw, budget)).run()

    return _read(path, parse)


def read_torch(path: Path | str) -> Any:
    """What torch.save wrote, in its zip or its older format, under Python 2 or 3: as `read_pickle`."""

    def parse(file: IO[bytes], budget: Budget) -> Any:
        return _zip_format(Path(path), budget) if file[:4] == b"PK\x03\x04" else _legacy_format(file, budget)

    return _read(path, parse)


def read_npy(path: Path | str) -> np.ndarray | dict:
    """The array of a .npy file, or the dict that it holds as a pickled object."""
    return _read(path, _npy)


def _read(path: Path | str, parse: Callable[[Any, Budget], Any]) -> Any:
    try:
        size = Path(path).stat().st_size
        with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            content = parse(mapped, Budget(size))
        weigh(content, Budget(size))
        return content
    except OSError as error:
        raise SceneshiftError(f"{path} cannot be read: {error.strerror or error}.") from error
    except pickle.UnpicklingError as error:
        raise SceneshiftError(f"{path} cannot be read: {error}.") from error
    except Exception as error:  # a damaged stream can fail in any way, anywhere below
        what = f"{type(error).__name__}: {error}"
        raise SceneshiftError(
            f"{path} is damaged or of another format ({what:.200}). Copy or make it again."
        ) from error


def _zip_format(path: Path, budget: Budget) -> Any:
    """NAME/data.pkl, and for each storage a record NAME/data/KEY. torch compresses none of them."""
    storages: dict[str, Storage] = {}
    with zipfile.ZipFile(path) as archive:
        records = archive.infolist()
        packed = [record.filename for record in records if record.compress_type != zipfile.ZIP_STORED]
        require(not packed, f"its record {packed[:1]} is compressed, which torch never does")
        claimed = sum(record.file_size for record in records)
        require(claimed <= budget.size, f"its records claim {claimed:,} bytes, the file has {budget.size:,}")
        programs = [record.filename for record in records if record.filename.endswith("/data.pkl")]
        require(len(programs) == 1, "it is a zip file, but has no record data.pkl as torch's files do")
        folder = programs[0].removesuffix("/data.pkl")
        big = f"{folder}/byteorder" in archive.namelist() and archive.read(f"{folder}/byteorder") != b"little"
        require(not big, "it is not little-endian")

        def storage(dtype: torch.dtype, key: str, numel: int) -> Storage:
            if key not in storages:
                record = archive.getinfo(f"{folder}/data/{key}")
                wanted = numel * dtype.itemsize
                require(
                    record.file_size == wanted, f"its storage {key:.50} has {record.file_size} bytes, expected {wanted}"
                )
                storages[key] = new_storage(dtype, numel, budget)
                storages[key].memory[:] = archive.read(record)
            return storages[key]

        return Machine(io.BytesIO(archive.read(programs[0])), budget, storage).run()


def _legacy_format(file: IO[bytes], budget: Budget) -> Any:
    """Five pickles (a magic number, a version, the machine, the object, the storages' keys), then the storages."""
    magic = Machine(file, budget).run()
    require(magic == LEGACY_MAGIC, "it was not written by torch.save: neither a zip file nor the magic number is there")
    Machine(file, budget).run()
    machine = checked(Machine(file, budget).run(), dict)
    require(machine.get("little_endian") is True, "it is not little-endian")
    storages: dict[str, Storage] = {}

    def storage(dtype: torch.dtype, key: str, numel: int) -> Storage:
        if key not in storages:
            storages[key] = new_storage(dtype, numel, budget)
        return storages[key]

    made = Machine(file, budget, storage).run()
    for key in checked(Machine(file, budget).run(), list):
        require(checked(key, str) in storages, f"its storage {key:.50} belongs to no tensor")
        values, memory = storages[key].values, storages[key].memory
        numel = int.from_bytes(file.read(8), "little")
        require(numel == len(values), f"its storage {key:.50} has {numel} values, expected {len(values)}")
        raw = file.read(len(memory))
        require(len(raw) == len(memory), "the file is cut off")
        memory[:] = raw
    return made


def _storage_of(raw: bytes, budget: Budget) -> Storage:
    return checked(_legacy_format(io.BytesIO(checked(raw, bytes)), budget), Storage)


def _npy(file: IO[bytes], budget: Budget) -> np.ndarray | dict:
    version = np.lib.format.read_magic(file)
    require(version in ((1, 0), (2, 0)), f".npy version {version} is not read, only 1.0 and 2.0")
    header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = header(file)
    if dtype.hasobject:
        held = checked(Machine(file, budget).run(), np.ndarray)
        require(held.shape == (), "it holds pickled objects, but not one dict")
        return checked(held.item(), dict)
    raw, wanted = file.read(), product(shape) * dtype.itemsize
    require(len(raw) == wanted, f"its array of shape {shape}, {dtype}, has {len(raw)} bytes, expected {wanted}")
    return np.frombuffer(raw, dtype).reshape(shape, order="F" if fortran else "C").copy()
