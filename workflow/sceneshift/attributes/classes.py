"""Classes as subfolders: the first folder that a photo lies in names its class."""

from pathlib import Path

from sceneshift.attributes.names import as_attribute
from sceneshift.images.reading import find_photos
from sceneshift.runtime.errors import SceneshiftError

UNLABELLED = ("unlabelled", "unlabeled")  # subfolders of that name are no class


def class_of(name: str) -> str | None:
    """The class of a photo by its path below the folder; None for photos on top or in `unlabelled/`."""
    first, slash, _ = name.partition("/")
    return first if slash and first.lower() not in UNLABELLED else None


def classes_in(folder: Path, key: str) -> list[str]:
    """The classes of a folder of photos, as attributes. SceneshiftError that names the config's `key` for under two."""
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


def _is_class(folder_name: str) -> bool:
    return not folder_name.startswith(".") and folder_name.lower() not in UNLABELLED
