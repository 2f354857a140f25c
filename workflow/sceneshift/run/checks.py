"""What can be known to be wrong with the paths of a config before any job starts."""

from collections.abc import Iterator
from pathlib import Path

from sceneshift.images.finding import check_folder
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.settings import Settings

OWN = ("results", ".snakemake")  # what is written below the working directory


def check_paths(settings: Settings) -> None:
    """Raise SceneshiftError, naming the key, for a path that does not exist or a folder that holds results."""
    for key, path in _files(settings):
        if not Path(path).exists():
            raise SceneshiftError(f"{key}: {path} does not exist.")
    if settings.photos.source == "folder":
        check_folder(settings.photos.folder, "photos.folder")
        _holds_no_results("photos.folder", settings.photos.folder)
    if settings.translate.folder is not None:
        _is_folder("translate.folder", settings.translate.folder)
        _holds_no_results("translate.folder", settings.translate.folder)
    for edit in settings.edits.attributes:
        for side in ("train_A", "train_B") if edit.pairs else ():
            _is_folder(f"edits.attributes ({edit.attribute}): pairs", f"{edit.pairs}/{side}")


def _files(settings: Settings) -> Iterator[tuple[str, str]]:
    """(key, path) of what the config takes from elsewhere, but for folders of photos and what is downloaded."""
    generator, translator = settings.generator, settings.translator
    if generator.import_:
        yield "generator.import", generator.import_
    elif generator.warm_start:
        yield "generator.warm_start", generator.warm_start
    if settings.photos.places:
        yield "photos.places", settings.photos.places
    for boundary in settings.boundaries.import_:
        yield f"boundaries.import ({boundary.name})", boundary.file
    judges = [] if settings.evaluation.judges == "auto" else settings.evaluation.judges
    for where, predictors in (("predictors", settings.predictors), ("evaluation.judges", judges)):
        for predictor in predictors:
            for key, path in predictor.sources().items() if predictor != "streets" else ():
                if isinstance(path, str):
                    yield f"{where} ({predictor.kind}): {key}", path
    if translator.perceptual_network != "backbone":
        yield "translator.perceptual_network", translator.perceptual_network


def _is_folder(key: str, folder: str) -> None:
    if not Path(folder).is_dir():
        raise SceneshiftError(f"{key}: {folder} {'is not a folder' if Path(folder).exists() else 'does not exist'}.")


def _holds_no_results(key: str, folder: str) -> None:
    for own in OWN:
        if Path(own).resolve().is_relative_to(Path(folder).resolve()):
            raise SceneshiftError(
                f"{key}: {folder} is or holds this working directory, so that pictures in {own}/ would count as photos."
                " Move the photos to a folder of their own, and name that."
            )
