"""HiGAN's re-scoring: what does moving along a boundary change, attribute by attribute and level by level?"""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from sceneshift.evaluation.structure import structure
from sceneshift.latents.boundaries import load_boundary
from sceneshift.latents.levels import levels
from sceneshift.latents.moving import move_codes
from sceneshift.latents.rendering import Renderer, batches, in_order
from sceneshift.latents.store import LatentStore
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.files import atomic_file, sha256_of
from sceneshift.runtime.progress import Progress
from sceneshift.runtime.randomness import numpy_generator
from sceneshift.scoring import Predictor, load_predictor
from sceneshift.settings import RescoringSettings

COLUMNS = ("edited", "level", "attribute", "delta", "standardised", "low", "high", "mean_change", "structure")
BOOTSTRAPS = 1000
BATCH = 64


@dataclass(frozen=True)
class Change:
    """What one move did to N codes."""

    scores: np.ndarray  # float32 [N, K], after minus before
    structure: np.ndarray  # float64 [N], of each picture before and after


def measure_change(
    renderer: Renderer, predictor: Predictor, codes: np.ndarray, before_scores: np.ndarray, before_images: np.ndarray,
    normal: np.ndarray, distance: float, mask: np.ndarray, truncation_psi: float,
) -> Change:  # fmt: skip
    """Move codes, render and score them.

    codes: untruncated [N, w_dim]. before_scores [N, K] and before_images uint8 [N, H, W, 3] (array-like): of the same
    codes unmoved, truncated by `truncation_psi`.
    """

    def work(rows: range) -> tuple[np.ndarray, np.ndarray]:
        some = slice(rows.start, rows.stop)
        moved = move_codes(codes[some], normal, distance, mask, truncation_psi, renderer.w_avg)
        images = renderer.render(moved)
        return predictor.score(images) - before_scores[some], structure(before_images[some], images)

    results = list(in_order(work, batches(len(codes), BATCH), renderer.device))
    return Change(np.concatenate([r[0] for r in results]), np.concatenate([r[1] for r in results]))


def rescore_boundary(
    generator_path: Path | str, boundary_path: Path | str, predictor_path: Path | str, unedited: Path | str,
    store_path: Path | str, out_csv: Path | str, settings: RescoringSettings, *, seed: int = 0,
    device: torch.device | str = "cpu",
) -> None:  # fmt: skip
    """Write one row for each level (`all` first) and each measured attribute.

    unedited: a store of fresh codes, scored, with all images kept (`synthesize --stream rescoring --keep-images`); made
        once for all boundaries. store_path: the synthesised set, whose standard deviations standardise.
    delta: HiGAN's Δ, the mean of max(F(G(w + d·n)) - F(G(w)), 0). standardised: delta by the score's standard
        deviation, with its 95 % bootstrap interval low … high over codes. mean_change: signed mean, standardised.
        structure: mean over pictures, the same for all attributes of a level.

    Raises SceneshiftError if the files do not belong together.
    """
    renderer, predictor = Renderer(generator_path, device), load_predictor(predictor_path, str(device))
    boundary = load_boundary(boundary_path, renderer.w_dim, generator_path)
    with LatentStore(store_path) as synthesised:
        check_store(synthesised, generator_path, predictor_path)
        deviations = score_deviations(synthesised)
    masks = levels(renderer.ws_resolutions, renderer.resolution, boundary.resolutions)
    rows = []
    with (
        LatentStore(unedited) as fresh,
        Progress(f"re-scoring {boundary.attribute}", len(masks) * len(fresh), beside=out_csv) as bar,
    ):
        check_store(fresh, generator_path, predictor_path)
        if fresh.images is None or len(fresh.images) < len(fresh):
            raise SceneshiftError(f"{unedited} lacks its images. Make it with `sceneshift synthesize --keep-images`.")
        psi, codes, before = float(fresh.attrs["truncation_psi"]), fresh.w(slice(None)), fresh.scores
        images = fresh.images[:]  # HDF5 is not read from several threads at once
        for level, mask in masks.items():
            change = measure_change(
                renderer, predictor, codes, before, images, boundary.normal, settings.distance, mask, psi
            )
            rows += summarise(boundary.attribute, level, change, predictor.attributes, deviations, seed)
            bar.advance(len(codes))
    with atomic_file(out_csv) as temporary, open(temporary, "w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        table.writeheader()
        table.writerows(rows)


def summarise(
    edited: str, level: str, change: Change, attributes: list[str], deviations: np.ndarray, seed: int
) -> list[dict[str, str]]:
    """The table's rows of one level."""
    rises = np.maximum(change.scores, 0).astype(np.float64)
    delta, count = rises.mean(0), len(rises)
    draws = numpy_generator(seed, "bootstrap").multinomial(count, np.full(count, 1 / count), BOOTSTRAPS)
    low, high = np.quantile(draws @ rises / count, (0.025, 0.975), axis=0) / deviations
    mean = change.scores.mean(0, dtype=np.float64) / deviations
    kept = float(change.structure.mean())
    return [
        {
            "edited": edited, "level": level, "attribute": name,
            **{
                column: f"{value:.6g}"
                for column, value in (
                    ("delta", delta[k]), ("standardised", delta[k] / deviations[k]), ("low", low[k]), ("high", high[k]),
                    ("mean_change", mean[k]), ("structure", kept),
                )
            },
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
                f" ({expected[:12]}…). Synthesise again with this one."
            )
