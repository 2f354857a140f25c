"""The judges of a run, known from its config before any job runs."""

import contextlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from sceneshift.attributes.classes import FEWEST, class_of
from sceneshift.images.finding import find_photos
from sceneshift.photos.held_out import is_held_out, is_judges
from sceneshift.runtime.tables import read_rows
from sceneshift.scoring.kind import PredictorSettings
from sceneshift.scoring.kinds.heads import HeadsPredictor
from sceneshift.settings import Settings

Judge = PredictorSettings | Literal["streets"]


def judges_of(settings: Settings) -> dict[str, Judge]:
    """The judges by name: `streets`, or a predictor's kind, numbered from the second of a kind on.

    Raises SceneshiftError for labels or votes that are not what they should be.
    """
    judges = _default(settings) if settings.evaluation.judges == "auto" else settings.evaluation.judges
    folder = settings.photos.folder if settings.photos.source == "folder" else None
    named: dict[str, Judge] = {}
    kinds = Counter[str]()
    for judge in judges:
        if judge != "streets":
            judge.attribute_names(folder)
        kind = judge if judge == "streets" else judge.kind
        kinds[kind] += 1
        named[kind if kinds[kind] == 1 else f"{kind}{kinds[kind]}"] = judge
    return named


def _default(settings: Settings) -> list[Judge]:
    if settings.photos.source == "rendered":
        return ["streets"]
    heads = next((one for one in settings.predictors if isinstance(one, HeadsPredictor)), None)
    if heads is None:
        return []
    heads.attribute_names(settings.photos.folder)  # an error in the labels is said first
    labels = Path(heads.labels or settings.photos.folder)
    share = settings.photos.held_out
    enough = all(count >= FEWEST for count in (_by_class if labels.is_dir() else _by_label)(labels, share))
    return [heads.model_copy(update={"backbone": "efficientnet-lite2"})] if enough else []


def _by_class(folder: Path, held_out: float) -> Iterator[int]:
    """How many photos of each class each half has to train on."""
    names = [path.relative_to(folder).as_posix() for path in find_photos(folder)]
    counts = Counter((class_of(name), is_judges(name)) for name in names if not is_held_out(name, held_out))
    for kind in {class_of(name) for name in names} - {None}:
        yield from (counts[kind, half] for half in (False, True))


def _by_label(table: Path, held_out: float) -> Iterator[int]:
    """How many photos with each label, and without, each half has to train on."""
    (_, header), *rows = read_rows(table, "predictors.labels takes a CSV.")
    counts: Counter[tuple[int, bool, bool]] = Counter()
    for _, (name, *cells) in rows:
        if not is_held_out(name, held_out):
            for column, cell in enumerate(cells):
                with contextlib.suppress(ValueError):  # not known; and what is no number, fit_predictor refuses
                    counts[column, is_judges(name), float(cell) >= 0.5] += 1
    for column in range(len(header) - 1):
        yield from (counts[column, half, high] for half in (False, True) for high in (False, True))
