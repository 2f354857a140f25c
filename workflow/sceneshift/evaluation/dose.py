"""Dose and response: what an edit does at strengths up to its most, by every scorer, with intervals over photos.

The table of the responses lies beside the translator and travels with it, so that a wanted effect can be turned into a
strength where there is nothing to measure it on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from sceneshift.evaluation.summary import NO_SPREAD
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.files import sha256_of
from sceneshift.runtime.randomness import numpy_generator
from sceneshift.runtime.tables import read_table, write_table
from sceneshift.scoring import Predictor
from sceneshift.translator.translator import Edited, Translator, shrunk

STRENGTHS = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 2.5, 3.0)
RESAMPLES = 1000
SATURATED = 0.95  # of the largest change: where a curve has reached it, more strength brings little
MEASURED_SIDE = 512  # larger photos are measured on a copy of this shorter side; scorers see less than that
COLUMNS = {
    "scorer": str, "attribute": str, "direction": str, "strength": float, "photos": int, "before": float,
    "after": float, "spread": float, "change": float | None, "low": float | None, "high": float | None,
}  # fmt: skip


class Scores(NamedTuple):
    """A scorer's scores of n photos: `before` [n, K], and `after` [S, n, K] at each of S strengths."""

    attributes: Sequence[str]
    before: np.ndarray
    after: np.ndarray


@dataclass(frozen=True)
class Response:
    """What a strength does to an attribute, over photos.

    direction: `more` or `less` where the attribute is what the edit is for, else empty; before, after: means; spread:
    standard deviation before; change: mean of after − before, of scorers in that standard deviation (None if there is
    none), of pixel facts in their own unit; low, high: its 95 % interval, None for a single photo.
    """

    scorer: str
    attribute: str
    direction: Literal["more", "less", ""]
    strength: float
    photos: int
    before: float
    after: float
    spread: float
    change: float | None
    low: float | None
    high: float | None


class Responses:
    """The responses to strengths, from scores that come in photo by photo; memory does not grow with the photos.

    Intervals are by the Poisson bootstrap (Chamandy et al. 2012): in each resample a photo counts Poisson(1) times, so
    that sums are all that is kept.
    """

    def __init__(self, strengths: Sequence[float]) -> None:
        self._strengths, self._rng = strengths, numpy_generator("dose", "bootstrap")
        self.photos, self._drawn = 0, np.zeros(RESAMPLES)
        self._sums: dict[str, dict[str, np.ndarray]] = {}
        self._attributes: dict[str, Sequence[str]] = {}

    def add(self, scores: Mapping[str, Scores]) -> None:
        """Take in some photos' scores, scorer by scorer; the same scorers each time."""
        count = len(next(iter(scores.values())).before)
        weights = self._rng.poisson(1.0, (count, RESAMPLES))
        self.photos += count
        self._drawn += weights.sum(0)
        for scorer, (attributes, before, after) in scores.items():
            before, changes = before.astype(np.float64), after.astype(np.float64) - before
            self._attributes[scorer] = attributes
            # squares around the first photo's score: around zero, a small spread would drown in rounding
            sums = self._sums.setdefault(scorer, {"first": before[0]})
            around = before - sums["first"]
            for name, values in {
                "around": around.sum(0), "squares": np.square(around).sum(0), "changes": changes.sum(1),
                "resampled": np.einsum("nr,snk->rsk", weights, changes),
            }.items():  # fmt: skip
                sums[name] = sums.get(name, 0) + values

    def rows(self, own: str, direction: Literal["more", "less"]) -> list[Response]:
        """The responses, strength by strength for each scorer and attribute; the edit is for `direction` of `own`."""
        found = []
        for scorer, sums in self._sums.items():
            around = sums["around"] / self.photos
            spread = np.sqrt(np.maximum(sums["squares"] / self.photos - around**2, 0))
            unit = np.ones_like(spread) if scorer == "pixels" else np.where(spread > NO_SPREAD, spread, np.nan)
            raw = sums["changes"] / self.photos  # [S, K]
            resampled = sums["resampled"] / np.maximum(self._drawn, 1)[:, None, None]
            interval = np.quantile(resampled, (0.025, 0.975), axis=0) / unit
            for k, attribute in enumerate(self._attributes[scorer]):
                aim = direction if attribute == own and scorer != "pixels" else ""
                before = float(sums["first"][k] + around[k])
                for s, strength in enumerate(self._strengths):
                    change = raw[s, k] / unit[k]
                    low, high = interval[:, s, k] if self.photos > 1 else (np.nan, np.nan)
                    values = (None if np.isnan(value) else float(value) for value in (change, low, high))
                    found.append(
                        Response(
                            scorer, attribute, aim, strength, self.photos, before, before + float(raw[s, k]),
                            float(spread[k]), *values,
                        )
                    )  # fmt: skip
        return found


def dose_table(translator: Path | str) -> Path:
    """Where a translator's responses lie: `night.dose.csv` beside `night.safetensors`."""
    return Path(translator).with_suffix(".dose.csv")


