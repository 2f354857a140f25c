"""Files that appear whole or not at all."""

import contextlib
import errno
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePath

from sceneshift.runtime.errors import SceneshiftError


@contextlib.contextmanager
def atomic_file(path: Path | str) -> Iterator[Path]:
    """Yield a temporary name beside `path`; move it into place when the block ends without an error.

    The temporary name keeps the suffix, since some writers choose their format by it. Raises SceneshiftError that
    names `path` if the folder cannot be written or the disk is full; nothing half-written stays.
    """
    path = Path(path)
    with _explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.stem}.", suffix=path.suffix, dir=path.parent)
        os.close(handle)
    temporary = Path(name)
    try:
        with _explained(path):
            yield temporary
            _flush_to_disk(temporary)
            temporary.chmod(0o666 & ~_umask())
            os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def atomic_directory(path: Path | str) -> Iterator[Path]:
    """Yield a temporary folder beside `path`; it replaces `path` when the block ends without an error."""
    path = Path(path)
    with _explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        with _explained(path):
            yield temporary
            temporary.chmod(0o777 & ~_umask())
            if path.exists():
                shutil.rmtree(path)
            os.replace(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def set_aside(path: Path | str) -> Path:
    """Rename a file or folder that is not to be trusted to `NAME.set-aside`, in place of an earlier one."""
    path = Path(path)
    aside = path.with_name(f"{path.name}.set-aside")
    with _explained(path):
        if aside.is_dir():
            shutil.rmtree(aside)
        os.replace(path, aside)
    return aside


def inside(folder: Path | str, name: str, source: Path | str) -> Path:
    """`folder`/`name`, for a `name` that was read from the file `source`.

    Raises SceneshiftError if the name is absolute, has a `..`, or is otherwise none of a file below `folder`: whoever
    made `source` could have any file of this machine read or overwritten.
    """
    parts = PurePath(name).parts
    if not parts or PurePath(name).is_absolute() or ".." in parts or "\0" in name:
        raise SceneshiftError(
            f"{source} names a file {name!r}, which would lie outside of {folder}: expected a relative path without"
            " `..`. Correct the name, and do not trust the file if it is not your own."
        )
    return Path(folder, name)


def sha256_of(path: Path | str) -> str:
    """Hex digest of a file's bytes, read in blocks."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reasons = {
            errno.ENOSPC: "the disk is full: free some space",
            errno.EDQUOT: "the disk quota is used up: free some space",
            errno.EFBIG: "the file would be larger than this process may write: raise its limit (ulimit -f)",
            errno.EACCES: "no permission to write there: mend the folder's permissions",
            errno.EROFS: "the file system is read-only: choose another folder",
        }
        # h5py reports a full disk as a plain OSError whose text holds the errno
        number = error.errno or next((n for n in reasons if f"errno = {n}," in str(error)), None)
        if number not in reasons:
            raise
        raise SceneshiftError(f"Cannot write {path}: {reasons[number]}, then run again.") from error


def _flush_to_disk(path: Path) -> None:
    with open(path, "rb") as file:
        os.fsync(file.fileno())


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
