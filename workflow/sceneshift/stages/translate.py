"""Translating a photo, a folder of photos, or the held-out photos of a run."""

import json
import sys
from collections import defaultdict, deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from PIL import Image

from sceneshift.evaluation.dose import PerPhoto, dose_table, own_curves, read_responses, strength_for_all
from sceneshift.evaluation.judge import load_judge
from sceneshift.images.finding import FORMAT_NAMES, find_photos
from sceneshift.images.photo_files import FORMAT_OF, PhotoFile, Saving, read_photo_file, write_photo_file
from sceneshift.images.places import COLUMNS as PLACE
from sceneshift.images.places import place_of
from sceneshift.images.reading import HEIC, MAX_PIXELS, UnusablePhotoError, opened
from sceneshift.photos.held_out import masks_folder, png_names
from sceneshift.photos.store import PhotoStore
from sceneshift.runtime.errors import SceneshiftError, must_be_known
from sceneshift.runtime.files import atomic_file, inside, sha256_of
from sceneshift.runtime.geopackage import write_points
from sceneshift.runtime.parallel import Budget, in_order
from sceneshift.runtime.progress import Progress
from sceneshift.runtime.section import PositiveNumber
from sceneshift.runtime.tables import write_table
from sceneshift.translator.chain import Chain, chained_files, load_chain
from sceneshift.translator.panoramas import unwrapped, wrapped
from sceneshift.translator.translator import Edited, load_translator

RECORD = ".translated.json"  # in the output folder: what its photos were edited by
WORKERS = 2  # threads that decode, and as many that encode, beside the network
GROUP = 16  # photos edited together …
GROUP_PIXELS = 2**26 // 3  # … or fewer: as many as have this many pixels


class Translated(NamedTuple):
    """How many photos were written, which files were not, each with the reason, and how many were there already."""

    count: int
    skipped: list[tuple[str, str]]
    already: int = 0


@dataclass(frozen=True)
class Job:
    """A photo to translate."""

    name: str  # below the folder, for messages
    source: Path | int  # the file, or the place in the store
    out: Path
    mask: Path | None
    suffix: str = ""  # that says the format to write; else the photo's own

    def is_done(self) -> bool:
        """Whether everything is there, and the photo is no newer."""
        files = [self.out] if self.mask is None else [self.out, self.mask]
        if not all(file.is_file() for file in files):
            return False
        try:
            return isinstance(self.source, int) or self.source.stat().st_mtime <= self.out.stat().st_mtime
        except OSError:  # the photo has gone since it was found: reading it will say so
            return False


