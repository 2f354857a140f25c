"""study: a pairwise study of edits, as a page for raters."""

import hashlib
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from sceneshift.images.finding import check_folder, find_photos
from sceneshift.images.reading import UnusablePhotoError, read_photo
from sceneshift.photos.store import PhotoStore
from sceneshift.report.html import write_html
from sceneshift.runtime.devices import pick_device
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.files import atomic_directory
from sceneshift.runtime.progress import Progress
from sceneshift.runtime.randomness import numpy_generator
from sceneshift.runtime.section import PositiveNumber
from sceneshift.runtime.shipped import translator_file
from sceneshift.runtime.tables import write_table
from sceneshift.settings import StudySettings, read_config
from sceneshift.study.design import Picture, Plan, Trial, assignments, comparisons
from sceneshift.study.exports import LABEL_STUDIO, sp_survey
from sceneshift.study.power import ALIKE, LEVEL, PAIRS, POWER, raters_needed, votes_needed
from sceneshift.translator import load_translator
from sceneshift.translator.heads import MOST_STRENGTH

STUDY = Path(__file__).parents[1] / "study"
SIDE = 1024  # pixels of a picture's longer side


def study(
    run_folder: Path | str | None, out: Path | str | None, settings: StudySettings, *, photos: Path | None = None,
    configfile: Path | None = None, plan: PositiveNumber | None = None, seed: int = 0,
    device: torch.device | str = "cpu",
) -> None:  # fmt: skip
    """Make a pairwise study of edits: a page for raters, to put on a web host or hand over on a stick.

    run_folder: folder of a run (results/RUN), translator (.safetensors), or a shipped editor's name
    out: folder to write: index.html with its images; for other tools pairs.csv and label_studio.xml (Label Studio), and
        sp_survey/, a project for each list (NUS's Streetscape-Perception-Survey)
    photos: folder of photos, or photo store (.h5), whose held-out photos are taken (default: the run's)
    configfile: config of the run (.yaml), whose section `study` is taken in place of --settings
    plan: share of the votes that prefer the edit, such as 0.65: make nothing, say how many raters and pairs find it

    Raters open index.html, each with a list drawn by the page, or by you: index.html?list=0, ?list=1, … A rater's votes
    become a table that `study-results` reads.

    Example: results/photos my_study --configfile my.yaml
    """
    if plan is not None:
        _say_what_it_takes(plan)
        return
    if run_folder is None or out is None:
        raise SceneshiftError("Name the run and the folder to write, or ask with --plan what an effect needs.")
    if configfile is not None:
        settings = read_config(configfile).study
    if Path(out).exists() and any(Path(out).iterdir()):
        raise SceneshiftError(f"{out} is not empty: raters may be at work with it. Name another folder.")
    device, editors = str(pick_device(str(device))), _editors(run_folder)
    networks = {name: load_translator(path, device, precision="auto") for name, path in editors.items()}
    for name, network in networks.items():
        if max(settings.doses) > (most := MOST_STRENGTH[network.head]):
            raise SceneshiftError(f"doses: {name} goes up to {most:g}, found {max(settings.doses):g}.")
    shown = dict(_photos(photos, Path(run_folder), settings.photos, seed))
    trials = comparisons(list(shown), list(networks), settings.doses, settings.questions)
    if len(trials) < settings.pairs:
        raise SceneshiftError(
            f"There are {len(trials)} different pairs, fewer than the {settings.pairs} that a rater is to see. Lower"
            " pairs, or take more photos, doses or questions."
        )
    lists = assignments(trials, Plan(settings.lists, settings.pairs, settings.checks), seed)
    with atomic_directory(out) as made:
        (made / "images").mkdir()
        names: dict[Picture, str] = {}
        with Progress("editing", len(shown) * len(networks), unit="photos", beside=out) as progress:
            for photo, read in shown.items():
                pixels = read()
                for editor, network in networks.items():
                    for dose in settings.doses:
                        picture = Picture(photo, editor, dose)
                        names[picture] = _name(picture, seed)
                        image = Image.fromarray(pixels if dose == 0 else network(pixels, dose))
                        image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
                        image.save(made / "images" / names[picture], quality=92)
                    progress.advance(1)
        rows = [[_row(trial, names) for trial in own] for own in lists]
        digest = hashlib.blake2b(repr(rows).encode(), digest_size=8).hexdigest()
        facts = {"id": digest, "lists": rows, "send_to": settings.send_to}
        page = {"study": facts, "count": len(lists[0]), "equal": settings.equal, "send_to": settings.send_to}
        page["own_script"] = (STUDY / "study.js").read_text(encoding="utf-8")
        write_html(made / "index.html", STUDY / "study.html.j2", page)
        pairs = [_row(trial, names) for trial in trials]
        for row in pairs:
            row |= {side: f"images/{row[side]}" for side in ("left", "right")}
        write_table(made / "pairs.csv", list(pairs[0]), pairs)
        (made / "label_studio.xml").write_text(LABEL_STUDIO, encoding="utf-8")
        (made / "sp_survey").mkdir()
        for number, own in enumerate(rows):
            project = json.dumps(sp_survey(digest, number, own), ensure_ascii=False, indent=1)
            (made / "sp_survey" / f"list-{number}.json").write_text(project, encoding="utf-8")


