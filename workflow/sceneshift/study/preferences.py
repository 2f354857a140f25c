"""What the votes say: how much a dose is preferred to the lowest one, and how far raters agree."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from sceneshift.runtime.bootstrap import RESAMPLES
from sceneshift.runtime.randomness import numpy_generator
from sceneshift.scoring.bradley_terry import Votes, bradley_terry
from sceneshift.study.votes import Vote

PRECISION = 1 / 9  # of the scores' prior, N(0, 3²): what is always preferred stays finite


@dataclass(frozen=True)
class Preference:
    """Of a dose to the lowest dose of its editor, under a question.

    votes: those that it took part in; raters: who cast any on this editor; score: Bradley–Terry's θ less the lowest
    dose's; low, high: 95 % interval, clustered by rater (bootstrap over raters; NaN for one rater); preferred:
    σ(score), the share of votes that would prefer it to the lowest dose; agreement: `krippendorff_alpha` of the raters
    on this editor.
    """

    question: str
    editor: str
    dose: float
    votes: int
    raters: int
    score: float
    low: float
    high: float
    preferred: float
    agreement: float


def preferences(votes: Sequence[Vote]) -> list[Preference]:
    """A row per question, editor and dose, in the order in which they come up, doses from the lowest."""
    groups: dict[tuple[str, str], list[Vote]] = {}
    for vote in votes:
        groups.setdefault((vote.question, vote.editor), []).append(vote)
    return [row for (question, editor), own in groups.items() for row in _of_editor(question, editor, own)]


def _of_editor(question: str, editor: str, votes: Sequence[Vote]) -> list[Preference]:
    sides = np.array([(vote.left_dose, vote.right_dose) for vote in votes])
    doses, places = np.unique(sides, return_inverse=True)
    left, right = places.reshape(sides.shape).T
    table = Votes(left, right, np.array([vote.winner for vote in votes]))
    raters, rater = np.unique([vote.rater for vote in votes], return_inverse=True)
    by_rater = [np.flatnonzero(rater == number) for number in range(len(raters))]
    rng = numpy_generator("study", "bootstrap")

    def scores(chosen: np.ndarray) -> np.ndarray:
        theta = bradley_terry(table.where(chosen), len(doses), PRECISION)
        return theta - theta[0]

    own = scores(np.arange(len(votes)))
    low = high = np.full(len(doses), np.nan)
    if len(raters) > 1:
        drawn = rng.integers(len(raters), size=(RESAMPLES, len(raters)))
        resampled = [scores(np.concatenate([by_rater[number] for number in draw])) for draw in drawn]
        low, high = np.quantile(resampled, (0.025, 0.975), axis=0)
    agreement = krippendorff_alpha([((v.photo, *sorted((v.left_dose, v.right_dose))), _winning(v)) for v in votes])
    counts = np.bincount(np.concatenate([left, right]), minlength=len(doses))
    return [
        Preference(
            question, editor, float(dose), int(counts[k]), len(raters), float(own[k]), float(low[k]), float(high[k]),
            float(expit(own[k])), agreement,
        )
        for k, dose in enumerate(doses)
    ]  # fmt: skip


def _winning(vote: Vote) -> float | None:
    """The dose that won; None for equal."""
    return {1: vote.left_dose, -1: vote.right_dose, 0: None}[vote.winner]


def krippendorff_alpha(ratings: Sequence[tuple[object, object]]) -> float:
    """Krippendorff's α (2004, nominal data) of (what was rated, rating): 1 for full agreement, 0 for chance; NaN if
    nothing was rated twice, or all ratings are the same."""
    units: dict[object, list[object]] = {}
    for unit, rating in ratings:
        units.setdefault(unit, []).append(rating)
    units = {unit: values for unit, values in units.items() if len(values) > 1}
    values = list(dict.fromkeys(value for own in units.values() for value in own))
    counts = np.array([[own.count(value) for value in values] for own in units.values()], float)  # [U, V]
    if not len(counts):
        return np.nan
    size, totals = counts.sum(1), counts.sum(0)
    observed = ((size**2 - np.square(counts).sum(1)) / (size - 1)).sum()
    expected = (totals.sum() ** 2 - np.square(totals).sum()) / (totals.sum() - 1)
    return float(1 - observed / expected) if expected else np.nan
