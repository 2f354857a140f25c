"""Translating a photo, a folder of photos, or the held-out photos of a run."""

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image

from sceneshift.images.finding import FORMAT_NAMES, find_photos
from sceneshift.images.photo_files import PhotoFile, read_photo_file, write_photo_file
from sceneshift.images.reading import UnusablePhotoError
from sceneshift.photos.held_out import masks_folder, png_names
from sceneshift.photos.store import PhotoStore
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.files import atomic_file, inside
from sceneshift.runtime.progress import Progress
from sceneshift.translator.translator import Edited, Translator, load_translator

WORKERS = 2  # threads that decode and encode beside the network
GROUP = 16  # photos edited together …
GROUP_BYTES = 2**26  # … or fewer: as many as take this much memory once decoded


class Translated(NamedTuple):
    """How many photos were written, and which files were not, each with the reason."""

    count: int
    skipped: list[tuple[str, str]]


def translate(
    translator: Path | str, photos: Path | str, out: Path | str, *, strength: float = 1.0, masks: bool = False,
    device: torch.device | str = "cpu",
) -> Translated:  # fmt: skip
    """Edit real photos of any size.

    translator: translator (.safetensors)
    photos: image, folder (with its subfolders), or photo store (.h5), of which the held-out photos are taken
    out: folder to write, under the same names and in the same formats; held-out photos become PNG files
    strength: 0 leaves the photo, 1 is as trained
    masks: also write OUT/masks: where each photo was changed (edit head)

    Files that cannot be used are skipped and named at the end. Raises SceneshiftError if `photos` is missing, holds no
    usable photo, or would be overwritten.

    Example: translator.safetensors my_photos edited --strength 0.7
    """
    editor = load_translator(translator, str(device), precision="auto")
    photos, out = Path(photos), Path(out)
    if masks and editor.head != "edit":
        raise SceneshiftError(f"{translator} has head: image, which predicts no masks. Leave masks out.")
    if photos.suffix.lower() == ".h5":
        done = _translate_store(editor, photos, out, strength, masks)
    else:
        done = _translate_files(editor, _listed(photos, out), out, strength, masks)
    if done.skipped:
        lines = "\n".join(f"  {name}: {reason}" for name, reason in done.skipped)
        if not done.count:
            raise SceneshiftError(f"None of the photos in {photos} could be translated:\n{lines}")
        print(f"{len(done.skipped)} of {len(done.skipped) + done.count} files skipped:\n{lines}", file=sys.stderr)
    return done


def _translate_files(
    editor: Translator, files: list[tuple[Path, str]], out: Path, strength: float, masks: bool
) -> Translated:
    """Decode a group ahead, edit a group, encode behind."""
    count, skipped = 0, []
    mask_of = _mask_files(out, [name for _, name in files]) if masks else {}
    writing: list[Future] = []
    with (
        ThreadPoolExecutor(WORKERS) as pool,
        Progress("translating", len(files), unit="photos", beside=out) as progress,
    ):
        for group in _one_ahead(
            _groups(files), lambda group: [pool.submit(read_photo_file, path) for path, _ in group]
        ):
            usable: list[tuple[str, PhotoFile]] = []
            for (_, name), future in group:
                try:
                    usable.append((name, future.result()))
                except UnusablePhotoError as error:
                    skipped.append((name, str(error)))
            edited = editor.edited([photo.pixels for _, photo in usable], strength)
            for future in writing:
                future.result()
            writing = [
                pool.submit(_write, out / name, result, photo, mask_of.get(name))
                for (name, photo), result in zip(usable, edited, strict=True)
            ]
            count += len(usable)
            progress.advance(len(group))
        for future in writing:
            future.result()
    return Translated(count, skipped)


def _translate_store(editor: Translator, path: Path, out: Path, strength: float, masks: bool) -> Translated:
    with PhotoStore(path) as store:
        indices = store.held_out_indices
        if not len(indices):
            raise SceneshiftError(f"{path} has no held-out photos. Set photos.held_out above 0, or name a folder.")
        names = {index: store.names[index] for index in indices.tolist()}
        files = {name: inside(out, png, path) for name, png in png_names(list(names.values())).items()}
        mask_of = _mask_files(out, list(files)) if masks else {}
        with Progress("translating", len(indices), unit="photos", beside=out) as progress:
            for start in range(0, len(indices), GROUP):
                group = indices[start : start + GROUP]
                images = store.images(group)
                for index, image, result in zip(group, images, editor.edited(list(images), strength), strict=True):
                    name, like = names[index], PhotoFile(image, None, "PNG", {})
                    _write(files[name], result, like, mask_of.get(name))
                progress.advance(len(group))
    return Translated(len(indices), [])


def _mask_files(out: Path, names: list[str]) -> dict[str, Path]:
    return {name: out / masks_folder(names) / png for name, png in png_names(names).items()}


def _write(path: Path, edited: Edited, like: PhotoFile, mask: Path | None) -> None:
    write_photo_file(path, edited.image, like)
    if mask is not None:
        with atomic_file(mask) as temporary:
            Image.fromarray(np.asarray(edited.mask)).save(temporary)


def _listed(photos: Path, out: Path) -> list[tuple[Path, str]]:
    """(file, name in the output folder) of every photo to translate."""
    if not photos.exists():
        raise SceneshiftError(f"{photos} does not exist. Name a photo, a folder of photos, or a photo store (.h5).")
    if photos.is_file():
        files = [(photos, photos.name)]
        folder = photos.parent
    else:
        files = [(path, path.relative_to(photos).as_posix()) for path in find_photos(photos, without=[out])]
        folder = photos
    if out.resolve() == folder.resolve():
        raise SceneshiftError(f"{out} is where the photos themselves lie: they would be overwritten. Name another.")
    if not files:
        raise SceneshiftError(f"{photos} and its subfolders hold no photo: looked for {FORMAT_NAMES} files.")
    return files


def _groups(files: list[tuple[Path, str]]) -> Iterator[list[tuple[Path, str]]]:
    """The files in order, a few at a time: as many as can lie decoded in memory."""
    group, size = [], 0
    for path, name in files:
        own = _decoded_bytes(path)
        if group and (len(group) == GROUP or size + own > GROUP_BYTES):
            yield group
            group, size = [], 0
        group.append((path, name))
        size += own
    if group:
        yield group


def _decoded_bytes(path: Path) -> int:
    """Bytes of the photo once decoded, by its header; 0 if that cannot be read: decoding will say why."""
    try:
        with Image.open(path) as image:
            return image.width * image.height * 3
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return 0


def _one_ahead(groups: Iterator[list], start: Callable[[list], list[Future]]) -> Iterator[list[tuple]]:
    """Pair each group with its futures, `start`-ing the next group before the current one is handed out."""
    current = None
    for group in groups:
        following = list(zip(group, start(group), strict=True))
        if current is not None:
            yield current
        current = following
    if current is not None:
        yield current