def _row(trial: Trial, names: Mapping[Picture, str]) -> dict[str, object]:
    return {
        "question": trial.question, "left": names[trial.left], "right": names[trial.right], "editor": trial.left.editor,
        "photo": trial.left.photo, "left_dose": trial.left.dose, "right_dose": trial.right.dose,
        "expected": trial.expected,
    }  # fmt: skip


def _name(picture: Picture, seed: int) -> str:
    """A name that does not tell a rater which picture is the edited one."""
    return hashlib.blake2b(repr((seed, picture)).encode(errors="surrogateescape"), digest_size=8).hexdigest() + ".jpg"


def _editors(subject: Path | str) -> dict[str, Path]:
    """Name -> file of the editors of a run, or of the one named."""
    if not Path(subject).is_dir():
        path = translator_file(subject)
        return {path.stem: path}
    found = {path.parent.name: path for path in sorted(Path(subject).glob("translators/*/translator.safetensors"))}
    if not found:
        raise SceneshiftError(f"{subject} has no translators: run the workflow first, or name a translator's file.")
    return found


def _photos(photos: Path | None, run: Path, count: int, seed: int) -> Iterator[tuple[str, Callable[[], np.ndarray]]]:
    """(name, what reads it: uint8 [H, W, 3]) of `count` photos drawn by the seed, each of which can be read."""
    rng = numpy_generator(seed, "study", "photos")
    source = photos or run / "photos.h5"
    if source.is_dir():
        check_folder(source)
        found = list(find_photos(source))
        taken = 0
        for path in (found[place] for place in rng.permutation(len(found))):
            try:
                read_photo(path)
            except UnusablePhotoError as reason:
                print(f"{path}: left out: {reason}", file=sys.stderr)
                continue
            yield path.relative_to(source).as_posix(), partial(read_photo, path)
            taken += 1
            if taken == count:
                return
        return
    if not source.is_file():
        raise SceneshiftError(f"{source} does not exist: name the photos to show in --photos.")
    with PhotoStore(source) as store:
        for index in sorted(rng.permutation(store.held_out_indices)[:count]):
            picture = store.images([index])[0]  # of the store's small size
            yield store.names[index], lambda picture=picture: picture


def _say_what_it_takes(preferred: float) -> None:
    if not 0.5 < preferred < 1:
        raise SceneshiftError(f"--plan {preferred:g}: expected a share of the votes between 0.5 and 1, such as 0.65.")
    print(
        f"To tell that {preferred:.0%} of the votes prefer an edit, at a level of {LEVEL:g} with a power of {POWER:g}:"
        f" {votes_needed(preferred):.0f} votes on it if all were independent. A rater's votes are alike (intraclass"
        f" correlation {ALIKE:g}), so:"
    )
    for pairs in PAIRS:
        print(f"  {pairs:3} pairs on each edit from a rater: {raters_needed(preferred, pairs):4} raters")
