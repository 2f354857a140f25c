"""Which attributes a run scores, known from its config before any job runs: for the DAG and for early errors."""

import csv
import difflib
from pathlib import Path

from sceneshift.photos.reading import find_photos
from sceneshift.photos.streets import LABELS
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.settings import HeadsPredictor, PhotosSettings, Settings

UNLABELLED = ("unlabelled", "unlabeled")  # subfolders of that name are no class


def scored_attributes(settings: Settings) -> list[str]:
    """The attributes of all predictors, side by side. Raises SceneshiftError if two predictors share a name."""
    names: list[str] = []
    for predictor in settings.predictors:
        if isinstance(predictor, HeadsPredictor):
            names.extend(_head_names(predictor, settings.photos))
        else:
            names.extend(predictor.attributes)
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise SceneshiftError(f"predictors: scored by more than one of them: {', '.join(repeated)}. Remove one.")
    return names


def check_attributes(settings: Settings) -> None:
    """Raise SceneshiftError for an attribute in boundaries or edits that is not scored or gets no boundary."""
    scored = scored_attributes(settings)
    wanted = settings.boundaries.attributes
    with_boundary = scored if wanted == "all" else list(wanted)
    for name in with_boundary:
        _must_be_known(name, scored, "boundaries.attributes", "the predictors score")
    for edit in settings.edits.attributes:
        for name in (edit.attribute, *edit.condition_on):
            _must_be_known(name, scored, f"edits.attributes ({edit.attribute})", "the predictors score")
            _must_be_known(name, with_boundary, f"edits.attributes ({edit.attribute})", "boundaries.attributes has")


def _must_be_known(name: str, known: list[str], where: str, who: str) -> None:
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"; did you mean {near[0]}?" if near else ";"
        raise SceneshiftError(f"{where}: found {name!r}{hint} {who}: {', '.join(known)}")


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
