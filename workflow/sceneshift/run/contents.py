"""What comes from outside a run and is compared by what it holds.

Snakemake compares files by time, or by checksum below 1 MB. Of a folder it looks only at the folder's own time, and
misses what changes in subfolders. And what ships with the workflow has another path and time in each clone. Both,
and paths that Snakemake would read as patterns of its own, reach a rule as params: the path, which is not compared, and
a digest of the contents, which is.
"""

import functools
import hashlib
import os
import re
from pathlib import Path

from sceneshift.images.finding import find_photos
from sceneshift.runtime.files import sha256_of
from sceneshift.runtime.shipped import RESOURCES

_PATTERN = re.compile(r"\{\s*[.\w]+.*\}|<[a-z][a-z0-9_]*>")  # Snakemake fills in wildcards and path variables


def file_inputs(*paths: str | None) -> list[str]:
    """Those of `paths` that Snakemake compares well itself: a rule's input files."""
    return [path for path in paths if path and not _compared_here(path)]


def contents(*paths: str | None) -> str:
    """A digest of all that `file_inputs` leaves out of `paths`; empty if that is nothing.

    Of what ships, the bytes count; of a folder, the names, sizes and times of its photos (100,000 take seconds).
    """
    return " ".join(_digest(path) for path in paths if path and _compared_here(path))


def _compared_here(path: str) -> bool:
    return os.path.isdir(path) or _ships(path) or _PATTERN.search(path) is not None


def _ships(path: str) -> bool:
    """Whether it lies in this checkout's resources, or is named as if: where another clone is the working directory."""
    return path.startswith(f"{RESOURCES.name}/") or Path(path).resolve().is_relative_to(RESOURCES.resolve())


@functools.cache
def _digest(path: str) -> str:
    if not os.path.isdir(path) and _ships(path):
        return sha256_of(path)[:16]
    listing = hashlib.sha256()
    for photo in map(str, find_photos(path)) if os.path.isdir(path) else [path]:
        listing.update(os.fsencode(f"{photo.removeprefix(path)}\0{_state(photo)}\n"))
    return listing.hexdigest()[:16]


def _state(photo: str) -> str:
    """What changes when a photo does."""
    try:
        seen = os.stat(photo)
        return sha256_of(photo) if _ships(photo) else f"{seen.st_size} {seen.st_mtime_ns}"
    except OSError:
        return "unreadable"
