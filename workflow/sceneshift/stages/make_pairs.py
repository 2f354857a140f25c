"""make_pairs: synthesised images before and after an edit, kept where the predictor agrees (StyleGAN2 Distillation)."""

import csv
import json
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from sceneshift.latents.boundaries import condition as conditioned
from sceneshift.latents.boundaries import load_boundary
from sceneshift.latents.codes import z_of
from sceneshift.latents.levels import mask_of
from sceneshift.latents.moving import move_codes
from sceneshift.latents.rendering import Renderer, batches, in_order
from sceneshift.latents.rescoring import best_level, check_store, lowers, measure_change, score_deviations
from sceneshift.latents.store import LatentStore
from sceneshift.pairs.distance import CODES, FoundDistance, Point, find_distance, projection_deviation
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.files import atomic_directory, sha256_of
from sceneshift.runtime.progress import Progress
from sceneshift.runtime.provenance import made_by
from sceneshift.scoring import Predictor, column_of, load_predictor
from sceneshift.settings import EditSettings, KeepSettings, PairsSettings

BATCH = 64


@dataclass(frozen=True)
class KeepRule:
    """The filter of pairs, in the units of the scores. Quantiles and deviations are those of the synthesised set."""

    own: int  # column of the edited attribute
    sign: int  # 1 for more, -1 for less
    source: float  # sign·(own score before) must be below
    edited: float  # sign·(own score after) must be above
    effect: float  # sign·(change of the own score) must be at least, in standard deviations
    others: float  # no other score may change by more, in standard deviations
    deviations: np.ndarray  # [K]

    @classmethod
    def of(cls, keep: KeepSettings, scores: np.ndarray, own: int, direction: str, deviations: np.ndarray) -> "KeepRule":
        """scores: of the own attribute over the synthesised set [N]. `less` mirrors everything."""
        sign = 1 if direction == "more" else -1
        source, edited = np.quantile(sign * scores.astype(np.float64), (keep.source, keep.edited))
        return cls(own, sign, float(source), float(edited), keep.effect, keep.others, deviations)

    def may_be_source(self, before: np.ndarray) -> np.ndarray:
        """Whether images with these scores [..., K] lack what the edit brings."""
        return self.sign * before[..., self.own] < self.source

    def refusals(self, before: np.ndarray, after: np.ndarray) -> list[str]:
        """Which thresholds refuse a pair with scores before [K] and after [K]; none: it is kept."""
        change = (after.astype(np.float64) - before) / self.deviations
        others = np.delete(np.abs(change), self.own)
        failed = {
            "source": not self.may_be_source(before),
            "edited": self.sign * after[self.own] <= self.edited,
            "effect": self.sign * change[self.own] < self.effect,
            "others": bool((others > self.others).any()),
        }
        return [name for name, fails in failed.items() if fails]


@dataclass(frozen=True)
class _Candidates:
    index: range
    images: tuple[np.ndarray, np.ndarray]  # uint8 [n, H, W, 3] before, after
    scores: tuple[np.ndarray, np.ndarray]  # float32 [n, K] before, after


