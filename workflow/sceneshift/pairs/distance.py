"""How far to move: the smallest step whose own effect reaches a target, within a bound on structure.

W's spread differs per generator and per direction, so a fixed step means different things; steps are therefore searched
in standard deviations of the codes' projection on the normal, and reported in both units with the whole curve.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from sceneshift.latents.codes import Codes, z_of
from sceneshift.latents.moving import Move, on_sphere, truncated
from sceneshift.latents.rendering import Renderer, batches, in_order
from sceneshift.latents.rescoring import Unedited, measure_change
from sceneshift.pairs.keep import KeepRule
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.scoring import Predictor
from sceneshift.settings import EditSettings

CODES = 256
BATCH = 64
STRUCTURE_BOUND = 0.4  # below it (evaluation.structure) a picture is another picture
SPARED = 0.05  # of the largest effect where the target is out of reach: effects saturate while structure still falls
STEPS = (1.5, 3.0, 4.5, 6.0, 9.0, 12.0)  # standard deviations, for the first bracket
BISECTIONS = 5


@dataclass(frozen=True)
class Point:
    """One step tried: its length in units of W and in standard deviations, and what it did on average."""

    distance: float
    deviations: float
    effect: float  # mean change of the own score in the edit's direction, in standard deviations of the score
    structure: float


@dataclass(frozen=True)
class FoundDistance:
    """The step chosen, why, and every step that was tried, by length."""

    point: Point
    reason: str  # target, structure or reach: what ended the search
    curve: list[Point]


def find_distance(
    measure: Callable[[float], tuple[float, float]],
    deviation: float,
    target_effect: float,
    structure_bound: float = STRUCTURE_BOUND,
) -> FoundDistance:
    """Search the step.

    measure: step in units of W -> (own effect, structure). deviation: standard deviation of the codes' projection on
    the normal, in units of W.

    The result's effect is at least `target_effect` (reason `target`). If structure falls below its bound first
    (`structure`), or neither happens within 12 standard deviations (`reach`), the shortest step within the bound whose
    effect comes within 5 % of the largest.
    """
    tried: dict[float, Point] = {}

    def at(deviations: float) -> Point:
        if deviations not in tried:
            effect, kept = measure(deviations * deviation)
            tried[deviations] = Point(deviations * deviation, deviations, effect, kept)
        return tried[deviations]

    def ends(point: Point) -> bool:
        return point.effect >= target_effect or point.structure < structure_bound

    below, above = 0.0, None
    for step in STEPS:
        if ends(at(step)):
            above = step
            break
        below = step
    if above is not None:
        for _ in range(BISECTIONS):
            middle = (below + above) / 2
            below, above = (below, middle) if ends(at(middle)) else (middle, above)
    curve = sorted(tried.values(), key=lambda point: point.deviations)
    allowed = [point for point in curve if point.structure >= structure_bound] or curve[:1]
    largest = max(point.effect for point in allowed)
    if largest >= target_effect:
        reason, wanted = "target", target_effect
    else:
        reason, wanted = "reach" if above is None else "structure", largest - SPARED * abs(largest)
    return FoundDistance(next(point for point in allowed if point.effect >= wanted), reason, curve)


def distance_of(
    edit: EditSettings, renderer: Renderer, predictor: Predictor, move: Move, rule: KeepRule, seed: int
) -> FoundDistance:
    """The step along `move`'s normal that `edit` asks for, measured on fresh codes that may be sources of pairs.

    Raises SceneshiftError if none of them may.
    """

    def start(rows: range) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        codes = renderer.codes(z_of(seed, "rescoring", rows, renderer.z_dim))
        images = renderer.render(truncated(codes.w, move.truncation_psi, renderer.w_avg))
        return codes.z, codes.w, images, predictor.score(images)

    parts = in_order(start, batches(CODES, BATCH), renderer.device)
    z, w, images, scores = map(np.concatenate, zip(*parts, strict=True))
    deviation = projection_deviation(on_sphere(z) if move.space == "z" else w, move.normal)
    sources = rule.may_be_source(scores)
    if not sources.any():
        raise SceneshiftError(
            f"{edit.attribute}, {edit.direction}: none of {CODES} images may be a source of pairs (pairs.keep.source):"
            " raise it, or bring pairs.truncation_psi nearer to synthesis.truncation_psi."
        )
    before = Unedited(Codes(z, w)[sources], images[sources], scores[sources])

    def measure(distance: float) -> tuple[float, float]:
        change = measure_change(renderer, predictor, before, replace(move, distance=rule.sign * distance))
        own = change.scores[:, rule.own].mean(dtype=np.float64) / rule.deviations[rule.own]
        return float(rule.sign * own), float(change.structure.mean())

    if edit.distance == "auto":
        found = find_distance(measure, deviation, edit.target_effect)
    else:
        point = Point(edit.distance, edit.distance / deviation, *measure(edit.distance))
        found = FoundDistance(point, "given", [point])
    point = found.point
    print(
        f"{edit.attribute}, {edit.direction}: {'distance' if edit.absolute else 'step'} {point.distance:.3g} in"
        f" {move.space.upper()} ({point.deviations:.2f} standard"
        f" deviations of the codes): own effect {point.effect:.2f}, structure {point.structure:.2f} ({found.reason})",
        file=sys.stderr,
    )
    if found.reason in ("reach", "structure"):
        print(
            f"{edit.attribute}: the target effect {edit.target_effect:g} is out of reach; this generator or boundary"
            " does not carry the edit that far. Train longer, synthesize more, or lower edits.target_effect.",
            file=sys.stderr,
        )
    return found


def projection_deviation(w: np.ndarray, normal: np.ndarray) -> float:
    """Standard deviation of codes [N, w_dim] along a unit normal [w_dim]; of W+, [num_ws, w_dim], the layers' root mean
    square."""
    deviations = (w.astype(np.float64) @ normal.T).std(axis=0)
    return float(np.sqrt(np.square(deviations).mean()) if deviations.ndim else deviations)
