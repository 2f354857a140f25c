"""Files that appear whole or not at all."""

import contextlib
import errno
import hashlib
import itertools
import os
import shutil
import tempfile
from collections.abc import Collection, Iterator
from pathlib import Path, PurePath

from sceneshift.runtime.errors import SceneshiftError, explanation

ASIDE = ".set-aside"
STEM, SUFFIX = 32, 16  # characters of a name, up to four bytes each, that its temporary name keeps


@contextlib.contextmanager
def atomic_file(path: Path | str) -> Iterator[Path]:
    """Yield a temporary name beside `path`; move it into place when the block ends without an error.

    The temporary name keeps the suffix, since some writers choose their format by it. Raises SceneshiftError that
    names `path` if the folder cannot be written or the disk is full; nothing half-written stays.
    """
    path = Path(path)
    with _explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=_hidden(path.stem), suffix=path.suffix[-SUFFIX:], dir=path.parent)
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


def check_replaced(folder: Path | str, holding: Collection[str] = ()) -> None:
    """Raise SceneshiftError if a folder to be written holds anything but what is to be replaced: the names `holding`.

    Hidden files, and copies that were set aside, do not count.
    """
    folder = Path(folder)
    names: list[str] = []
    with _explained(folder), contextlib.suppress(FileNotFoundError, NotADirectoryError):
        names = sorted(os.listdir(folder))
    others = [name for name in names if name not in holding and not name.startswith(".") and Path(name).suffix != ASIDE]
    if others:
        lost = ", ".join(others[:3]) + " …" * (len(others) > 3)
        raise SceneshiftError(f"{folder} is not empty: {lost} would be lost. Name another folder.")


@contextlib.contextmanager
def atomic_directory(path: Path | str, holding: Collection[str] = ()) -> Iterator[Path]:
    """Yield a temporary folder beside `path`; it replaces `path` when the block ends without an error.

    The old folder is removed when the new one is in its place, not before; one that holds anything but the names
    `holding` is refused. Of several processes that write one folder the last one's stays, whole.
    """
    path = Path(path)
    check_replaced(path, holding)
    with _explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and not path.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, "a file of that name is there", str(path))
        temporary, old = (Path(tempfile.mkdtemp(prefix=_hidden(path.name), dir=path.parent)) for _ in range(2))
    try:
        with _explained(path):
            yield temporary
            for entry in [*temporary.rglob("*"), temporary]:
                _flush_to_disk(entry)
            temporary.chmod(0o777 & ~_umask())
            for turn in itertools.count():
                with contextlib.suppress(FileNotFoundError):
                    os.replace(path, old / str(turn))
                try:
                    os.replace(temporary, path)
                    break
                except OSError as error:
                    if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
                        continue  # another process has just put its own there
                    with contextlib.suppress(OSError):
                        os.replace(old / str(turn), path)
                    raise
    finally:
        for left in (temporary, old):
            shutil.rmtree(left, ignore_errors=True)


def set_aside(path: Path | str) -> Path:
    """Rename a file or folder that is not to be trusted to `NAME.set-aside`, in place of an earlier one."""
    path = Path(path)
    aside = path.with_name(f"{path.name}{ASIDE}")
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
        if (reason := explanation(error)) is None:
            raise
        about = error.filename and Path(os.fsdecode(error.filename)).name
        if about and about != path.name and not about.startswith((_hidden(path.stem), _hidden(path.name))):
            reason = f"{error.filename}: {reason}"  # something else that was read or written on the way
        raise SceneshiftError(f"Cannot write {path}: {reason}, then run again.") from error


def _hidden(name: str) -> str:
    """The beginning of a temporary name for `name`, short enough for any file system: 255 bytes are the most."""
    return f".{name[:STEM]}."


def _flush_to_disk(path: Path) -> None:
    """Of a file, its content; of a folder, which names are in it."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
