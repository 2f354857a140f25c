"""fit_predictor: linear heads on backbone features of labelled photos, with their accuracy on held-out ones."""

import contextlib
import csv
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, r2_score, roc_auc_score

from sceneshift.backbone import FEATURES
from sceneshift.photos import PhotoStore
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.files import atomic_file, sha256_of
from sceneshift.runtime.progress import Progress
from sceneshift.runtime.provenance import made_by
from sceneshift.runtime.randomness import numpy_generator
from sceneshift.scoring.bradley_terry import agreement
from sceneshift.scoring.comparisons import compared_photos
from sceneshift.scoring.heads import Heads, features
from sceneshift.scoring.labels import LabelledPhotos, labelled_photos
from sceneshift.scoring.predictor import Storable, ready_made, save_predictor
from sceneshift.scoring.softening import softened
from sceneshift.settings import ComparisonsPredictor, FittedHeads, HeadsPredictor
from sceneshift.settings import Predictor as PredictorSettings

COLUMNS = (
    "attribute", "kind", "auc", "r2", "agreement", "unreachable", "held_out_votes", "regularization", "n_train",
    "n_held_out",
)  # fmt: skip
FEWEST = 10  # photos of either side of a label that a head can be fitted on
VALIDATION = 0.25  # share of the training photos that `regularization: auto` validates on
LOGISTIC_GRID = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1)
RIDGE_GRID = tuple(10.0**-power for power in range(7))  # 1/α, from 1 to 1e-6
LOGIT_MARGIN = 0.02  # labels are kept so far from 0 and 1 before their logit is taken
BATCH = 256


@dataclass(frozen=True)
class Head:
    """One fitted head on raw features, and its accuracy on held-out photos (None where it cannot be measured)."""

    attribute: str
    kind: str  # logistic, ridge, or logit ridge
    weight: np.ndarray  # float64 [1280]
    bias: float
    regularization: float
    auc: float | None
    r2: float | None

    @property
    def link(self) -> str:
        """`identity`: the score estimates the label; `logit`: its sigmoid does."""
        return "identity" if self.kind == "ridge" else "logit"


