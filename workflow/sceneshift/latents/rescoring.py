"""HiGAN's re-scoring (arXiv 1911.09267): what does a move along a boundary change, by attribute and by level?"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sceneshift.images.structure import structure
from sceneshift.latents.codes import Codes
from sceneshift.latents.moving import Move
from sceneshift.latents.rendering import Renderer, batches, in_order
from sceneshift.latents.store import LatentStore
from sceneshift.runtime.bootstrap import interval_of_mean
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.files import sha256_of
from sceneshift.runtime.randomness import numpy_generator
from sceneshift.runtime.tables import read_table
from sceneshift.scoring import Predictor

COLUMNS = {
    "edited": str, "level": str, "attribute": str, "delta": float, "standardized": float, "low": float, "high": float,
    "mean_change": float, "structure": float,
}  # fmt: skip
BATCH = 64
Row = dict[str, Any]  # of a re-scoring table, one value per column


@dataclass(frozen=True)
class Unedited:
    """N codes, and what the predictor says of their truncated images."""

    codes: Codes
    images: np.ndarray  # uint8 [N, H, W, 3]
    scores: np.ndarray  # float32 [N, K]


@dataclass(frozen=True)
class Change:
    """What one move did to N codes."""

    scores: np.ndarray  # float32 [N, K], after minus before
    structure: np.ndarray  # float64 [N], of each picture before and after


def measure_change(renderer: Renderer, predictor: Predictor, before: Unedited, move: Move) -> Change:
    """Move codes, render and score them. `before` is truncated as the move is."""

    def work(rows: range) -> tuple[np.ndarray, np.ndarray]:
        some = slice(rows.start, rows.stop)
        images = renderer.render_moved(before.codes[some], move)
        return predictor.score(images) - before.scores[some], structure(before.images[some], images)

    results = list(in_order(work, batches(len(before.codes), BATCH), renderer.device))
    return Change(np.concatenate([r[0] for r in results]), np.concatenate([r[1] for r in results]))


def summarize(
    edited: str, level: str, change: Change, attributes: list[str], deviations: np.ndarray, seed: int
) -> list[Row]:
    """The table's rows of one level, one per attribute. `deviations` [K] standardize the K scores."""
    rises = np.maximum(change.scores, 0).astype(np.float64)
    delta = rises.mean(0)
    low, high = interval_of_mean(rises, numpy_generator(seed, "bootstrap")) / deviations
    mean = change.scores.mean(0, dtype=np.float64) / deviations
    kept = float(change.structure.mean())
    return [
        {
            "edited": edited, "level": level, "attribute": name, "delta": delta[k],
            "standardized": delta[k] / deviations[k], "low": low[k], "high": high[k], "mean_change": mean[k],
            "structure": kept,
        }
        for k, name in enumerate(attributes)
    ]  # fmt: skip


def score_deviations(store: LatentStore) -> np.ndarray:
    """Standard deviation of each attribute's score: float64 [K]; a constant score counts as 1, so its changes show."""
    deviations = store.deviations()
    return np.where(deviations > 0, deviations, 1.0)


def check_store(store: LatentStore, generator_path: Path | str, predictor_path: Path | str) -> None:
    """Raise SceneshiftError unless `store` was made by this generator and this predictor."""
    for what, path in (("generator", generator_path), ("predictor", predictor_path)):
        found, expected = store.attrs[f"{what}_sha256"], sha256_of(path)
        if found != expected:
            raise SceneshiftError(
                f"{store.path} was made with another {what} (sha256 {found[:12] or 'none'}…) than {path}"
                f" ({expected[:12]}…). Synthesize again with this one."
            )


def effects_on(attribute: str, table: Path | str) -> dict[str, Row]:
    """Level -> the row of a re-scoring table that measures `attribute`."""
    effects = {row["level"]: row for row in rescoring_rows(table) if row["attribute"] == attribute}
    if len(effects) < 2 or "all" not in effects:
        raise SceneshiftError(
            f"{table} does not measure {attribute!r} at all layers and level by level. Re-score with a predictor of it."
        )
    return effects


def best_level(attribute: str, table: Path | str) -> str:
    """The one level, other than all layers together, where re-scoring `attribute` is strongest, up or down."""
    effects = {level: row for level, row in effects_on(attribute, table).items() if level != "all"}
    return max(effects, key=lambda level: effect(effects[level]))


def lowers(attribute: str, level: str, table: Path | str) -> bool:
    """Whether moving along the boundary's normal makes less of `attribute`."""
    effects = effects_on(attribute, table)
    if level not in effects:
        raise SceneshiftError(f"{table} does not measure the level {level!r}; it has: {', '.join(effects)}.")
    return effects[level]["mean_change"] < 0


def effect(row: Row) -> float:
    """Mean standardized rise of the score along the normal, or, where that is more, against it (its mean fall)."""
    return max(row["standardized"], row["standardized"] - row["mean_change"])


def rescoring_rows(table: Path | str) -> list[Row]:
    """The rows of a table that rescore-boundary wrote. Raises SceneshiftError that names what is damaged."""
    return read_table(table, COLUMNS, "Make it again with rescore-boundary.")
