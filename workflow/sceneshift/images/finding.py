"""Which files of a folder are photos: by content or name, without other programs' thumbnails, through links once."""

import os
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path

from sceneshift.runtime.errors import SceneshiftError

FORMAT_NAMES = "JPEG, PNG, WebP, BMP or TIFF"
EXTENSIONS = {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".dib", ".tif", ".tiff", ".heic", ".heif"}
# Pictures that are not read here: they are named as skipped. Files that are not pictures are not mentioned.
_OTHER_EXTENSIONS = {".gif", ".avif", ".jp2", ".jxl", ".dng", ".cr2", ".nef", ".arw"}
_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"II*\x00", b"MM\x00*")
# Folders in which network drives and other systems keep thumbnails, copies and waste; hidden ones are left out too.
_NOT_PHOTOS = {"@eaDir", "@__thumb", "@Recycle", "#recycle", "#snapshot", "$RECYCLE.BIN", "__MACOSX", "lost+found"}
_SYSTEM = ("/proc", "/sys", "/dev")


def find_photos(folder: Path | str, without: Iterable[Path] = ()) -> Iterator[Path]:
    """Every file in `folder` and its subfolders that is a picture by its content or claims to be one by its name.

    In the order of their names; paths include `folder`. Left out are hidden files and folders, those in which network
    drives keep thumbnails (`@eaDir` and the like), and the folders `without`.

    Linked folders come last, each folder once. What cannot be read is there too, for `why_unreadable` to say why:
    broken links, folders without permission, and links that are not followed since they lead to a folder that was read
    already, to one that holds `folder`, or into /proc, /sys or /dev.
    """
    left_out = {os.path.realpath(path) for path in without}
    top = os.path.realpath(folder)
    seen: set[tuple[int, int]] = set()
    unreadable: list[OSError] = []
    starts = deque([str(folder)])
    while starts:
        start = starts.popleft()
        if start != str(folder) and not _is_followed(start, top, seen):
            yield Path(start)
            continue
        for parent, folders, files in os.walk(start, onerror=unreadable.append):
            place = os.stat(parent)
            if (place.st_dev, place.st_ino) in seen:
                folders.clear()
                continue
            seen.add((place.st_dev, place.st_ino))
            entered = sorted(filter(may_hold_photos, folders))
            if left_out:
                entered = [name for name in entered if os.path.realpath(os.path.join(parent, name)) not in left_out]
            linked = [name for name in entered if os.path.islink(os.path.join(parent, name))]
            starts.extend(os.path.join(parent, name) for name in linked)
            folders[:] = [name for name in entered if name not in linked]
            for name in sorted(files):
                if not name.startswith(".") and _is_candidate(os.path.join(parent, name)):
                    yield Path(parent, name)
        yield from (Path(error.filename) for error in unreadable)
        unreadable.clear()


def may_hold_photos(folder_name: str) -> bool:
    """Whether a folder of this name is entered: not if it is hidden, or one of thumbnails or waste."""
    return not folder_name.startswith(".") and folder_name not in _NOT_PHOTOS


def why_unreadable(path: Path) -> str | None:
    """Why a path that `find_photos` gave cannot be opened as a file at all; None if it can."""
    if path.is_symlink() and not path.exists():
        return f"a broken link: {os.readlink(path)} does not exist"
    if path.is_dir():
        if path.is_symlink() and os.access(path, os.R_OK | os.X_OK):
            what = "is the system's" if _is_system(os.path.realpath(path)) else "was read already, or holds this one"
            return f"a link to the folder {os.readlink(path)}, which {what}: not followed"
        return "a folder that cannot be read: mend its permissions"
    if path.exists() and not path.is_file():
        return "not a regular file"
    return None


def check_folder(folder: Path | str, key: str = "") -> None:
    """Raise SceneshiftError unless `folder`, named by the config's `key` if any, is readable and holds a picture.

    Cheap: stops at the first picture and decodes nothing, so the workflow can call it before any job starts.
    """
    folder = Path(folder)
    what = f"{key}: {folder}" if key else str(folder)
    if not folder.exists():
        raise SceneshiftError(f"{what} does not exist. Name a folder of {FORMAT_NAMES} photos.")
    if not folder.is_dir():
        unpacks = " `sceneshift import-photos` unpacks a zip." if folder.suffix.lower() == ".zip" else ""
        raise SceneshiftError(f"{what} is a file. Name the folder of {FORMAT_NAMES} photos that it lies in.{unpacks}")
    if not os.access(folder, os.R_OK | os.X_OK):
        raise SceneshiftError(f"{what} cannot be read: no permission. Mend the folder's permissions.")
    if next(find_photos(folder), None) is None:
        raise SceneshiftError(f"{what} and its subfolders hold no photo: looked for {FORMAT_NAMES} files.")


def _is_followed(link: str, top: str, seen: set[tuple[int, int]]) -> bool:
    real = os.path.realpath(link)
    above = os.path.commonpath([real, top]) == real
    system = _is_system(real) and not top.startswith(_SYSTEM)
    if above or system or not os.access(real, os.R_OK | os.X_OK):
        return False
    place = os.stat(real)
    return (place.st_dev, place.st_ino) not in seen


def _is_system(real: str) -> bool:
    return any(os.path.commonpath([real, place]) == place for place in _SYSTEM)


def _is_candidate(path: str) -> bool:
    suffix = os.path.splitext(path)[1].lower()
    if suffix in EXTENSIONS or suffix in _OTHER_EXTENSIONS:
        return True
    if suffix == "" and os.path.islink(path) and not os.path.exists(path):
        return True  # it may have been a folder of photos
    if not os.path.isfile(path):
        return False
    try:
        with open(path, "rb") as file:
            start = file.read(12)
    except OSError:
        return False
    return start.startswith(_SIGNATURES) or (start[:4] == b"RIFF" and start[8:12] == b"WEBP")
