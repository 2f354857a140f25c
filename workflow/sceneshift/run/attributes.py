"""Which attributes a run scores, known from its config before any job runs: for the DAG and for early errors."""

import re
from collections import Counter
from dataclasses import dataclass

from sceneshift.attributes.names import side_by_side
from sceneshift.runtime.errors import SceneshiftError, must_be_known
from sceneshift.settings import Settings

_NO_FILE_NAME = re.compile(r"[.-].*|.*[/{}<>,\x00-\x1f\x7f].*", re.DOTALL)


@dataclass(frozen=True)
class Attributes:
    """The attributes of a run, by what becomes of them."""

    scored: list[str]  # by the predictors, side by side
    fitted: list[str]  # those that get a boundary fitted here
    boundaries: list[str]  # every boundary by name: fitted, imported, found by SeFa


def attributes_of(settings: Settings) -> Attributes:
    """The attributes of a run. Raises SceneshiftError for one in boundaries or edits that there is not."""
    scored, boundaries = scored_attributes(settings), settings.boundaries
    imported = [boundary.name for boundary in boundaries.import_]
    wanted = scored if boundaries.attributes == "all" else boundaries.attributes
    fitted = [name for name in wanted if name not in imported]
    sefa = [f"sefa_{level}_{k}" for level in boundaries.sefa.levels for k in range(1, boundaries.sefa.components + 1)]
    attributes = Attributes(scored, fitted, [*fitted, *imported, *sefa])
    _check(attributes, settings)
    return attributes


def scored_attributes(settings: Settings) -> list[str]:
    """The attributes of all predictors, side by side. Raises SceneshiftError if two predictors share a name."""
    photos = settings.photos.folder if settings.photos.source == "folder" else None
    return side_by_side((predictor.kind, predictor.attribute_names(photos)) for predictor in settings.predictors)


def _check(attributes: Attributes, settings: Settings) -> None:
    scored, names = attributes.scored, attributes.boundaries
    if unusable := [name for name in dict.fromkeys(scored + names) if _NO_FILE_NAME.fullmatch(name)]:
        raise SceneshiftError(
            f"predictors, boundaries.import: files are named after attributes, which {', '.join(map(repr, unusable))}"
            " cannot be: none of / { } < > , in it, no . or - at the front. Rename it."
        )
    for name in attributes.fitted:
        must_be_known(name, scored, "boundaries.attributes", "the predictors score")
    if repeated := sorted(name for name, count in Counter(names).items() if count > 1):
        raise SceneshiftError(f"boundaries: {', '.join(repeated)} is the name of several. Rename the imported ones.")
    for edit in settings.edits.attributes:
        where = f"edits.attributes ({edit.attribute})"
        for name in (edit.attribute, *edit.condition_on, *edit.also):
            must_be_known(name, list(dict.fromkeys(scored + names)), where, "the predictors score")
            must_be_known(name, names, where, "there are boundaries of")
        if edit.measure not in scored and edit.measured_by is None:
            raise SceneshiftError(
                f"{where}: the predictors do not score {edit.attribute!r}. Name in measured_by the attribute that tells"
                f" whether the edit works: {', '.join(scored)}"
            )
        must_be_known(edit.measure, scored, f"{where}: measured_by", "the predictors score")
