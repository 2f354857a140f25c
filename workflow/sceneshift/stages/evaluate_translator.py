"""What a translator does to held-out photos: did its attribute move, and did the rest stay?"""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from sceneshift.evaluation.audit import Aim, Pair, measured, shares, verdicts_on, write_verdicts
from sceneshift.evaluation.judge import load_judge
from sceneshift.evaluation.open_sky import open_skies
from sceneshift.evaluation.pixels import backbone_distance
from sceneshift.evaluation.summary import COLUMNS, Change, Row, rows, summarize
from sceneshift.pairs.edit_record import EditRecord
from sceneshift.photos.store import PhotoStore
from sceneshift.runtime.devices import pick_device
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.progress import Progress
from sceneshift.runtime.randomness import numpy_generator
from sceneshift.runtime.tables import write_table
from sceneshift.scoring import Predictor, load_predictor
from sceneshift.settings import EvaluationSettings
from sceneshift.translator import load_translator
from sceneshift.vision.backbone import load_backbone

BATCH = 32


def evaluate_translator(
    translator: Path | str, photos: Path | str, out: Path | str, settings: EvaluationSettings, *,
    predictor: Path | str, edit: Path | str, judges: Sequence[Path] = (), verdicts: Path | None = None,
    strength: float = 1.0, seed: int = 0, device: torch.device | str = "cpu",
) -> list[Change]:  # fmt: skip
    """On held-out photos: did the attribute move, and did the rest stay?

    translator: translator (.safetensors), or a shipped editor's name
    photos: photo store (.h5); settings.count of its held-out photos are used, chosen by `seed`
    out: table to write (.csv): photo, scorer (predictor, judge:NAME or pixels), attribute, before, after
    predictor: predictor (.safetensors)
    edit: edit.json of the pairs, which names the attribute that measures the edit
    judges: predictors that took no part in the edit, or the judge of streets, called as their files (.safetensors)
    verdicts: table to write (.csv): what is said against each edited photo, as `audit` has it
    strength: of the edit

    Pixel facts are those of `audit`, the color of the sky where it is known, and `backbone_distance` (0 before).
    Returns the means with bootstrap intervals, as `summary.summarize` computes them from `out`, and `audit.shares`.

    Raises SceneshiftError if there is no held-out photo, or the predictor does not know the edited attribute.

    Example: translator.safetensors photos.h5 vegetation.csv --predictor predictor.safetensors --edit edit.json
    """
    device = str(pick_device(str(device)))
    record = EditRecord.read(edit)
    scorers: dict[str, Predictor] = {"predictor": load_predictor(predictor, device)}
    if record.measured_by not in scorers["predictor"].attributes:
        raise SceneshiftError(
            f"{edit} is measured by {record.measured_by!r}, which {predictor} does not score. It knows:"
            f" {', '.join(scorers['predictor'].attributes)}."
        )
    scorers |= {f"judge:{Path(judge).stem}": load_judge(judge, device) for judge in judges}
    editor = load_translator(translator, device, precision="auto")
    backbone = load_backbone(device)
    table: list[Row] = []
    with PhotoStore(photos) as store:
        chosen = _chosen(store, settings.count, seed)
        with Progress("evaluating", len(chosen), unit="photos", beside=out) as progress:
            for start in range(0, len(chosen), BATCH):
                indices = chosen[start : start + BATCH]
                before = store.images(indices)
                after = np.stack([edited.image for edited in editor.edited(list(before), strength)])
                names = [store.names[index] for index in indices]
                pairs = [Pair(*both, both[0], both) for both in zip(before, after, strict=True)]
                table += measured(names, pairs, scorers, open_skies(store, indices))
                distance = backbone_distance(before, after, backbone)
                table += rows(names, "pixels", "backbone_distance", np.zeros(len(before)), distance)
                progress.advance(len(indices))
    write_table(out, list(COLUMNS), table)
    judged = verdicts_on(table, settings.audit, Aim(record.measured_by, record.direction))
    if verdicts is not None:
        write_verdicts(verdicts, judged)
    changes = summarize(table) + shares(judged)
    print(*changes, sep="\n", file=sys.stderr)
    return changes


def _chosen(store: PhotoStore, count: int, seed: int) -> np.ndarray:
    held_out = store.held_out_indices
    if not len(held_out):
        raise SceneshiftError(
            f"{store.path} has no held-out photos, so nothing can be evaluated. Set photos.held_out above 0."
        )
    if count >= len(held_out):
        return held_out
    return np.sort(numpy_generator(seed, "evaluation", "photos").permutation(held_out)[:count])