def translate(
    translator: Path | str, photos: Path | str, out: Path | str, *, strength: float = 1.0,
    effect: PositiveNumber | None = None, per_photo: Path | str | None = None, masks: bool = False,
    panoramas: bool = False, places: Path | str | None = None, overwrite: bool = False,
    device: torch.device | str = "cpu",
) -> Translated:  # fmt: skip
    """Edit real photos of any size.

    translator: translator (.safetensors), or a shipped editor's name; several in one pass: snow+night
    photos: image, folder (with its subfolders), or photo store (.h5), of which the held-out photos are taken
    out: folder to write, names and formats as they are (held-out photos as PNG), or for one image a file (.jpg, .png)
    strength: 0 leaves the photo, 1 is as trained, up to 3 goes beyond (head: image: up to 1); one editor's own stands
        behind its name: snow+night:0.5
    effect: instead of a strength, the change wanted: standard deviations of the judge's scores, in the mean over
        photos, by the table that measure-dose wrote beside the translator
    per_photo: with an effect, find each photo's own strength by this judge or predictor of that table (.safetensors)
    masks: also write OUT/masks: where each photo was changed (edit head)
    panoramas: treat all photos as whole 360° panoramas, not only those marked so (GPano): no seam shows
    places: table to write (.csv, or .gpkg for QGIS and GeoPandas): each edited photo, its original, latitude, longitude
        and time by its EXIF data
    overwrite: replace files that are there

    `snow+night` edits from left to right: night takes what snow has made. The same command again goes on where it was
    stopped: photos that are there already are left. Files that cannot be used are skipped and named at the end, and so
    is what a written photo lacks.

    Raises SceneshiftError before any work if `photos` is missing or holds no photo, or if files in OUT would be
    overwritten that this translator at this strength has not made; at the end if no photo was usable.
    An effect beyond what was measured is an error; a photo that cannot be moved so far is skipped.

    Example: night my_photos edited --strength 1.5
    """
    photos, out = Path(photos), Path(out)
    if places is not None and Path(places).suffix not in (".csv", ".gpkg"):
        raise SceneshiftError(f"--places: {places} is neither a .csv nor a .gpkg.")
    links = chained_files(translator, strength)
    if effect is None and per_photo is not None:
        raise SceneshiftError("--per-photo finds the strength of an effect: name that too, --effect 1.0.")
    if effect is None:
        editor, how = load_chain(links, str(device)), [[sha256_of(path), own] for path, own in links]
    else:
        editor, how = _at_effect(links, effect, per_photo, str(device))
    if masks and not editor.has_masks:
        raise SceneshiftError(f"{translator} has head: image, which predicts no masks. Leave masks out.")
    jobs, folder = _jobs(photos, out, masks)
    made_by = {"editors": how, "panoramas": panoramas}
    left = jobs if overwrite else _not_done(jobs, folder, made_by)
    if folder is not None:
        with atomic_file(folder / RECORD) as temporary:
            temporary.write_text(json.dumps(made_by) + "\n", encoding="utf-8")
    if photos.suffix.lower() == ".h5":
        done = _translate_store(editor, photos, left, out)
    else:
        done = _translate_files(editor, left, panoramas, out)
    done = done._replace(already=len(jobs) - len(left))
    if places is not None:
        _write_places(Path(places), [job for job in jobs if job.out.is_file()])
    if done.already:
        print(f"{done.already} of {len(jobs)} photos were there already: left as they are", file=sys.stderr)
    if done.skipped:
        lines = "\n".join(f"  {name}: {reason}" for name, reason in done.skipped)
        if not done.count + done.already:
            raise SceneshiftError(f"None of the photos in {photos} could be translated:\n{lines}")
        print(f"{len(done.skipped)} of {len(jobs)} files skipped:\n{lines}", file=sys.stderr)
    return done


def _write_places(path: Path, jobs: list[Job]) -> None:
    """Where each edited photo was taken."""
    columns = ("photo", "original", *PLACE)
    found = [(str(job.out), job.name, place_of(job.source)) for job in jobs if isinstance(job.source, Path)]
    if path.suffix == ".gpkg":
        known = [row for row in found if row[2].latitude is not None]
        write_points(path, columns, [(at.longitude, at.latitude, (*names, *at)) for *names, at in known])
    else:
        write_table(path, columns, [(*names, *at.cells()) for *names, at in found])
    somewhere = sum(at.latitude is not None for *_, at in found)
    print(f"{path}: {somewhere} of {len(found)} photos say where they were taken", file=sys.stderr)


def _at_effect(
    links: list[tuple[Path, float]], effect: float, per_photo: Path | str | None, device: str
) -> tuple[Chain | PerPhoto, list[list[object]]]:
    """What edits to an effect, and its entry in the record. Raises SceneshiftError where that is not known."""
    (path, strength), *others = links
    if others or strength != 1:
        raise SceneshiftError("--effect finds the strength of one editor: leave out --strength and other editors.")
    table = dose_table(path)
    if not table.is_file():
        raise SceneshiftError(
            f"--effect: there is no {table}, which would say what each strength changes. Measure it:"
            f" sceneshift measure-dose {path} PHOTOS {table} --judges JUDGE"
        )
    curves = {curve.scorer.removeprefix("judge:"): curve for curve in own_curves(read_responses(table, path))}
    if not curves:
        raise SceneshiftError(f"{table}: no scorer of the edit's own attribute had any spread. Measure other photos.")
    digest = sha256_of(path)
    if per_photo is None:
        curve = next(iter(curves.values()))
        strength = strength_for_all(curve, effect)
        print(f"--effect {effect:g}: strength {strength:.3f}, by {curve.scorer}", file=sys.stderr)
        return load_chain([(path, strength)], device), [[digest, strength]]
    must_be_known(Path(per_photo).stem, list(curves), "--per-photo", f"{table} has")
    curve, scorer = curves[Path(per_photo).stem], load_judge(per_photo, device)
    must_be_known(curve.attribute, scorer.attributes, str(table), f"{per_photo} scores")
    editor = PerPhoto(load_translator(path, device, precision="auto"), curve, scorer, effect)
    return editor, [[digest, f"effect {effect:g} by {sha256_of(per_photo)}"]]


