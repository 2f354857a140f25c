"""prepare_photos: a folder of photos, or rendered streets, become one store and a list of what was taken."""

import json
import multiprocessing
import os
import sys
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from sceneshift.attributes.classes import split_above_classes
from sceneshift.images.finding import FORMAT_NAMES, check_folder, find_photos
from sceneshift.images.places import COLUMNS as PLACE
from sceneshift.images.places import NOWHERE, Place, place_of, read_places
from sceneshift.images.reading import SizedPhoto, UnusablePhotoError, read_sized
from sceneshift.photos.held_out import held_out_among, is_held_out
from sceneshift.photos.store import PhotoStoreWriter
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.files import atomic_file
from sceneshift.runtime.interruption import be_a_worker
from sceneshift.runtime.parallel import in_order
from sceneshift.runtime.progress import Progress
from sceneshift.runtime.provenance import made_by
from sceneshift.runtime.tables import TableWriter, new_table, write_table
from sceneshift.settings import PhotosSettings
from sceneshift.streets import VISIBLE, render_streets

COLUMNS = ("file", "status", "reason", "width", "height", "held_out")
FEW_STREETS = 60  # rendered faster than worker processes start


def prepare_photos(
    folder: Path | str | None,
    out: Path | str,
    settings: PhotosSettings,
    *,
    table: Path | str | None = None,
    seed: int = 0,
) -> None:
    """Read a folder of photos, or draw street views, into one store.

    folder: folder of photos; without it, rendered streets
    out: the photo store to write (.h5); it and the table appear whole or not at all
    table: table to write (.csv): which files were taken and which not, and why (default: OUT with .csv)
    seed: of the rendered streets; a folder's photos do not depend on it

    The table has one row per file: file, status (taken, skipped, duplicate), reason, width, height (of the upright
    original), held_out (1 or 0, for photos taken), and then the streets' labels; or `folder` (the first subfolder),
    latitude, longitude and time, from `places` or the photo's EXIF data, empty where they are not known.
    Whether a photo is held out depends on its name below the folder alone, so that it stays where it is when others
    are added; only where that holds out fewer than five, the next in line are held out too, up to a quarter. Of files
    with the same bytes the first by name is taken; it keeps the classes and labels of all of them.

    Raises SceneshiftError if the folder is missing or has no photo, if nothing in it is usable, if nothing is left to
    train on or can be held out, or if more than `max_skipped` of the files are unusable: the message names the first
    few, and all of them with their reasons are then listed beside the table, in photos.skipped.csv.

    Example: my_photos photos.h5 --settings '{"resolution": 128, "crop": "pad"}'
    """
    out_h5, out_csv = Path(out), Path(table or Path(out).with_suffix(".csv"))
    if folder is not None:
        settings = settings.model_copy(update={"source": "folder", "folder": str(folder)})
    if settings.source == "folder":
        _prepare_folder(settings, out_h5, out_csv)
    else:
        _prepare_streets(settings, seed, out_h5, out_csv)


def _prepare_folder(settings: PhotosSettings, out_h5: Path, out_csv: Path) -> None:
    folder = Path(settings.folder or "")
    check_folder(folder, "photos.folder")
    places = read_places(settings.places) if settings.places else {}
    paths = list(find_photos(folder))
    skipped_csv = out_csv.with_suffix(".skipped.csv")
    skipped: list[tuple[str, str]] = []
    listed: list[list[object]] = []  # rows of the table
    taken: dict[bytes, int] = {}  # digest of a photo taken -> its place in the store
    names: list[str] = []  # of the photos taken
    duplicates = 0
    if advice := split_above_classes(folder):
        print(f"photos.folder: {advice}", file=sys.stderr)
    read = partial(_read, shape=settings.shape, crop=settings.crop, places=places)
    with ExitStack() as stack:
        store, rows = _outputs(stack, settings, None, out_h5, out_csv)
        pool = stack.enter_context(ThreadPoolExecutor(_cores()))
        progress = stack.enter_context(Progress("preparing photos", len(paths), unit="photos", beside=out_h5))
        for path, (photo, place) in zip(paths, in_order(pool, read, paths, waiting=4 * _cores()), strict=True):
            progress.advance(1)
            name = path.relative_to(folder).as_posix()
            group = name.split("/")[0] if "/" in name else ""
            if isinstance(photo, str):
                skipped.append((name, photo))
                listed.append([name, "skipped", photo, "", "", "", group, *NOWHERE])
                continue
            size = (photo.width, photo.height)
            first = taken.setdefault(photo.digest, len(names))
            if first < len(names):
                duplicates += 1
                store.append_duplicate(name, first)
                listed.append([name, "duplicate", f"same bytes as {names[first]}", *size, "", group, *place.cells()])
                continue
            names.append(name)
            listed.append([name, "taken", "", *size, "", group, *place.cells()])
            store.append(photo.pixels[None], [name], [False])
        _check_skipped(settings, folder, skipped, len(paths), skipped_csv)
        held_out = held_out_among(names, settings.held_out)
        _check_split(settings, int((~held_out).sum()), int(held_out.sum()))
        store.hold_out(held_out)
        flags = iter(held_out.astype(int).tolist())
        for row in listed:
            if row[1] == "taken":
                row[COLUMNS.index("held_out")] = next(flags)
        for row in listed:
            rows.append(row)
    skipped_csv.unlink(missing_ok=True)  # of an earlier attempt
    print(
        f"{folder}: {(~held_out).sum()} photos to train on, {held_out.sum()} held out, {duplicates} duplicates,"
        f" {len(skipped)} skipped: {out_csv} says why",
        file=sys.stderr,
    )