def write_responses(path: Path | str, responses: Sequence[Response], translator: Path | str) -> None:
    """Write the table of a translator's responses, which names the translator by its checksum."""
    digest = sha256_of(translator)
    write_table(path, [*COLUMNS, "translator_sha256"], ((*astuple(row), digest) for row in responses))


def read_responses(path: Path | str, translator: Path | str | None = None) -> list[Response]:
    """The responses that `write_responses` wrote, of `translator` where one is given.

    Raises SceneshiftError that names what is damaged, and if they are another translator's.
    """
    rows = read_table(path, COLUMNS | {"translator_sha256": str}, "Measure it again with measure-dose.")
    if translator is not None and {row["translator_sha256"] for row in rows} != {sha256_of(translator)}:
        raise SceneshiftError(f"{path} was measured on another translator than {translator}. Measure it again.")
    return [Response(**{name: row[name] for name in COLUMNS}) for row in rows]


@dataclass(frozen=True)
class Curve:
    """How one scorer sees the edit's own attribute move: `changes` in the edit's direction at `strengths`."""

    scorer: str
    attribute: str
    unit: float  # the score's standard deviation, negative for an edit to less
    strengths: list[float]
    changes: list[float]

    @property
    def saturation(self) -> float | None:
        """The first strength at 95 % of the largest change; None if that is the last one, or nothing moves."""
        if (most := max(self.changes)) <= 0:
            return None
        reached = next(s for s, c in zip(self.strengths, self.changes, strict=True) if c >= SATURATED * most)
        return reached if reached < self.strengths[-1] else None

    def strength_for(self, effect: float) -> float | None:
        """The smallest strength whose change is `effect`, linear between those measured; None beyond them."""
        s, c = [0.0, *self.strengths], [0.0, *self.changes]
        for k in range(1, len(s)):
            if c[k] >= effect:
                return s[k - 1] + (effect - c[k - 1]) / (c[k] - c[k - 1]) * (s[k] - s[k - 1])
        return None


def own_curves(responses: Sequence[Response]) -> list[Curve]:
    """The curves of the attribute that the edit is for, a scorer each, in the table's order."""
    points: dict[tuple[str, str], list[Response]] = {}
    for row in responses:
        if row.direction and row.change is not None:
            points.setdefault((row.scorer, row.attribute), []).append(row)
    curves = []
    for (scorer, attribute), rows in points.items():
        sign = -1 if rows[0].direction == "less" else 1
        changes = [sign * row.change for row in rows]
        curves.append(Curve(scorer, attribute, sign * rows[0].spread, [row.strength for row in rows], changes))
    return curves


def measured_copy(photo: np.ndarray) -> np.ndarray:
    """The photo, uint8 [H, W, 3], its shorter side brought down to `MEASURED_SIDE` if it is larger."""
    height, width = photo.shape[:2]
    scale = MEASURED_SIDE / min(height, width)
    return photo if scale >= 1 else shrunk(photo, round(height * scale), round(width * scale))


class PerPhoto:
    """A translator that gives each photo the strength at which a scorer sees one and the same effect."""

    def __init__(self, translator: Translator, curve: Curve, scorer: Predictor, effect: float) -> None:
        self._translator, self._curve, self._scorer, self._effect = translator, curve, scorer, effect
        self.has_masks = translator.head == "edit"

    def refusal(self, height: int, width: int) -> str | None:
        """Why a photo of this size cannot be edited."""
        return self._translator.refusal(height, width)

    def edited(self, images: Sequence[np.ndarray]) -> list[Edited | str]:
        """Edit photos, uint8 [H, W, 3] of any sizes; a text where no strength measured has the effect."""
        return [self._one(image) for image in images]

    def _one(self, image: np.ndarray) -> Edited | str:
        copy, curve = measured_copy(image), self._curve
        pictures = np.stack([copy, *(self._translator(copy, strength) for strength in curve.strengths)])
        scores = self._scorer.score(pictures)[:, list(self._scorer.attributes).index(curve.attribute)]
        changes = ((scores[1:] - scores[0]) / curve.unit).tolist()
        own = Curve(curve.scorer, curve.attribute, curve.unit, curve.strengths, changes)
        strength = own.strength_for(self._effect)
        if strength is None:
            return f"cannot be moved by {self._effect:g} standard deviations: by {max(changes):.2f} at most"
        return self._translator.edited([image], strength)[0]


def strength_for_all(curve: Curve, effect: float) -> float:
    """`Curve.strength_for`. Raises SceneshiftError beyond the measured range."""
    strength = curve.strength_for(effect)
    if strength is None:
        raise SceneshiftError(
            f"--effect {effect:g}: beyond what was measured. {curve.scorer} saw {curve.attribute} move by"
            f" {max(curve.changes):.2f} standard deviations at most, at strengths up to {curve.strengths[-1]:g}."
        )
    return strength