def _jobs(photos: Path, out: Path, masks: bool) -> tuple[list[Job], Path | None]:
    """All photos, and the folder that they are written to; None where OUT is a file."""
    if not photos.exists():
        raise SceneshiftError(f"{photos} does not exist. Name a photo, a folder of photos, or a photo store (.h5).")
    if photos.is_file() and photos.suffix.lower() != ".h5" and out.suffix.lower() in FORMAT_OF and not out.is_dir():
        if FORMAT_OF[out.suffix.lower()] == "HEIF" and not HEIC:
            raise SceneshiftError(f"{out}: HEIC cannot be written yet: pip install 'sceneshift[heic]', or name a .jpg.")
        mask = out.with_name(masks_folder([])) / png_names([out.name])[out.name] if masks else None
        return [Job(photos.name, photos, out, mask, out.suffix)], None
    if out.exists() and not out.is_dir():
        raise SceneshiftError(f"{out} is a file. Name a folder to write to.")
    if photos.suffix.lower() == ".h5":
        with PhotoStore(photos) as store:
            sources = {store.names[index]: index for index in store.held_out_indices.tolist()}
        if not sources:
            raise SceneshiftError(f"{photos} has no held-out photos. Set photos.held_out above 0, or name a folder.")
        written = png_names(sources)
    else:
        folder = photos.parent if photos.is_file() else photos
        if out.resolve() == folder.resolve():
            raise SceneshiftError(f"{out} is where the photos themselves lie: they would be overwritten. Name another.")
        found = [photos] if photos.is_file() else find_photos(photos, without=[out])
        sources = {path.relative_to(folder).as_posix(): path for path in found}
        if not sources:
            raise SceneshiftError(f"{photos} and its subfolders hold no photo: looked for {FORMAT_NAMES} files.")
        written = {name: name for name in sources}
    beside = out / masks_folder(sources)
    mask_of = {name: inside(beside, png, photos) for name, png in png_names(sources).items()} if masks else {}
    return [
        Job(name, source, inside(out, written[name], photos), mask_of.get(name)) for name, source in sources.items()
    ], out


def _not_done(jobs: list[Job], folder: Path | None, made_by: dict[str, object]) -> list[Job]:
    """The jobs to do. Raises SceneshiftError if one would overwrite what was not made by the same."""
    before = None
    if folder is not None:
        with suppress(OSError, ValueError):  # a damaged record is none
            before = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    if before == made_by:
        return [job for job in jobs if not job.is_done()]
    there = [job.out for job in jobs if job.out.exists()]
    if there:
        what = "was not made by this translator at this strength" if folder else "is there already"
        raise SceneshiftError(
            f"{there[0]} {what} and would be overwritten{f' ({len(there)} such files)' if len(there) > 1 else ''}."
            " Name another place, or allow it with --overwrite."
        )
    return jobs


