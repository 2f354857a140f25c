"""Which attributes a run scores, known from its config before any job runs: for the DAG and for early errors."""

import re

from sceneshift.attributes.names import must_be_known, side_by_side
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.settings import Settings

_NO_FILE_NAME = re.compile(r"[.-].*|.*[/{}\x00-\x1f].*", re.DOTALL)


def scored_attributes(settings: Settings) -> list[str]:
    """The attributes of all predictors, side by side. Raises SceneshiftError if two predictors share a name."""
    photos = settings.photos.folder if settings.photos.source == "folder" else None
    names = side_by_side((predictor.kind, predictor.attribute_names(photos)) for predictor in settings.predictors)
    if unusable := [name for name in names if _NO_FILE_NAME.fullmatch(name)]:
        raise SceneshiftError(
            f"predictors: files are named after attributes, which {', '.join(map(repr, unusable))} cannot be:"
            " no / { } in it, no . or - at the front. Rename it."
        )
    return names


def fitted_attributes(settings: Settings) -> list[str]:
    """The attributes that get a boundary fitted here: those wanted, but for those whose boundary is imported."""
    wanted = settings.boundaries.attributes
    imported = [boundary.name for boundary in settings.boundaries.import_]
    return [name for name in (scored_attributes(settings) if wanted == "all" else wanted) if name not in imported]


def boundary_names(settings: Settings) -> list[str]:
    """Every boundary of the run by name: fitted, imported, found by SeFa."""
    sefa = settings.boundaries.sefa
    found = [f"sefa_{level}_{k}" for level in sefa.levels for k in range(1, sefa.components + 1)]
    return [*fitted_attributes(settings), *(boundary.name for boundary in settings.boundaries.import_), *found]


def check_attributes(settings: Settings) -> None:
    """Raise SceneshiftError for an attribute in boundaries or edits that is not scored or gets no boundary."""
    scored, names = scored_attributes(settings), boundary_names(settings)
    for name in fitted_attributes(settings):
        must_be_known(name, scored, "boundaries.attributes", "the predictors score")
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise SceneshiftError(f"boundaries: {', '.join(repeated)} is the name of several. Rename the imported ones.")
    for edit in settings.edits.attributes:
        where = f"edits.attributes ({edit.attribute})"
        for name in (edit.attribute, *edit.condition_on):
            must_be_known(name, list(dict.fromkeys(scored + names)), where, "the predictors score")
            must_be_known(name, names, where, "there are boundaries of")
        if edit.measure not in scored and edit.measured_by is None:
            raise SceneshiftError(
                f"{where}: the predictors do not score {edit.attribute!r}. Name in measured_by the attribute that tells"
                f" whether the edit works: {', '.join(scored)}"
            )
        must_be_known(edit.measure, scored, f"{where}: measured_by", "the predictors score")
