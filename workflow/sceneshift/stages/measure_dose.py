"""measure_dose: how much does each strength of an edit change?"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from sceneshift.evaluation.dose import (
    STRENGTHS,
    Response,
    Responses,
    Scores,
    measured_copy,
    own_curves,
    write_responses,
)
from sceneshift.evaluation.judge import load_judge
from sceneshift.evaluation.pixels import pixel_facts
from sceneshift.images.finding import FORMAT_NAMES, find_photos
from sceneshift.images.photo_files import read_photo_file
from sceneshift.images.reading import UnusablePhotoError
from sceneshift.photos.store import PhotoStore
from sceneshift.runtime.devices import pick_device
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.progress import Progress
from sceneshift.runtime.randomness import numpy_generator
from sceneshift.runtime.shipped import translator_file
from sceneshift.scoring import Predictor, load_predictor
from sceneshift.settings import EvaluationSettings
from sceneshift.translator import load_translator
from sceneshift.translator.heads import MOST_STRENGTH

BATCH = 32


def measure_dose(
    translator: Path | str, photos: Path | str, out: Path | str, settings: EvaluationSettings, *,
    judges: Sequence[Path] = (), predictor: Path | str | None = None, attribute: str | None = None,
    direction: Literal["more", "less"] | None = None, seed: int = 0, device: torch.device | str = "cpu",
) -> list[Response]:  # fmt: skip
    """Measure dose and response: what an edit does at strengths from 0.25 to 3.

    translator: translator (.safetensors), or a shipped editor's name
    photos: photo store (.h5), of which held-out photos are taken, or folder; settings.count of them, chosen by `seed`
    out: table to write (.csv); beside NAME.safetensors as NAME.dose.csv it serves `translate --effect`
    judges: predictors or judges that took no part in the edit, called as their files (.safetensors)
    predictor: predictor that chose the pairs (.safetensors)
    attribute: that the edit is for (default: what the translator's file names)
    direction: of the edit (default: likewise)

    Every attribute of every scorer, and structure and the other pixel facts: mean change with its interval over photos.
    Memory does not grow with the photos.

    Raises SceneshiftError if no photo is there, or no scorer knows the attribute.

    Example: night.safetensors my_photos night.dose.csv --judges judge.safetensors
    """
    device, translator = str(pick_device(str(device))), translator_file(translator)
    editor = load_translator(translator, device, precision="auto")
    own = attribute or editor.edit.get("measured_by", "")
    aim = direction or editor.edit.get("direction", "more")
    scorers: dict[str, Predictor] = {f"judge:{Path(judge).stem}": load_judge(judge, device) for judge in judges}
    if predictor is not None:
        scorers["predictor"] = load_predictor(predictor, device)
    known = {name for scorer in scorers.values() for name in scorer.attributes}
    if own not in known:
        raise SceneshiftError(
            f"{translator} is for {own or 'an attribute that its file does not name'}, which no scorer given knows."
            f" Name another in --attribute, of {', '.join(sorted(known)) or '--judges or --predictor'}."
        )
    strengths = [strength for strength in STRENGTHS if strength <= MOST_STRENGTH[editor.head]]
    responses = Responses(strengths)
    total, batches = _batches(Path(photos), settings.count, seed)
    with Progress("measuring dose", total, unit="photos", beside=out) as progress:
        for before in batches:
            edited = [np.stack([one.image for one in editor.edited(list(before), s)]) for s in strengths]
            scores = {
                name: Scores(scorer.attributes, scorer.score(before), np.stack([scorer.score(e) for e in edited]))
                for name, scorer in scorers.items()
            }
            facts = [pixel_facts(before, after, None) for after in edited]
            scores["pixels"] = Scores(
                list(facts[0]),
                np.stack([values for values, _ in facts[0].values()], axis=-1),
                np.stack([np.stack([values for _, values in fact.values()], axis=-1) for fact in facts]),
            )
            responses.add(scores)
            progress.advance(len(before))
    if not responses.photos:
        raise SceneshiftError(f"None of the {total} photos chosen from {photos} could be read; each is named above.")
    rows = responses.rows(own, aim)
    write_responses(out, rows, translator)
    for curve in own_curves(rows):
        along = ", ".join(f"{s:g}: {c:+.2f}" for s, c in zip(curve.strengths, curve.changes, strict=True))
        end = f"; saturates at {curve.saturation:g}" if curve.saturation else ""
        print(f"{curve.scorer}, {aim} {curve.attribute}, in standard deviations: {along}{end}", file=sys.stderr)
    return rows


def _batches(photos: Path, count: int, seed: int) -> tuple[int, Iterator[np.ndarray]]:
    """How many photos are measured, and these, uint8 [n, H, W, 3] at a time. Raises SceneshiftError for none."""
    rng = numpy_generator(seed, "dose", "photos")
    if photos.is_dir():
        found = list(find_photos(photos))
        if not found:
            raise SceneshiftError(f"{photos} and its subfolders hold no photo: looked for {FORMAT_NAMES} files.")
        chosen = np.sort(rng.permutation(len(found))[:count])
        return len(chosen), _from_files([found[place] for place in chosen])
    with PhotoStore(photos) as store:
        held_out = store.held_out_indices
    if not len(held_out):
        raise SceneshiftError(f"{photos} has no held-out photos. Set photos.held_out above 0, or name a folder.")
    chosen = np.sort(rng.permutation(held_out)[:count])
    return len(chosen), _from_store(photos, chosen)


def _from_files(paths: Sequence[Path]) -> Iterator[np.ndarray]:
    """One by one, as their sizes differ; those that cannot be read are named."""
    for path in paths:
        try:
            photo = read_photo_file(path, "").pixels
        except UnusablePhotoError as reason:
            print(f"{path}: left out: {reason}", file=sys.stderr)
            continue
        yield measured_copy(photo)[None]


def _from_store(path: Path, indices: np.ndarray) -> Iterator[np.ndarray]:
    with PhotoStore(path) as store:
        for start in range(0, len(indices), BATCH):
            yield store.images(indices[start : start + BATCH])
