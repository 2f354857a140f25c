"""Fitting linear heads on backbone features of labelled photos, with their accuracy on held-out ones."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, r2_score, roc_auc_score

from sceneshift.runtime.randomness import numpy_generator

VALIDATION = 0.25  # share of the training photos that `regularization: auto` validates on
LOGISTIC_GRID = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1)
RIDGE_GRID = tuple(10.0**-power for power in range(7))  # 1/α, from 1 to 1e-6
LOGIT_MARGIN = 0.02  # labels are clipped to at least this far from 0 and 1 before their logit is taken


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


def fit_head(
    attribute: str,
    views: Sequence[np.ndarray],
    y: np.ndarray,
    held_out: tuple[np.ndarray, np.ndarray],
    regularization: float | str = "auto",
    seed: int = 0,
) -> Head:
    """Fit one head on features of n photos, [n, D] for each of their views, and labels y [n] in [0, 1].

    held_out: features [m, D] and labels [m] of the photos that measure it.

    Labels that are all 0 or 1: logistic regression. Continuous ones: ridge regression of the label or of its logit,
    whichever predicts validation photos (a part of the n, with all their views) better; held-out photos only measure.
    """
    n, x = len(y), np.concatenate(views)
    mean, deviation = x.mean(0, dtype=np.float64), x.std(0, dtype=np.float64)
    # What hardly varies among photos is not made to count by scaling: on synthesized images it may vary a lot, and the
    # scores then be a hundred times out of range.
    deviation = np.maximum(deviation, max(np.median(deviation), 1e-6))
    standardized = ((x - mean) / deviation).astype(np.float32)
    order = numpy_generator(seed, "heads validation").permutation(n)
    part, rest = (
        np.concatenate([rows + n * view for view in range(len(views))])
        for rows in (order[: round(VALIDATION * n)], order[round(VALIDATION * n) :])
    )
    y = np.tile(y, len(views))
    binary = bool(np.isin(y, (0, 1)).all())
    fit = _fit_logistic if binary else _fit_ridge
    kind, strength, coefficients, intercept = fit(standardized, y, rest, part, regularization)
    weight = coefficients / deviation
    bias = float(intercept - weight @ mean)
    held_out_x, held_out_y = held_out
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
    """Logistic regression of labels y [N] of 0 or 1 on standardized features x [N, D].

    rest, part: places (int64) to fit and to validate strengths on, for `auto`; then it is fitted on all.
    Returns (kind, regularization, coefficients float64 [D], intercept).
    """

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
    """Ridge regression of labels y [N] in [0, 1] or of their logits; parameters and returns as of `_fit_logistic`."""
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
    """Ridge regression ‖y - xβ - b‖² + ‖β‖²/strength for several strengths at the price of one.

    x: [N, D], y: [N]. Returns (strength, β float64 [D], b) of each; one eigendecomposition serves them all, where
    sklearn's Ridge makes one for each.
    """
    mean_x, mean_y = x.mean(0, dtype=np.float64), y.mean()
    centered = x - mean_x
    values, vectors = np.linalg.eigh(centered.T @ centered)
    projected = vectors.T @ (centered.T @ (y - mean_y))
    path = []
    for strength in strengths:
        beta = vectors @ (projected / (np.maximum(values, 0) + 1 / strength))
        path.append((strength, beta, float(mean_y - beta @ mean_x)))
    return path


# SciPy's logit and expit round differently in the last bit, and the heads of every run so far were fitted with these.
def _logit(p: np.ndarray) -> np.ndarray:
    return np.log(p / (1 - p))


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))