def _prepare_streets(settings: PhotosSettings, seed: int, out_h5: Path, out_csv: Path) -> None:
    # Blocks of 20 streets, of fewer where they are large: what waits in memory stays within some 10 MB a core.
    height, width = settings.shape
    size = max(1, min(20, 2**20 // (height * width)))
    blocks = [range(start, min(start + size, settings.count)) for start in range(0, settings.count, size)]
    render = partial(render_streets, seed, settings.shape)
    train = 0
    with ExitStack() as stack:
        store, rows = _outputs(stack, settings, seed, out_h5, out_csv)
        progress = stack.enter_context(Progress("rendering streets", settings.count, beside=out_h5))
        rendered: Iterable = map(render, blocks)
        if settings.count > FEW_STREETS and _cores() > 1:
            # Drawing holds the GIL, so processes; spawned, since a fork of a process with threads may hang.
            context = multiprocessing.get_context("spawn")
            pool = stack.enter_context(ProcessPoolExecutor(_cores(), context, be_a_worker))
            rendered = in_order(pool, render, blocks, waiting=4 * _cores())
        for block, (images, labels) in zip(blocks, rendered, strict=True):
            names = [f"street-{index:06d}" for index in block]
            held_out = [is_held_out(name, settings.held_out) for name in names]
            store.append(images, names, held_out, labels)
            for name, held, row in zip(names, held_out, labels.tolist(), strict=True):
                figures = (f"{value:.4f}" for value in row)
                rows.append((name, "taken", "", width, height, int(held), *figures))
            train += held_out.count(False)
            progress.advance(len(block))
        _check_split(settings, train, settings.count - train)


def _outputs(
    stack: ExitStack, settings: PhotosSettings, seed: int | None, out_h5: Path, out_csv: Path
) -> tuple[PhotoStoreWriter, TableWriter]:
    """The store and the csv writer, both under temporary names until the stack is left without an error."""
    rendered = settings.source == "rendered"
    columns = (*COLUMNS, *(VISIBLE if rendered else ("folder", *PLACE)))
    h5, rows = stack.enter_context(atomic_file(out_h5)), stack.enter_context(new_table(out_csv, columns))
    writer = PhotoStoreWriter(
        h5,
        settings.shape,
        crop=settings.crop,
        folder="" if rendered else str(Path(settings.folder or "").resolve()),
        provenance=json.dumps(made_by(command="prepare-photos", settings=settings.model_dump(), seed=seed)),
        attributes=VISIBLE if rendered else (),
    )
    return stack.enter_context(writer), rows


def _read(path: Path, shape: tuple[int, int], crop: str, places: dict[str, Place]) -> tuple[SizedPhoto | str, Place]:
    """The photo, or the reason why there is none; and its place."""
    try:
        photo = read_sized(path, shape, crop)
    except UnusablePhotoError as reason:
        return str(reason), NOWHERE
    return photo, places.get(path.stem) or place_of(path)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _check_skipped(
    settings: PhotosSettings, folder: Path, skipped: list[tuple[str, str]], total: int, skipped_csv: Path
) -> None:
    if not skipped or (len(skipped) < total and len(skipped) <= settings.max_skipped * total):
        return
    write_table(skipped_csv, ("file", "reason"), skipped)
    few = "".join(f"\n  {name}: {reason}" for name, reason in skipped[:5])
    more = f"\n  and {len(skipped) - 5} more" if len(skipped) > 5 else ""
    listed = f"{few}{more}\nAll of them: {skipped_csv}."
    if len(skipped) == total:
        raise SceneshiftError(
            f"photos.folder: {folder} has no usable photo: looked for {FORMAT_NAMES} files,"
            f" found {total} unusable ones:{listed}"
        )
    raise SceneshiftError(
        f"photos.folder: {folder}: {len(skipped)} of {total} files cannot be used, {len(skipped) / total:.1%},"
        f" more than photos.max_skipped = {settings.max_skipped:g} allows:{listed}"
        f" Mend or remove them, or raise photos.max_skipped."
    )


def _check_split(settings: PhotosSettings, train: int, held_out: int) -> None:
    if train == 0:
        raise SceneshiftError(
            f"photos.held_out = {settings.held_out:g} leaves no photo to train on: all {held_out} were held out."
            " Lower it, or give more photos."
        )
    if held_out == 0 and settings.held_out > 0:
        raise SceneshiftError(
            f"photos.held_out = {settings.held_out:g} holds out none of {train} photos, which are too few for it: no"
            " editor could be evaluated. Give more photos, of a folder at least four."
        )
