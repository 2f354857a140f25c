"""Finding the hyperplane in W between codes that have an attribute and codes that lack it.

InterFaceGAN (arXiv 1907.10786, 2005.09635) and HiGAN (1911.09267).
"""

import warnings
from collections.abc import Callable

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC, LinearSVC

from sceneshift.latents.boundaries import Boundary
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.randomness import key_of, numpy_generator
from sceneshift.settings import Classifier

FEWEST = 10  # examples of either side
REMAINING = 10_000  # codes at most that took no part, on which a boundary is tried


def fit_boundary(
    w: np.ndarray | Callable[[np.ndarray], np.ndarray],
    scores: np.ndarray,
    *,
    selection: str = "extremes",
    examples: int = 2000,
    split: float = 0.7,
    seed: int = 0,
    attribute: str = "attribute",
    classifier: Classifier = "svm",
    exact: bool = False,
) -> Boundary:
    """The boundary of one attribute.

    w: untruncated codes [N, w_dim], or a function that reads rows [n] of them. scores: [N], higher means more of the
        attribute.
    selection: `extremes` takes `examples` codes from each end of the scores, at most half of all (HiGAN); `random`
        takes `examples` codes in all, split at their median score. split: share that trains, the rest validates.
    classifier: `svm`, or `logistic` regression, also with C = 1.
    exact: the published SVC(kernel="linear", C=1) instead of the faster LinearSVC with the same loss.

    `remaining_accuracy` is measured as InterFaceGAN does it: on codes that were not selected, which count as having the
    attribute from the middle between the smallest and the largest score on; on at most REMAINING of them.

    Raises SceneshiftError that names the attribute if too few codes, or codes of one side only, are there.
    """
    codes = w if callable(w) else w.__getitem__
    low, high = select_examples(scores, selection, examples, seed, attribute)
    cut = int(split * len(low))
    w_low, w_high = codes(low), codes(high)
    train = np.concatenate([w_low[:cut], w_high[:cut]])
    validation = np.concatenate([w_low[cut:], w_high[cut:]])
    model = _classifier(classifier, exact, seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the direction has settled long before the loss
        model.fit(train, np.repeat([0, 1], cut))
    length = float(np.linalg.norm(model.coef_))
    if not 0 < length < np.inf:
        raise SceneshiftError(
            f"{attribute}: the codes with it and those without do not differ, so no boundary separates them. The"
            " generator or the store is damaged: look at what it makes, and synthesize again."
        )
    right = model.predict(validation) == np.repeat([0, 1], len(low) - cut)
    others = np.setdiff1d(np.arange(len(scores)), np.concatenate([low, high]))
    others = np.sort(numpy_generator(seed, "boundary", "remaining").permutation(others)[:REMAINING])
    has = scores[others] >= (scores.min() + scores.max()) / 2
    return Boundary(
        normal=(model.coef_[0] / length).astype(np.float32),
        intercept=float(model.intercept_[0]) / length,
        attribute=attribute,
        validation_accuracy=float(right.mean()),
        examples=2 * len(low),
        selection=selection,
        remaining_accuracy=float((model.predict(codes(others)) == has).mean()) if len(others) else float("nan"),
    )


def _classifier(classifier: Classifier, exact: bool, seed: int) -> SVC | LinearSVC | LogisticRegression:
    if classifier == "logistic":
        return LogisticRegression(C=1.0, max_iter=2000)
    if exact:
        return SVC(kernel="linear", C=1.0)
    # hinge, not the default squared hinge: cosine to SVC's normal 0.9995 against 0.94
    return LinearSVC(loss="hinge", dual=True, C=1.0, max_iter=2000, random_state=key_of(seed, "svm") % 2**31)


def select_examples(
    scores: np.ndarray, selection: str, examples: int, seed: int, attribute: str
) -> tuple[np.ndarray, np.ndarray]:
    """Rows of codes that lack the attribute, int64 [n], and of as many that have it, each side shuffled.

    scores: [N]. Codes that score the same never stand on both sides.
    """
    if not np.isfinite(scores).all():
        raise SceneshiftError(f"{attribute}: {int((~np.isfinite(scores)).sum())} scores are not numbers.")
    rng = numpy_generator(seed, "boundary", selection)  # without the attribute: all may then take the same codes
    if selection == "extremes":
        rows = np.argsort(scores, kind="stable")
        n = min(examples, len(rows) // 2)
    else:
        drawn = rng.permutation(len(scores))[:examples]
        rows = drawn[np.argsort(scores[drawn], kind="stable")]
        n = len(rows) // 2
    low, high = rows[:n], rows[len(rows) - n :]
    if n and scores[low[-1]] == scores[high[0]]:
        tie = scores[high[0]]
        # the side with more ties keeps them
        if (scores[low] == tie).sum() >= (scores[high] == tie).sum():
            high = high[scores[high] > tie]
            low = low[: len(high)]
        else:
            low = low[scores[low] < tie]
            high = high[len(high) - len(low) :]
    if len(low) < FEWEST and len(scores) >= 2 * FEWEST:
        raise SceneshiftError(
            f"{attribute}: nearly all of {len(scores)} codes score the same ({np.median(scores):.4g}), so there is one"
            f" class only: {len(low)} differ. The generator does not vary it, or its predictor cannot see it."
        )
    if len(low) < FEWEST:
        raise SceneshiftError(
            f"{attribute}: {len(scores)} codes are too few for a boundary, which needs {FEWEST} of either side."
            " Raise synthesis.count."
        )
    return rng.permutation(low), rng.permutation(high)
