"""The rows of an evaluation, averaged over photos, with bootstrap intervals."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy import nan

from sceneshift.runtime.bootstrap import interval_of_mean
from sceneshift.runtime.randomness import numpy_generator
from sceneshift.runtime.tables import read_table

COLUMNS = {"photo": str, "scorer": str, "attribute": str, "before": float, "after": float}
CHANGE_COLUMNS = ["scorer", "attribute", "photos", "before", "after", "change", "low", "high"]  # of a `Change`
Row = dict[str, Any]  # of an evaluation, one value a column
OWN_UNIT = ("judge:streets", "truth", "pixels")  # scorers whose numbers mean something as they are
NO_SPREAD = 1e-9  # standard deviations below it are rounding: all photos score the same, or there is only one


@dataclass(frozen=True)
class Change:
    """Means over photos. `low` to `high` is the 95 % bootstrap interval of `change`; NaN for a single photo.

    change: mean of after − before; for predictors, judging or not, in standard deviations of their scores of the photos
    before, whose unit is otherwise without meaning; for the judge of streets on its 0 to 1 scale; for pixel facts in
    their own unit. NaN, as are low and high, where a predictor scores all photos before the same: there is no deviation
    to measure it in.
    """

    scorer: str
    attribute: str
    photos: int
    before: float
    after: float
    change: float
    low: float
    high: float

    def __str__(self) -> str:
        interval = f"[{self.low:+.3f}, {self.high:+.3f}]" if self.photos > 1 else "(one photo: no interval)"
        means = f"{self.before:.3f} -> {self.after:.3f}, change {self.change:+.3f}"
        return f"{self.scorer} {self.attribute}: {means} {interval}"


def rows(photos: Sequence[str], scorer: str, attribute: str, before: np.ndarray, after: np.ndarray) -> list[Row]:
    """A row per photo, without those where it cannot be measured (NaN). before, after: [N]."""
    values = [
        (photo, scorer, attribute, *both) for photo, *both in zip(photos, before.tolist(), after.tolist(), strict=True)
    ]
    return [dict(zip(COLUMNS, row, strict=True)) for row in values if not np.isnan(row[3:]).any()]


def read_evaluation(path: Path | str) -> list[Row]:
    """The rows of a table that evaluate-translator wrote. Raises SceneshiftError that names what is damaged."""
    return read_table(path, COLUMNS, "Make it again with evaluate-translator.")


def summarize(table: Iterable[Row]) -> list[Change]:
    """One `Change` per scorer and attribute, in the table's order."""
    groups: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for row in table:
        groups.setdefault((row["scorer"], row["attribute"]), []).append((row["before"], row["after"]))
    changes = []
    for (scorer, attribute), values in groups.items():
        before, after = np.array(values).T
        unit = 1.0 if scorer in OWN_UNIT else before.std()
        change = (after - before) / (unit if unit > NO_SPREAD else nan)
        interval = interval_of_mean(change, numpy_generator("evaluation", "bootstrap"))
        means = (before.mean(), after.mean(), change.mean(), *(interval if len(values) > 1 else (nan, nan)))
        changes.append(Change(scorer, attribute, len(values), *map(float, means)))
    return changes
