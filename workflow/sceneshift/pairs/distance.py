"""How far to move: the smallest step whose own effect reaches a target, within a bound on structure.

W's spread differs per generator and per direction, so a fixed step means different things; steps are therefore searched
in standard deviations of the codes' projection on the normal, and reported in both units with the whole curve.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

CODES = 256
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
    measure: Callable[[float], tuple[float, float]], deviation: float, target_effect: float,
    structure_bound: float = STRUCTURE_BOUND,
) -> FoundDistance:  # fmt: skip
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


def projection_deviation(w: np.ndarray, normal: np.ndarray) -> float:
    """Standard deviation of codes [N, w_dim] along a unit normal, in units of W."""
    return float((w.astype(np.float64) @ normal).std())
