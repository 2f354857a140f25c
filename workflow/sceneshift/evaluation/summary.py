"""The rows of an evaluation, averaged over photos, with bootstrap intervals."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.randomness import numpy_generator

COLUMNS = ("photo", "scorer", "attribute", "before", "after")
RESAMPLES = 1000


@dataclass(frozen=True)
class Change:
    """Means over photos. `low` to `high` is the 95 % bootstrap interval of `change`.

    change: mean of after − before; for the predictor in standard deviations of its scores of the photos before, whose
    unit is otherwise without meaning; for the judge on its 0 to 1 scale; for pixel facts in their own unit.
    """

    scorer: str
    attribute: str
    photos: int
    before: float
    after: float
    change: float
    low: float
    high: float


def summarise(table: pd.DataFrame | Path | str) -> list[Change]:
    """One `Change` per scorer and attribute, in the table's order; rows without a value are left out.

    Raises SceneshiftError for a file without the columns that evaluate-translator writes.
    """
    if not isinstance(table, pd.DataFrame):
        path, table = table, pd.read_csv(table)
        if tuple(table.columns) != COLUMNS:
            raise SceneshiftError(f"{path}: expected the columns {', '.join(COLUMNS)}, found {', '.join(table)}.")
    changes = []
    for (scorer, attribute), rows in table.dropna(subset=["before", "after"]).groupby(
        ["scorer", "attribute"], sort=False
    ):
        before, after = rows["before"].to_numpy(float), rows["after"].to_numpy(float)
        unit = before.std() if scorer == "predictor" else 1.0
        change = (after - before) / max(unit, 1e-9)
        chosen = numpy_generator("evaluation", "bootstrap").integers(0, len(change), (RESAMPLES, len(change)))
        low, high = np.quantile(change[chosen].mean(axis=1), [0.025, 0.975])
        values = (before.mean(), after.mean(), change.mean(), low, high)
        changes.append(Change(scorer, attribute, len(rows), *(float(value) for value in values)))
    return changes