def fit_predictor(
    predictors: Sequence[PredictorSettings], source: Path | str | None, out: Path | str, accuracy_csv: Path | str, *,
    seed: int = 0, shape: tuple[int, int] | None = None, device: str = "cpu",
) -> None:  # fmt: skip
    """Fit what needs fitting and write all predictors, side by side, to one file, with a table of their accuracy.

    source: photos.h5, or a CSV or a folder with one subfolder a class: the labels of `heads` whose `labels` is null,
        and, of a photo store, the photos of `comparisons` whose `photos` is null. None if there are no such.
    shape: height and width of the generator's images; known already if `source` is a photo store.
    accuracy_csv: one row a head: attribute, kind, AUC (labels parted at 0.5) and R² (continuous labels) on held-out
        photos, agreement with votes between them, the share of those votes that no scorer can agree with and their
        number (comparisons), regularization, n_train, n_held_out. Empty where it cannot be measured.

    Raises SceneshiftError for bad labels, a class with too few photos, or a name that occurs twice.
    """
    source = None if source is None else Path(source)
    parts: list[Storable] = []
    rows: list[dict[str, object]] = []
    with contextlib.ExitStack() as stack:
        photos = stack.enter_context(PhotoStore(source)) if source and source.suffix == ".h5" else None
        shape = shape if photos is None else photos.shape
        for settings in predictors:
            if not isinstance(settings, FittedHeads):
                parts.append(ready_made(settings, str(device)))
                continue
            if isinstance(settings, ComparisonsPredictor):
                labelled = compared_photos(settings, shape, photos)
            else:
                labelled = labelled_photos(_learned_from(settings, source), shape, photos)
            heads, own_rows = _fit(settings, labelled, seed, device, out)
            parts.append(heads)
            rows += own_rows
    provenance = made_by(  # files from elsewhere are recorded by their sha256, not by where they lay
        command="fit-predictor", settings=[one.model_dump(exclude=set(one.sources())) for one in predictors], seed=seed,
        read_sha256=[sha256_of(path) for path in _read_by(predictors, source) if Path(path).is_file()],
    )  # fmt: skip
    save_predictor(parts, Path(out), provenance)
    with atomic_file(accuracy_csv) as temporary, open(temporary, "w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        table.writeheader()
        table.writerows(rows)


def _read_by(predictors: Sequence[PredictorSettings], source: Path | None) -> list[object]:
    """What predictors are learned from or read from: `source` and what the settings name."""
    return [*([source] if source else []), *(path for one in predictors for path in one.sources().values())]


def _learned_from(settings: HeadsPredictor, source: Path | None) -> Path:
    if settings.labels:
        return Path(settings.labels)
    if source is None:
        raise SceneshiftError(
            "predictors: `heads` without `labels` learn from labelled photos; found none. Give a photo store"
            " (.h5), a CSV or a folder with one subfolder a class."
        )
    return source


def _fit(
    settings: FittedHeads, photos: LabelledPhotos, seed: int, device: str, out: Path | str
) -> tuple[Heads, list[dict[str, object]]]:
    _check_counts(photos)
    x, soft = _features(photos, settings.input_size, seed, device, out)
    fitted, rows = [], []
    for k, attribute in enumerate(photos.attributes):
        y = photos.labels[:, k].astype(np.float64)
        known = np.isfinite(y)
        train, held_out = np.flatnonzero(known & ~photos.held_out), np.flatnonzero(known & photos.held_out)
        views = [x[train], soft[train]]
        head = fit_head(attribute, views, y[train], x[held_out], y[held_out], settings.regularization, seed)
        fitted.append(head)
        agreed, unreachable, votes = None, None, None
        if photos.votes:
            agreed, unreachable, votes = agreement(photos.votes[k], x @ head.weight + head.bias)
        rows.append({
            "attribute": attribute, "kind": head.kind, "auc": _cell(head.auc), "r2": _cell(head.r2),
            "agreement": _cell(agreed), "unreachable": _cell(unreachable), "held_out_votes": votes,
            "regularization": f"{head.regularization:g}", "n_train": len(train), "n_held_out": len(held_out),
        })  # fmt: skip
        measured = (("AUC", head.auc), ("R²", head.r2), ("agreement", agreed), ("out of reach", unreachable))
        accuracy = [f"{name} {value:.3f}" for name, value in measured if value is not None]
        print(f"{attribute}: {head.kind} head, held out {', '.join(accuracy) or 'not measured'}", file=sys.stderr)
    heads = Heads(
        photos.attributes, np.stack([head.weight for head in fitted]), np.array([head.bias for head in fitted]),
        shape=photos.shape, input_size=settings.input_size, links=[head.link for head in fitted],
        device=device,
    )  # fmt: skip
    return heads, rows


def _cell(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"


def _check_counts(photos: LabelledPhotos) -> None:
    """Every label must part the training photos into two sides of some size."""
    labels = photos.labels[~photos.held_out]
    above, below = (labels >= 0.5).sum(0), (labels < 0.5).sum(0)
    for attribute, high, low in zip(photos.attributes, above.tolist(), below.tolist(), strict=True):
        if min(high, low) < FEWEST:
            raise SceneshiftError(
                f"{photos.source}: {attribute!r} has {high} photos with it and {low} without to fit on, needs {FEWEST}"
                " of each. Add photos, merge it with another class, or leave it out."
            )


def _features(
    photos: LabelledPhotos, input_size: int, seed: int, device: str, out: Path | str
) -> tuple[np.ndarray, np.ndarray]:
    """Features of the photos and of their softened copies, float32 [N, 1280] each."""
    count = len(photos.labels)
    x, soft = np.empty((2, count, FEATURES), np.float32)
    with Progress("features of labelled photos", count, unit="photos", beside=out) as progress:
        for start in range(0, count, BATCH):
            rows = range(start, min(start + BATCH, count))
            images = photos.images(rows)
            x[rows.start : rows.stop] = features(images, photos.shape, input_size, device)
            soft[rows.start : rows.stop] = features(softened(images, rows, seed), photos.shape, input_size, device)
            progress.advance(len(rows))
    return x, soft


def fit_head(
    attribute: str, views: Sequence[np.ndarray], y: np.ndarray, held_out_x: np.ndarray, held_out_y: np.ndarray,
    regularization: float | str = "auto", seed: int = 0,
) -> Head:  # fmt: skip
    """Fit one head on features of n photos, [n, D] for each of their views, and labels y [n] in [0, 1].

    Labels that are all 0 or 1: logistic regression. Continuous ones: ridge regression of the label or of its logit,
    whichever predicts validation photos (a part of the n, with all their views) better; held-out photos only measure.
    """
    n, x = len(y), np.concatenate(views)
    mean, deviation = x.mean(0, dtype=np.float64), x.std(0, dtype=np.float64)
    # What hardly varies among photos is not made to count by scaling: on synthesised images it may vary a lot, and the
    # scores then be a hundred times out of range.
    deviation = np.maximum(deviation, max(np.median(deviation), 1e-6))
    standardised = ((x - mean) / deviation).astype(np.float32)
    order = numpy_generator(seed, "heads validation").permutation(n)
    part, rest = (
        np.concatenate([rows + n * view for view in range(len(views))])
        for rows in (order[: round(VALIDATION * n)], order[round(VALIDATION * n) :])
    )
    y = np.tile(y, len(views))
    binary = bool(np.isin(y, (0, 1)).all())
    fit = _fit_logistic if binary else _fit_ridge
    kind, strength, coefficients, intercept = fit(standardised, y, rest, part, regularization)
    weight = coefficients / deviation
    bias = float(intercept - weight @ mean)
    auc = r2 = None
    if len(held_out_y):
        score = held_out_x @ weight + bias
        positive = held_out_y >= 0.5
        auc = float(roc_auc_score(positive, score)) if 0 < positive.sum() < len(positive) else None
        if not binary and len(held_out_y) > 1 and held_out_y.std() > 0:
            r2 = float(r2_score(held_out_y, score if kind == "ridge" else _sigmoid(score)))
    return Head(attribute, kind, weight, bias, strength, auc, r2)


def _fit_logistic(
    x: np.ndarray, y: np.ndarray, rest: np.ndarray, part: np.ndarray, regularization: float | str
) -> tuple[str, float, np.ndarray, float]:
    def fitted(rows: np.ndarray | slice, c: float) -> LogisticRegression:
        return LogisticRegression(C=c, max_iter=500, tol=1e-4).fit(x[rows], y[rows])

    strength = regularization
    if strength == "auto":
        # the smaller part may lack one side, and then says nothing about the strength
        usable = len(set(y[part])) == 2 and len(set(y[rest])) == 2
        losses = [
            log_loss(y[part], fitted(rest, c).predict_proba(x[part])[:, 1]) if usable else 0.0 for c in LOGISTIC_GRID
        ]
        strength = LOGISTIC_GRID[int(np.argmin(losses))] if usable else 1e-2
    model = fitted(slice(None), float(strength))
    return "logistic", float(strength), model.coef_[0].astype(np.float64), float(model.intercept_[0])


def _fit_ridge(
    x: np.ndarray, y: np.ndarray, rest: np.ndarray, part: np.ndarray, regularization: float | str
) -> tuple[str, float, np.ndarray, float]:
    targets = {"ridge": y, "logit ridge": _logit(np.clip(y, LOGIT_MARGIN, 1 - LOGIT_MARGIN))}
    strengths = RIDGE_GRID if regularization == "auto" else (float(regularization),)
    best = (np.inf, "", 0.0)
    for kind, target in targets.items():
        for strength, coefficients, intercept in ridge_path(x[rest], target[rest], strengths):
            predicted = x[part] @ coefficients + intercept
            predicted = _sigmoid(predicted) if kind == "logit ridge" else predicted
            best = min(best, (float(np.square(predicted - y[part]).mean()), kind, strength))
    _, kind, strength = best
    ((_, coefficients, intercept),) = ridge_path(x, targets[kind], (strength,))
    return kind, strength, coefficients, intercept


def ridge_path(x: np.ndarray, y: np.ndarray, strengths: Sequence[float]) -> list[tuple[float, np.ndarray, float]]:
    """Ridge regression ‖y - xβ - b‖² + ‖β‖²/strength for several strengths at the price of one: (strength, β, b)."""
    mean_x, mean_y = x.mean(0, dtype=np.float64), y.mean()
    centred = x - mean_x
    values, vectors = np.linalg.eigh(centred.T @ centred)
    projected = vectors.T @ (centred.T @ (y - mean_y))
    path = []
    for strength in strengths:
        beta = vectors @ (projected / (np.maximum(values, 0) + 1 / strength))
        path.append((strength, beta, float(mean_y - beta @ mean_x)))
    return path


def _logit(p: np.ndarray) -> np.ndarray:
    return np.log(p / (1 - p))


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))
