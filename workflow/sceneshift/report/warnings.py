"""What a reader must know of an edit before its figures: where they do not show that it works."""

import pandas as pd

from sceneshift.report.edits import Edit
from sceneshift.report.measured import DEVIATIONS
from sceneshift.report.text import figure, signed, spoken

FARTHEST, NARROWEST = 2.0, 0.25  # standard deviations of photos' scores; and share of them that images' must have
LEAST_SEEN = 0.5  # by a judge, of what the predictor sees
LEAST_ACCURACY = 0.7  # of a boundary; guessing is right half of the time


def warnings(edit: Edit, accuracies: pd.Series) -> list[str]:
    """Sentences about the edit; none if judge and predictor agree that it did what it should.

    accuracies: validation accuracy of each boundary by its attribute, NaN for those that were not fitted.
    """
    if (measured := edit.measured) is None:
        return []
    own, found = measured.own, []
    predictor = measured.predictors.change
    if own is measured.predictors:
        found.append("no judge scores it: the only figure is that of the predictor that chose its pairs")
    elif own.change * predictor < 0:
        found.append(f"{measured.by} ({signed(own.change, 2)}) and the predictor ({signed(predictor, 2)}) disagree")
    elif measured.own_unit == DEVIATIONS and abs(own.change) < LEAST_SEEN * abs(predictor):
        found.append(
            f"{measured.by} sees {signed(own.change, 2)} standard deviations, the predictor that chose the pairs"
            f" {signed(predictor, 2)}: most of that is nothing that another network sees"
        )
    if own.low <= 0 <= own.high:
        found.append(f"the interval of its effect, {signed(own.low, 2)} to {signed(own.high, 2)}, holds zero")
    elif own.change * (-1 if edit.pairs.record.direction == "less" else 1) < 0:
        found.append(f"it moved the wrong way, by {signed(own.change, 2)}")
    accuracy = accuracies.get(edit.name)
    if accuracy is not None and accuracy < LEAST_ACCURACY:
        found.append(
            f"its boundary tells only {figure(accuracy, 2)} of codes apart: the generator hardly shows"
            f" {spoken(edit.name)}, so train it longer, or on more photos"
        )
    shift, spread = measured.apart.shift, measured.apart.spread
    if abs(shift) > FARTHEST or spread < NARROWEST:
        found.append(
            f"the generator's images are far from the photos: the predictor scores {spoken(edit.attribute)} of those"
            f" synthesized {signed(shift, 1)} standard deviations of the held-out photos away from them, with"
            f" {figure(spread, 2)} times their spread, so train the generator longer, or on more photos"
        )
    return [f"{edit.title}: {what}." for what in found]
