"""fit_predictor: linear heads on backbone features of labelled photos, with their accuracy on held-out ones."""

import contextlib
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from sceneshift.photos.store import PhotoStore
from sceneshift.runtime.files import sha256_of
from sceneshift.runtime.progress import Progress
from sceneshift.runtime.provenance import made_by
from sceneshift.runtime.tables import write_table
from sceneshift.scoring.bradley_terry import agreement
from sceneshift.scoring.fitting import fit_head
from sceneshift.scoring.kind import FittedHeads, PredictorSettings, Storable
from sceneshift.scoring.kinds.heads import Heads, View
from sceneshift.scoring.labels import Half, LabelledPhotos
from sceneshift.scoring.learning import Material, counted
from sceneshift.scoring.predictor import save_predictor
from sceneshift.scoring.softening import softened
from sceneshift.vision.backbone import FEATURES

COLUMNS = (
    "attribute", "kind", "auc", "r2", "agreement", "unreachable", "held_out_votes", "regularization", "n_train",
    "n_held_out",
)  # fmt: skip
BATCH = 256


def fit_predictor(
    labels: Path | str | None,
    out: Path | str,
    settings: list[PredictorSettings],
    *,
    accuracy: Path | str | None = None,
    shape: tuple[int, int] | None = None,
    half: Half | None = None,
    seed: int = 0,
    device: torch.device | str = "cpu",
) -> None:
    """Learn attribute predictors from labelled photos, several in one file.

    labels: photo store (.h5), CSV (file, then a column per attribute) or folder (a subfolder per class); heads need one
    out: predictor to write (.safetensors)
    settings: list of predictors, each with its `kind`; heads if not given
    accuracy: table to write (.csv): held-out accuracy of each head (default: OUT with .accuracy.csv)
    shape: of the images to be scored (default: the store's)
    half: of the photos to learn from, by a hash of their names: judges share none with predictors (default: all)

    The labels are for `heads` whose `labels` is null, and a store's photos for `comparisons` whose `photos` is null.
    Accuracy: one row per head: attribute, kind, AUC (labels split at 0.5), R² (continuous labels) on held-out photos,
    agreement with votes between them, the share of those votes that no scorer can agree with and their number
    (comparisons), regularization, n_train, n_held_out. Empty where it cannot be measured.

    Raises SceneshiftError for bad labels, a class with too few photos, or a name that occurs twice.

    Example: photos.h5 predictor.safetensors --settings '[{"kind": "heads", "labels": "labels.csv"}]'
    """
    accuracy = accuracy or Path(out).with_suffix(".accuracy.csv")
    source = None if labels is None else Path(labels)
    parts: list[Storable] = []
    rows: list[dict[str, object]] = []
    with contextlib.ExitStack() as stack:
        photos = stack.enter_context(PhotoStore(source)) if source and source.suffix == ".h5" else None
        material = Material(source, photos, shape if photos is None else photos.shape)
        labelled = {place: one.labelled(material) for place, one in enumerate(settings) if isinstance(one, FittedHeads)}
        if half:
            labelled = {place: learned.half(half) for place, learned in labelled.items()}
        for learned in labelled.values():
            counted(learned)  # enough of each? before features are taken, which takes long
        for place, one in enumerate(settings):
            if isinstance(one, FittedHeads):
                heads, own_rows = _fit(one, labelled[place], seed, str(device), out)
                parts.append(heads)
                rows += own_rows
            else:
                parts.append(one.build(str(device)))
        attribution = photos.attribution if photos else ""
    provenance = made_by(  # files from elsewhere are recorded by their sha256, not by where they lay
        command="fit-predictor",
        photos=attribution,
        seed=seed,
        settings=[one.model_dump(exclude={*one.sources(), "max_missing"}) for one in settings],
        read_sha256=[sha256_of(path) for path in _read_by(settings, source) if Path(path).is_file()],
    )
    save_predictor(parts, Path(out), provenance)
    write_table(accuracy, COLUMNS, rows)


def _read_by(predictors: Sequence[PredictorSettings], source: Path | None) -> list[object]:
    """What predictors are learned from or read from: `source` and what the settings name."""
    return [*([source] if source else []), *(path for one in predictors for path in one.sources().values())]


def _fit(
    settings: FittedHeads, photos: LabelledPhotos, seed: int, device: str, out: Path | str
) -> tuple[Heads, list[dict[str, object]]]:
    view = View(settings.backbone, photos.shape, settings.input_size, device)
    x, soft = _features(photos, view, seed, out)
    fitted, rows = [], []
    for k, attribute in enumerate(photos.attributes):
        y = photos.labels[:, k].astype(np.float64)
        known = np.isfinite(y)
        train, held_out = np.flatnonzero(known & ~photos.held_out), np.flatnonzero(known & photos.held_out)
        views = [x[train], soft[train]]
        head = fit_head(attribute, views, y[train], (x[held_out], y[held_out]), settings.regularization, seed)
        fitted.append(head)
        agreed, unreachable, votes = None, None, None
        if photos.votes:
            agreed, unreachable, votes = agreement(photos.votes[k], x @ head.weight + head.bias)
        rows.append({
            "attribute": attribute, "kind": head.kind, "auc": head.auc, "r2": head.r2, "agreement": agreed,
            "unreachable": unreachable, "held_out_votes": votes, "regularization": head.regularization,
            "n_train": len(train), "n_held_out": len(held_out),
        })  # fmt: skip
        measured = (("AUC", head.auc), ("R²", head.r2), ("agreement", agreed), ("out of reach", unreachable))
        accuracy = [f"{name} {value:.3f}" for name, value in measured if value is not None]
        print(f"{attribute}: {head.kind} head, held out {', '.join(accuracy) or 'not measured'}", file=sys.stderr)
    weight, bias = np.stack([head.weight for head in fitted]), np.array([head.bias for head in fitted])
    heads = Heads(photos.attributes, weight, bias, [head.link for head in fitted], view)
    return heads, rows


def _features(photos: LabelledPhotos, view: View, seed: int, out: Path | str) -> tuple[np.ndarray, np.ndarray]:
    """Features of the photos and of their softened copies, float32 [N, 1280] each."""
    count = len(photos.labels)
    x, soft = np.empty((2, count, FEATURES), np.float32)
    with Progress("features of labelled photos", count, unit="photos", beside=out) as progress:
        for start in range(0, count, BATCH):
            rows = range(start, min(start + BATCH, count))
            images = photos.images(rows)
            x[rows.start : rows.stop] = view.features(images)
            soft[rows.start : rows.stop] = view.features(softened(images, rows, seed))
            progress.advance(len(rows))
    return x, soft