def make_pairs(
    generator: Path | str, boundary: Path | str, out: Path | str, settings: PairsSettings, *, predictor: Path | str,
    store: Path | str, rescoring: Path | str | None = None, condition: Sequence[Path | str] = (),
    edit: EditSettings | None = None, seed: int = 0, device: torch.device | str = "cpu",
) -> None:  # fmt: skip
    """Synthesise pairs before and after an edit; keep those where the predictor agrees.

    generator: generator (.safetensors)
    boundary: boundary (.npz)
    out: folder to write, all or nothing: train_A and train_B (PNG, the same names), pairs.csv, edit.json
    predictor: predictor (.safetensors)
    store: the synthesised set (.h5), whose quantiles and spread the filter uses
    rescoring: table of rescore-boundary, for level `auto` and directions without an attribute
    condition: boundaries of attributes to hold
    edit: the edit (attribute, direction, distance, …; default: more of the boundary's attribute)

    Both images of a pair have the same noise. Candidate i depends on (seed, i) alone, so the result is the same for
    any batch or number of cores. The sign of a direction that has no attribute of its own means nothing until
    re-scoring says which way is more of the attribute that measures the edit.
    pairs.csv: every candidate: index, kept, reason (thresholds that refused it), before_ATTRIBUTE, after_ATTRIBUTE.
    edit.json: attribute, measured_by, direction, reversed (whether the normal was), level, distance (units of W),
    deviations (of the codes' projection), effect and structure there, reason, curve, and how many were tried and kept.

    Raises SceneshiftError if fewer than a tenth of settings.count is kept.

    Example: generator.safetensors vegetation.npz pairs/vegetation --predictor predictor.safetensors
        --store synthesis.h5 --rescoring vegetation.csv
    """
    renderer, scorer = Renderer(generator, device), load_predictor(predictor, str(device))
    direction = load_boundary(boundary, renderer.w_dim, generator)
    edit = edit or EditSettings(attribute=direction.attribute)
    if direction.attribute != edit.attribute:
        raise SceneshiftError(
            f"The edit is of {edit.attribute!r}, but {boundary} is the boundary of {direction.attribute!r}."
        )
    held = [load_boundary(path, renderer.w_dim, generator).normal for path in condition]
    level = _level(edit, rescoring)
    mask = mask_of(level, renderer.ws_resolutions, renderer.resolution, direction.resolutions)
    reversed_ = direction.attribute != edit.measure and lowers(edit.measure, level, _table(edit, rescoring))
    normal = conditioned(-direction.normal if reversed_ else direction.normal, np.array(held))
    own = column_of(edit.measure, scorer.attributes, f"the predictor {predictor}")
    with LatentStore(store) as synthesised:
        check_store(synthesised, generator, predictor)
        deviations = score_deviations(synthesised)
        rule = KeepRule.of(settings.keep, synthesised.column(edit.measure), own, edit.direction, deviations)
    found = _distance(renderer, scorer, normal, mask, rule, edit, settings.truncation_psi, seed)

    def work(index: range) -> _Candidates:
        w = renderer.mapped(z_of(seed, "pairs", index, renderer.z_dim))
        step = rule.sign * found.point.distance
        before = renderer.render_truncated(w, settings.truncation_psi)
        after = renderer.render(move_codes(w, normal, step, mask, settings.truncation_psi, renderer.w_avg))
        return _Candidates(index, (before, after), (scorer.score(before), scorer.score(after)))

    candidates = in_order(work, batches(settings.count * settings.candidates, BATCH), renderer.device)
    with closing(candidates), atomic_directory(out) as folder:
        kept, tried, refused = _write(folder, candidates, rule, scorer.attributes, settings.count, out)
        _judge_yield(edit, settings, kept, tried, refused)
        facts = {
            "attribute": edit.attribute, "direction": edit.direction, "level": level, "condition_on": edit.condition_on,
            "measured_by": edit.measure, "reversed": reversed_,
            **asdict(found.point), "reason": found.reason, "target_effect": edit.target_effect,
            "truncation_psi": settings.truncation_psi, "curve": [asdict(point) for point in found.curve],
            "kept": kept, "tried": tried, "refused_by": dict(sorted(refused.items())),
            "provenance": json.loads(
                made_by(
                    command="make-pairs", seed=seed, edit=edit.model_dump(), pairs=settings.model_dump(),
                    generator_sha256=sha256_of(generator), predictor_sha256=sha256_of(predictor),
                    boundary_sha256=sha256_of(boundary),
                )
            ),
        }  # fmt: skip
        (folder / "edit.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


def _level(edit: EditSettings, rescoring_csv: Path | str | None) -> str:
    return edit.level if edit.level != "auto" else best_level(edit.measure, _table(edit, rescoring_csv))


def _table(edit: EditSettings, rescoring_csv: Path | str | None) -> Path | str:
    if rescoring_csv is None:
        what = "level `auto`" if edit.level == "auto" else "a direction without an attribute of its own"
        raise SceneshiftError(f"{edit.attribute}: {what} needs the re-scoring table; give --rescoring.")
    return rescoring_csv


def _distance(
    renderer: Renderer, predictor: Predictor, normal: np.ndarray, mask: np.ndarray, rule: KeepRule, edit: EditSettings,
    truncation_psi: float, seed: int,
) -> FoundDistance:  # fmt: skip
    """The step that `edit` asks for, measured on those fresh codes that may be sources of pairs."""

    def start(rows: range) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        w = renderer.mapped(z_of(seed, "rescoring", rows, renderer.z_dim))
        images = renderer.render_truncated(w, truncation_psi)
        return w, images, predictor.score(images)

    parts = in_order(start, batches(CODES, BATCH), renderer.device)
    codes, images, scores = map(np.concatenate, zip(*parts, strict=True))
    deviation, sources = projection_deviation(codes, normal), rule.may_be_source(scores)
    if not sources.any():
        raise SceneshiftError(
            f"{edit.attribute}, {edit.direction}: none of {CODES} images may be a source of pairs (pairs.keep.source):"
            " raise it, or bring pairs.truncation_psi nearer to synthesis.truncation_psi."
        )
    codes, images, scores = codes[sources], images[sources], scores[sources]

    def measure(distance: float) -> tuple[float, float]:
        change = measure_change(
            renderer, predictor, codes, scores, images, normal, rule.sign * distance, mask, truncation_psi
        )
        own = change.scores[:, rule.own].mean(dtype=np.float64) / rule.deviations[rule.own]
        return float(rule.sign * own), float(change.structure.mean())

    if edit.distance == "auto":
        found = find_distance(measure, deviation, edit.target_effect)
    else:
        point = Point(edit.distance, edit.distance / deviation, *measure(edit.distance))
        found = FoundDistance(point, "given", [point])
    point = found.point
    print(
        f"{edit.attribute}, {edit.direction}: step {point.distance:.3g} in W ({point.deviations:.2f} standard"
        f" deviations of the codes): own effect {point.effect:.2f}, structure {point.structure:.2f} ({found.reason})",
        file=sys.stderr,
    )
    if found.reason in ("reach", "structure"):
        print(
            f"{edit.attribute}: the target effect {edit.target_effect:g} is out of reach; this generator or boundary"
            " does not carry the edit that far. Train longer, synthesise more, or lower edits.target_effect.",
            file=sys.stderr,
        )
    return found


def _write(
    folder: Path, candidates: Iterable[_Candidates], rule: KeepRule, attributes: Sequence[str], count: int,
    out_dir: Path | str,
) -> tuple[int, int, Counter[str]]:  # fmt: skip
    """Stream kept pairs and the table of all; stop at `count` kept. Returns (kept, tried, refusals by threshold)."""
    for name in ("train_A", "train_B"):
        (folder / name).mkdir()
    kept, tried, refused = 0, 0, Counter()
    with (
        open(folder / "pairs.csv", "w", encoding="utf-8", newline="") as file,
        Progress("pairs kept", count, unit="pairs", beside=out_dir) as progress,
    ):
        table = csv.writer(file, lineterminator="\n")
        scores = (f"{when}_{name}" for when in ("before", "after") for name in attributes)
        table.writerow(["index", "kept", "reason", *scores])
        for batch in candidates:
            for place, index in enumerate(batch.index):
                before, after = batch.scores[0][place], batch.scores[1][place]
                reasons = rule.refusals(before, after)
                table.writerow([index, not reasons, " ".join(reasons), *(f"{v:.6g}" for v in (*before, *after))])
                refused.update(reasons)
                tried += 1
                if reasons:
                    continue
                for name, images in zip(("train_A", "train_B"), batch.images, strict=True):
                    Image.fromarray(images[place]).save(folder / name / f"{index:06d}.png", compress_level=3)
                kept += 1
                progress.advance(1, f"of {tried:,} tried")
                if kept == count:
                    return kept, tried, refused
    return kept, tried, refused


def _judge_yield(edit: EditSettings, pairs: PairsSettings, kept: int, tried: int, refused: Counter[str]) -> None:
    """Too few pairs starve the translator: an error below a tenth of what was asked for, a warning below all of it."""
    if kept == pairs.count:
        return
    advice = {
        "source": "raise pairs.keep.source",
        "edited": "raise edits.target_effect or lower pairs.keep.edited",
        "effect": "raise edits.target_effect or lower pairs.keep.effect",
        "others": "hold other attributes with edits.condition_on or raise pairs.keep.others",
    }
    worst, times = refused.most_common(1)[0]
    message = (
        f"{edit.attribute}, {edit.direction}: {kept} of {tried} candidates kept, {pairs.count} wanted."
        f" pairs.keep.{worst} refused most ({times}): {advice[worst]}, or raise pairs.candidates."
    )
    if kept < pairs.count / 10:
        raise SceneshiftError(message)
    print(f"warning: {message}", file=sys.stderr)
