"""make_pairs: synthesized images before and after an edit, as StyleGAN2 Distillation has them (arXiv 2003.03581)."""

from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from sceneshift.generator.checkpoints import attribution_of
from sceneshift.latents import boundaries
from sceneshift.latents.codes import z_of
from sceneshift.latents.levels import mask_of
from sceneshift.latents.moving import Move, in_one_space, plane_of, steps_along
from sceneshift.latents.rendering import Renderer, batches, in_order
from sceneshift.latents.rescoring import best_level, check_store, lowers, score_deviations
from sceneshift.latents.store import LatentStore
from sceneshift.pairs.dataset import FILES, SIDES
from sceneshift.pairs.distance import distance_of
from sceneshift.pairs.edit_record import EditRecord
from sceneshift.pairs.keep import KeepRule, Tally
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.files import atomic_directory, check_replaced, sha256_of
from sceneshift.runtime.progress import Progress
from sceneshift.runtime.provenance import made_by
from sceneshift.runtime.tables import new_table
from sceneshift.scoring import column_of, load_predictor
from sceneshift.settings import EditSettings, PairsSettings

BATCH = 64


@dataclass(frozen=True)
class _Candidates:
    index: range
    images: tuple[np.ndarray, np.ndarray]  # uint8 [n, H, W, 3] before, after
    scores: tuple[np.ndarray, np.ndarray]  # float32 [n, K] before, after


def make_pairs(
    generator: Path | str,
    boundary: Path | str,
    out: Path | str,
    settings: PairsSettings,
    *,
    predictor: Path | str,
    store: Path | str,
    rescoring: Path | str | None = None,
    condition: Sequence[Path | str] = (),
    also: Sequence[Path | str] = (),
    edit: EditSettings | None = None,
    seed: int = 0,
    device: torch.device | str = "cpu",
) -> None:
    """Synthesize pairs before and after an edit; keep those where the predictor agrees.

    generator: generator (.safetensors)
    boundary: boundary (.npz)
    out: folder to write, all or nothing: train_A and train_B (PNG, the same names), pairs.csv, edit.json
    predictor: predictor (.safetensors)
    store: latent/score store (.h5) of the synthesized set, whose quantiles and spread the filter uses
    rescoring: table of rescore-boundary, for level `auto` and directions without an attribute
    condition: boundaries of attributes to hold
    also: boundaries of the attributes that the edit also moves, one for each
    edit: the edit (attribute, direction, distance, …; default: more of the boundary's attribute)

    Both images of a pair have the same noise. Candidate i depends on (seed, i) alone, so the result is the same for
    any batch or number of cores. The sign of a direction that has no attribute of its own means nothing until
    re-scoring says which way is more of the attribute that measures the edit.
    pairs.csv: every candidate: index, kept, reason (thresholds that refused it), before_ATTRIBUTE, after_ATTRIBUTE.
    edit.json: attribute, measured_by, direction, also, reversed (whether the normal was), level, space, distance (in
    its units), absolute (whether that is from the boundary), deviations (of the codes' projection), effect and
    structure there, reason, curve, and how many were tried and kept.

    Raises SceneshiftError if fewer than a tenth of settings.count is kept.

    Example: generator.safetensors vegetation.npz pairs/vegetation --predictor predictor.safetensors
        --store synthesis.h5 --rescoring vegetation.csv
    """
    check_replaced(out, FILES)
    renderer, scorer = Renderer(generator, device), load_predictor(predictor, str(device))
    direction = renderer.boundary(boundary)
    edit = edit or EditSettings(attribute=direction.attribute)
    if direction.attribute != edit.attribute:
        raise SceneshiftError(
            f"The edit is of {edit.attribute!r}, but {boundary} is the boundary of {direction.attribute!r}."
        )
    level = edit.level if edit.level != "auto" else best_level(edit.measure, _table(edit, rescoring))
    reverse = direction.attribute != edit.measure and lowers(edit.measure, level, _table(edit, rescoring))
    held = [renderer.boundary(path) for path in condition]
    if held:
        in_one_space("condition_on", direction, held)
    together = steps_along([renderer.boundary(path) for path in also], edit.also, direction)
    normal = -direction.normal if reverse else direction.normal
    normal = boundaries.condition(normal, np.array([other.normal for other in held]))
    plane = plane_of(direction) * (-1 if reverse else 1) if edit.absolute else None
    mask = mask_of(level, renderer.ws_resolutions, renderer.resolution, direction.resolutions)
    own = column_of(edit.measure, scorer.attributes, f"the predictor {predictor}")
    with LatentStore(store) as synthesized:
        check_store(synthesized, generator, predictor)
        deviations = score_deviations(synthesized)
        moved = [column for column, name in enumerate(scorer.attributes) if name in edit.also]
        rule = KeepRule.of(settings.keep, synthesized.column(edit.measure), own, edit.direction, deviations, moved)
    psi = renderer.truncation(settings.truncation_psi)
    together = None if together is None else rule.sign * together  # steps along the normal are negative for less
    move = Move(normal, 0.0, mask, psi, direction.space, plane, together)
    found = distance_of(edit, renderer, scorer, move, rule, seed)
    move = replace(move, distance=rule.sign * found.point.distance)

    def work(index: range) -> _Candidates:
        codes = renderer.codes(z_of(seed, "pairs", index, renderer.z_dim))
        before = renderer.render_truncated(codes.w, settings.truncation_psi)
        after = renderer.render_moved(codes, move)
        return _Candidates(index, (before, after), (scorer.score(before), scorer.score(after)))

    provenance = made_by(
        command="make-pairs",
        photos=attribution_of(generator),
        seed=seed,
        edit=edit.model_dump(),
        pairs=settings.model_dump(),
        generator_sha256=sha256_of(generator),
        predictor_sha256=sha256_of(predictor),
        boundary_sha256=sha256_of(boundary),
    )
    candidates = in_order(work, batches(settings.count * settings.candidates, BATCH), renderer.device)
    with closing(candidates), atomic_directory(out, FILES) as folder:
        with Progress("pairs kept", settings.count, unit="pairs", beside=out) as progress:
            tally = _write(folder, candidates, rule, scorer.attributes, settings.count, progress)
        tally.check(edit, settings)
        EditRecord(
            attribute=edit.attribute, direction=edit.direction, level=level, condition_on=edit.condition_on,
            also=edit.also, measured_by=edit.measure, reversed=reverse, space=direction.space, absolute=edit.absolute,
            **asdict(found.point), reason=found.reason,
            target_effect=edit.target_effect, truncation_psi=settings.truncation_psi, curve=found.curve,
            kept=tally.kept, tried=tally.tried, refused_by=dict(sorted(tally.refused.items())),
            provenance=provenance,
        ).write(folder)  # fmt: skip


