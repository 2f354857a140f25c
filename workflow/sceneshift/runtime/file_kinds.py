"""What a file is: by its content, for errors that name what was given and what was expected; or by its suffix."""

import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, TypeVar

from sceneshift.runtime.errors import SceneshiftError

PICTURES = (b"\x89PNG\r\n", b"\xff\xd8\xff", b"BM", b"GIF8", b"II*\x00", b"MM\x00*")
HDF5 = b"\x89HDF\r\n\x1a\n"
STORES = {"sceneshift photos": "photo store", "sceneshift latents": "latent/score store"}
Format = TypeVar("Format")
MOST_HEADER = 100_000_000  # bytes of a .safetensors file's header, as the library allows


def what_is(path: Path | str) -> str:
    """`generator`, `photo store`, `boundary`, `picture`, `folder`, …; `unknown file` if nothing tells. Never raises."""
    if os.path.isdir(path):
        return "folder"
    try:
        with open(path, "rb") as file:
            return _by_content(file, file.read(4096))
    except Exception:  # damaged files fail in any way
        return "unknown file"


def by_suffix(path: Path | str, formats: Mapping[str, Format], else_give: str = "") -> Format:
    """The format of a file to write, by its suffix. SceneshiftError with the known ones for any other."""
    suffix = Path(path).suffix.lower()
    if suffix not in formats:
        raise SceneshiftError(
            f"{path}: its suffix does not tell the format to write; expected {', '.join(formats)}{else_give}."
        )
    return formats[suffix]


def _by_content(file: IO[bytes], head: bytes) -> str:
    if not head:
        return "empty file"
    if head[8:9] == b"{":
        return _safetensors(file, int.from_bytes(head[:8], "little"))
    if head.startswith(HDF5):
        return _store(file)
    if head.startswith(b"PK\x03\x04"):
        names = zipfile.ZipFile(file).namelist()
        kinds = {"normal.npy": "boundary", "data.pkl": "PyTorch checkpoint"}
        return next((kinds[name.rsplit("/", 1)[-1]] for name in names if name.rsplit("/", 1)[-1] in kinds), "archive")
    if head.startswith(PICTURES) or head[8:12] == b"WEBP":
        return "picture"
    if head.startswith(b"\x93NUMPY"):
        return "NumPy array"
    if head[0] == 0x80 and head[1] <= 5:
        return "pickle"
    text = head.decode("utf-8", errors="ignore")
    if "\0" in text or len(text.encode()) < len(head) - 3:  # the last letter may be cut
        return "unknown file"
    return "JSON file" if text.lstrip()[:1] in ("{", "[") else "text file"


def _safetensors(file: IO[bytes], length: int) -> str:
    file.seek(8)
    metadata = json.loads(file.read(min(length, MOST_HEADER))).get("__metadata__", {})
    kind = json.loads(metadata.get("sceneshift", "{}")).get("format", "")  # "sceneshift judge 1"
    return kind.split()[1] if kind.startswith("sceneshift ") else ".safetensors file of others"


def _store(file: IO[bytes]) -> str:
    import h5py

    with h5py.File(file, "r") as store:
        return STORES.get(store.attrs.get("format"), "HDF5 file")