def _translate_files(editor: Chain | PerPhoto, jobs: list[Job], panoramas: bool, out: Path) -> Translated:
    """Decode a group ahead, edit a group, encode behind.

    What is in memory has at most `MAX_PIXELS`. Measured with 13,000 x 13,000 pixels: 12 bytes each from decoding to
    the written file and mask, 18 for progressive JPEG and WebP, so at most 3.2 GB; the network takes its own.
    """
    skipped: list[tuple[str, str]] = []
    lost: dict[str, list[str]] = defaultdict(list)
    room = Budget(MAX_PIXELS)
    writing: deque[tuple[Job, Future[None]]] = deque()
    with (
        ThreadPoolExecutor(1) as ahead,
        ThreadPoolExecutor(WORKERS) as readers,
        ThreadPoolExecutor(WORKERS) as writers,
        Progress("translating", len(jobs), unit="photos", beside=out) as progress,
        closing(room),
    ):

        def decode(group: list[tuple[Job, int]]) -> list[tuple[Job, int, PhotoFile | str]]:
            room.take(sum(pixels for _, pixels in group))
            return [(*item, photo) for item, photo in zip(group, readers.map(_read, group), strict=True)]

        def edit(group: list[tuple[Job, int, PhotoFile | str]]) -> None:
            usable = []
            for job, pixels, photo in group:
                if not isinstance(photo, str):
                    wraps = panoramas or photo.wraps
                    image = wrapped(photo.pixels) if wraps else photo.pixels
                    photo = editor.refusal(*image.shape[:2]) or photo
                if isinstance(photo, str):
                    skipped.append((job.name, photo))
                    room.give(pixels)
                else:
                    usable.append((job, pixels, photo, image, wraps))
            edited = editor.edited([image for *_, image, _ in usable])
            for (job, pixels, photo, _, wraps), result in zip(usable, edited, strict=True):
                if isinstance(result, str):
                    skipped.append((job.name, result))
                    room.give(pixels)
                    continue
                for what in photo.lost:
                    lost[what].append(job.name)
                result = unwrapped(result) if wraps else result
                future = writers.submit(_write, job, result, photo.saving)
                future.add_done_callback(lambda _, pixels=pixels: room.give(pixels))
                writing.append((job, future))

        def finish(left: int) -> None:
            while len(writing) > left:
                job, future = writing.popleft()
                try:
                    future.result()
                except UnusablePhotoError as reason:
                    skipped.append((job.name, str(reason)))

        for group in in_order(ahead, decode, _groups(jobs), waiting=1):
            edit(group)
            finish(left=GROUP)
            progress.advance(len(group))
        finish(left=0)
    for what, names in lost.items():
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        print(f"{names[0]}{more}: written without {what}", file=sys.stderr)
    return Translated(len(jobs) - len(skipped), skipped)


def _translate_store(editor: Chain | PerPhoto, path: Path, jobs: list[Job], out: Path) -> Translated:
    skipped = []
    with PhotoStore(path) as store, Progress("translating", len(jobs), unit="photos", beside=out) as progress:
        for start in range(0, len(jobs), GROUP):
            group = jobs[start : start + GROUP]
            images = store.images([job.source for job in group])
            for job, result in zip(group, editor.edited(list(images)), strict=True):
                if isinstance(result, str):
                    skipped.append((job.name, result))
                else:
                    _write(job, result, Saving("PNG", {}))
            progress.advance(len(group))
    return Translated(len(jobs) - len(skipped), skipped)


def _read(item: tuple[Job, int]) -> PhotoFile | str:
    """The photo, or the reason why there is none."""
    job, _ = item
    try:
        return read_photo_file(job.source, job.suffix)
    except UnusablePhotoError as reason:
        return str(reason)


def _write(job: Job, edited: Edited, saving: Saving) -> None:
    write_photo_file(job.out, edited.image, saving)
    if job.mask is not None:
        with atomic_file(job.mask) as temporary:
            Image.fromarray(edited.mask).save(temporary)


def _groups(jobs: list[Job]) -> Iterator[list[tuple[Job, int]]]:
    """The jobs in order, a few at a time, each with the photo's pixels by its header, 0 if that cannot be read."""
    group, size = [], 0
    for job in jobs:
        try:
            with opened(job.source) as image:
                pixels = image.width * image.height
        except UnusablePhotoError:  # decoding will say why
            pixels = 0
        if group and (len(group) == GROUP or size + pixels > GROUP_PIXELS):
            yield group
            group, size = [], 0
        group.append((job, pixels))
        size += pixels
    if group:
        yield group