def _table(edit: EditSettings, rescoring: Path | str | None) -> Path | str:
    if rescoring is None:
        what = "level `auto`" if edit.level == "auto" else "a direction without an attribute of its own"
        raise SceneshiftError(f"{edit.attribute}: {what} needs the re-scoring table; give --rescoring.")
    return rescoring


def _write(
    folder: Path,
    candidates: Iterable[_Candidates],
    rule: KeepRule,
    attributes: Sequence[str],
    count: int,
    progress: Progress,
) -> Tally:
    """Write the pairs that are kept and the table of all candidates, until `count` are kept."""
    for side in SIDES:
        (folder / side).mkdir()
    tally = Tally()
    scores = (f"{when}_{name}" for when in ("before", "after") for name in attributes)
    with new_table(folder / "pairs.csv", ["index", "kept", "reason", *scores]) as table:
        for batch in candidates:
            for place, index in enumerate(batch.index):
                before, after = batch.scores[0][place], batch.scores[1][place]
                refusals = rule.refusals(before, after)
                table.append([index, not refusals, " ".join(refusals), *before, *after])
                tally.count(refusals)
                if refusals:
                    continue
                for side, images in zip(SIDES, batch.images, strict=True):
                    Image.fromarray(images[place]).save(folder / side / f"{index:06d}.png", compress_level=3)
                progress.advance(1, f"of {tally.tried:,} tried")
                if tally.kept == count:
                    return tally
    return tally
