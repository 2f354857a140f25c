"""Who sees which pairs: balanced over pairs and sides, from a seed."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from sceneshift.runtime.randomness import numpy_generator


@dataclass(frozen=True)
class Picture:
    """A photo at a dose of an editor; dose 0 is the unedited one."""

    photo: str
    editor: str
    dose: float


@dataclass(frozen=True)
class Trial:
    """A question about two pictures of one photo. expected: `left` or `right` for an attention check, else empty."""

    question: str
    left: Picture
    right: Picture
    expected: str = ""


@dataclass(frozen=True)
class Plan:
    """What raters are shown: `lists` assignments of `pairs` trials, and `checks` attention checks in each."""

    lists: int
    pairs: int
    checks: int


def comparisons(
    photos: Sequence[str], editors: Sequence[str], doses: Sequence[float], questions: Sequence[str]
) -> list[Trial]:
    """Every two doses of every editor on every photo, under every question; the lower dose left."""
    return [
        Trial(question, *(Picture(photo, editor, dose) for dose in pair))
        for question, editor, photo in itertools.product(questions, editors, photos)
        for pair in itertools.combinations(sorted(doses), 2)
    ]


def assignments(trials: Sequence[Trial], plan: Plan, seed: int) -> list[list[Trial]]:
    """The lists of trials. Over all lists a trial stands as often as any other, and as often either way round, give or
    take one; within a list none stands twice, sides are drawn, and the order too."""
    used, flipped = np.zeros(len(trials), int), np.zeros(len(trials), int)
    lists = []
    for number in range(plan.lists):
        rng = numpy_generator(seed, "study", number)
        fewest = np.lexsort((rng.random(len(trials)), used))[: plan.pairs]
        own = []
        for place in rng.permutation(fewest):
            # whichever way it stood less often; a draw where both did equally
            turns = 2 * flipped[place] < used[place] or (2 * flipped[place] == used[place] and rng.random() < 0.5)
            used[place] += 1
            flipped[place] += turns
            own.append(_turned(trials[place]) if turns else trials[place])
        places = np.linspace(0, len(own), plan.checks + 2)[1:-1].astype(int)  # of the checks, between the others
        shown = [own[place] for place in rng.permutation(len(own))[: plan.checks]]
        for place, trial in reversed(list(zip(places, shown, strict=False))):  # no more checks than pairs
            own.insert(place, replace(trial, expected=str(rng.choice(["left", "right"]))))
        lists.append(own)
    return lists


def _turned(trial: Trial) -> Trial:
    return replace(trial, left=trial.right, right=trial.left)
