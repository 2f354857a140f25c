"""Which attributes a run scores, known from its config before any job runs: for the DAG and for early errors."""

import csv
import re
from pathlib import Path

from sceneshift.attributes.names import must_be_known, places365_attributes, side_by_side
from sceneshift.attributes.votes import questions_in
from sceneshift.foreign.onnx_models import checked_model, metadata_of, read_onnx
from sceneshift.images.reading import find_photos
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.settings import (
    ComparisonsPredictor,
    HeadsPredictor,
    OnnxPredictor,
    PhotosSettings,
    Places365Predictor,
    Settings,
)
from sceneshift.streets.render import LABELS

UNLABELLED = ("unlabelled", "unlabeled")  # subfolders of that name are no class
_NO_FILE_NAME = re.compile(r"[.-].*|.*[/{}\x00-\x1f].*", re.DOTALL)


def scored_attributes(settings: Settings) -> list[str]:
    """The attributes of all predictors, side by side. Raises SceneshiftError if two predictors share a name."""
    scored: list[tuple[str, list[str]]] = []
    for predictor in settings.predictors:
        if isinstance(predictor, HeadsPredictor):
            names = _head_names(predictor, settings.photos)
        elif isinstance(predictor, ComparisonsPredictor):
            names = questions_asked(predictor)
        elif isinstance(predictor, OnnxPredictor):
            names = kept_names(predictor, model_names(predictor))
        elif isinstance(predictor, Places365Predictor):
            names = places365_attributes(predictor.attributes)
        else:
            names = predictor.attributes
        scored.append((predictor.kind, names))
    names = side_by_side(scored)
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


def _head_names(predictor: HeadsPredictor, photos: PhotosSettings) -> list[str]:
    if predictor.labels is None:
        if photos.source == "rendered":
            return list(LABELS)
        return _classes(Path(photos.folder or ""), "photos.folder")
    labels = Path(predictor.labels)
    if labels.is_dir():
        return _classes(labels, "predictors.labels")
    if not labels.is_file():
        raise SceneshiftError(
            f"predictors.labels: found {predictor.labels!r}, which does not exist; expected a CSV"
            " (file, then one column an attribute) or a folder with one subfolder a class."
        )
    with open(labels, encoding="utf-8-sig", newline="") as file:
        columns = next(csv.reader(file), [])
    if len(columns) < 2:
        raise SceneshiftError(f"{labels}: found the columns {columns}; expected file, then one column an attribute.")
    return [as_attribute(column) for column in columns[1:]]


def questions_asked(predictor: ComparisonsPredictor) -> list[str]:
    """The attributes of a table of votes: its questions, or those of them that the config lists."""
    asked = sorted({as_attribute(question) for question in questions_in(predictor.votes)})
    return _chosen(predictor.attributes, asked, predictor.votes)


def model_names(predictor: OnnxPredictor) -> list[str]:
    """The names of all of a model's scores, in its order: the config's, else those in the model's metadata."""
    names = predictor.names
    if names is None:
        metadata = metadata_of(checked_model(read_onnx(predictor.model), predictor.model))
        names = [name for name in metadata.get("names", "").split(",") if name.strip()]
    names = [as_attribute(name) for name in names]
    if not names or "" in names or len(set(names)) < len(names):
        raise SceneshiftError(
            f"{predictor.model}: {'its metadata has' if predictor.names is None else 'predictors.names are'} the names"
            f" {names} for its scores; expected different ones, one a score. Set predictors.names to the right ones."
        )
    return names


def kept_names(predictor: OnnxPredictor, names: list[str]) -> list[str]:
    """Those of a model's names that the config keeps."""
    return _chosen(predictor.attributes, names, predictor.model)


def _chosen(wanted: str | list[str], known: list[str], where: object) -> list[str]:
    if wanted == "all":
        return known
    chosen = [as_attribute(name) for name in wanted]
    for name in chosen:
        must_be_known(name, known, "predictors.attributes", f"{where} has")
    return chosen


def _classes(folder: Path, key: str) -> list[str]:
    if not folder.is_dir():
        raise SceneshiftError(f"{key}: the folder {folder} does not exist.")
    subfolders = sorted(entry for entry in folder.iterdir() if entry.is_dir() and _is_class(entry.name))
    names = [as_attribute(subfolder.name) for subfolder in subfolders if any(find_photos(subfolder))]
    if len(names) < 2:
        raise SceneshiftError(
            f"{key}: {folder} has {len(names)} subfolders with photos, so there are no classes to learn from. Sort some"
            " photos into two or more subfolders, give a CSV as predictors.labels, or use `kind: photometric`."
        )
    return names


def as_attribute(name: str) -> str:
    """An attribute's name everywhere: spaces become underscores."""
    return name.strip().replace(" ", "_")


def _is_class(folder_name: str) -> bool:
    return not folder_name.startswith(".") and folder_name.lower() not in UNLABELLED
