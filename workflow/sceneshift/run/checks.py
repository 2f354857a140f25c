"""What can be known to be wrong with a run's folders before any job starts."""

from pathlib import Path

from sceneshift.images.finding import check_folder
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.settings import Settings

OWN = ("results", ".snakemake")  # what is written below the working directory


def check_folders(settings: Settings) -> None:
    """Raise SceneshiftError, naming the key, for a folder of the config that is missing or holds the workflow's own."""
    if settings.photos.source == "folder":
        check_folder(settings.photos.folder)
        _holds_no_results("photos.folder", settings.photos.folder)
    if settings.translate.folder is not None:
        _is_folder("translate.folder", settings.translate.folder)
        _holds_no_results("translate.folder", settings.translate.folder)
    for edit in settings.edits.attributes:
        for side in ("train_A", "train_B") if edit.pairs else ():
            _is_folder(f"edits.attributes ({edit.attribute}): pairs", f"{edit.pairs}/{side}")


def _is_folder(key: str, folder: str) -> None:
    if not Path(folder).is_dir():
        raise SceneshiftError(f"{key}: {folder} {'is no folder' if Path(folder).exists() else 'does not exist'}.")


def _holds_no_results(key: str, folder: str) -> None:
    for own in OWN:
        if Path(own).resolve().is_relative_to(Path(folder).resolve()):
            raise SceneshiftError(
                f"{key}: {folder} is or holds this working directory, so that pictures in {own}/ would count as photos."
                " Move the photos to a folder of their own, and name that."
            )
