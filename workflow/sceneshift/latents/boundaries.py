"""Linear boundaries between codes that have an attribute and codes that lack it: fitted in W; from elsewhere also of Z
and W+.

InterFaceGAN (arXiv 1907.10786, 2005.09635), HiGAN (1911.09267) and StyleGAN2 Distillation (2003.03581).
"""

import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, get_args
from zipfile import ZipFile

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC, LinearSVC

from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.files import atomic_file
from sceneshift.runtime.randomness import key_of, numpy_generator

FORMAT_VERSION = 1
FEWEST = 10  # examples of either side
REMAINING = 10_000  # codes at most that took no part, on which a boundary is tried
LARGEST = 10_000_000  # bytes in a boundary's file, unpacked
Space = Literal["z", "w", "w+"]
Classifier = Literal["svm", "logistic"]


@dataclass(frozen=True)
class Boundary:
    """The hyperplane normal · w + intercept = 0; `normal` points to more of the attribute."""

    normal: np.ndarray  # float32 [w_dim], of Z [z_dim], unit length; of W+ [num_ws, w_dim], rows so on average
    intercept: float  # normal · w + intercept is the signed distance to the hyperplane, in units of the space
    attribute: str  # what it is more of; for one found without labels, its name
    validation_accuracy: float  # NaN where nothing was fitted
    examples: int  # codes used, of both sides, training and validation
    selection: str  # extremes or random; imported or sefa where nothing was fitted
    store_sha256: str = ""
    resolutions: tuple[int, ...] = ()  # of the layers that it is for; none: all
    space: Space = "w"  # that the normal lies in; older files do not say it, and are of W
    remaining_accuracy: float = float("nan")  # on codes that were not selected; NaN: there are none, or not measured


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


def condition(normal: np.ndarray, others: np.ndarray) -> np.ndarray:
    """`normal` made orthogonal to all `others`, unit length: n - Cᵀ(C Cᵀ)⁻¹C n, renormalized (InterFaceGAN, eq. 8).

    normal: [w_dim]. others: [M, w_dim], any number, also dependent ones. Raises SceneshiftError if nothing is left.
    """
    if not len(others):
        return normal
    c = np.asarray(others, np.float64)
    left = normal - c.T @ (np.linalg.pinv(c @ c.T, hermitian=True) @ (c @ normal))
    length = np.linalg.norm(left)
    if length < 1e-4:
        raise SceneshiftError("Nothing is left of the direction: it lies in the span of those to hold. Hold fewer.")
    return (left / length).astype(np.float32)


def save_boundary(boundary: Boundary, path: Path | str) -> None:
    """Write a boundary as .npz, without pickles."""
    with atomic_file(path) as temporary, open(temporary, "wb") as file:
        np.savez(file, format_version=FORMAT_VERSION, **asdict(boundary))


def load_boundary(path: Path | str) -> Boundary:
    """Read a boundary. Raises SceneshiftError if it is missing, damaged or of another version."""
    path = Path(path)
    if not path.is_file():
        raise SceneshiftError(f"The boundary {path} does not exist. Make it with `sceneshift fit-boundary`.")
    try:
        with ZipFile(path) as archive:  # what it claims is checked before any of it is read
            if sum(record.file_size for record in archive.infolist()) > LARGEST:
                raise SceneshiftError(f"{path} claims more than {LARGEST:,} bytes, which no boundary has.")
        with np.load(path, allow_pickle=False) as file:
            fields = {name: file[name] for name in file.files}
    except SceneshiftError:
        raise
    except Exception as error:  # a damaged zip file or header fails in nearly any way
        raise SceneshiftError(f"The boundary {path} is truncated or no .npz file ({error}).") from error
    version = fields.pop("format_version", None)
    if version != FORMAT_VERSION:
        raise SceneshiftError(f"The boundary {path} has format version {version}, expected {FORMAT_VERSION}.")
    try:
        values: dict[str, Any] = {name: value if name == "normal" else value.tolist() for name, value in fields.items()}
        boundary = Boundary(**{**values, "resolutions": tuple(map(int, values.get("resolutions", ())))})
    except (TypeError, ValueError) as error:
        raise SceneshiftError(f"The boundary {path} does not have the entries of a boundary ({error}).") from error
    normal = boundary.normal
    if boundary.space not in get_args(Space):
        raise SceneshiftError(f"The boundary {path} is of the space {boundary.space!r:.20}; expected z, w or w+.")
    expected, dimensions = ("[num_ws, w_dim]", 2) if boundary.space == "w+" else (f"[{boundary.space}_dim]", 1)
    if normal.dtype != np.float32 or normal.ndim != dimensions or not np.isfinite(normal).all():
        raise SceneshiftError(
            f"The boundary {path}: its normal is {normal.dtype} {normal.shape}; expected float32 {expected}, finite."
        )
    return boundary


class TakesCodes(Protocol):
    """What a generator says of its codes."""

    z_dim: int
    w_dim: int
    num_ws: int


def check_fits(boundary: Boundary, path: Path | str, network: TakesCodes, generator: Path | str) -> None:
    """Raise SceneshiftError with both shapes unless a boundary is for codes of `network`, which `generator` holds."""
    wanted = {"z": (network.z_dim,), "w": (network.w_dim,), "w+": (network.num_ws, network.w_dim)}[boundary.space]
    found = boundary.normal.shape
    if found == wanted:
        return
    if boundary.space == "w+":
        raise SceneshiftError(
            f"The boundary {path} is for {found[0]} layers' codes of {found[1]} dimensions, but {generator} has"
            f" {wanted[0]} of {wanted[1]}."
        )
    raise SceneshiftError(
        f"The boundary {path} is for codes of {found[0]} dimensions, but {generator} has {wanted[0]}."
        " Fit the boundary on codes of this generator."
    )
