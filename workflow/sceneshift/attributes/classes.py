"""Classes as subfolders: the first folder that a photo lies in names its class."""

import os
from itertools import islice
from pathlib import Path

from sceneshift.attributes.names import as_attribute
from sceneshift.images.finding import find_photos, may_hold_photos
from sceneshift.runtime.errors import SceneshiftError

FEWEST = 10  # photos with an attribute, and without, that it can be learned from
UNLABELLED = ("unlabelled", "unlabeled")  # subfolders of that name are not classes
SPLITS = {"train", "training", "val", "valid", "validation", "dev", "test", "testing", "eval"}


def class_of(name: str) -> str | None:
    """The class of a photo by its path below the folder; None for photos on top or in `unlabelled/`."""
    first, slash, _ = name.partition("/")
    return first if slash and first.lower() not in UNLABELLED else None


def classes_in(folder: Path, key: str) -> list[str]:
    """The classes of a folder of photos, as attributes.

    Raises SceneshiftError that names the config's `key` for under two, or for one with under FEWEST photos.
    """
    if not folder.is_dir():
        raise SceneshiftError(f"{key}: the folder {folder} does not exist.")
    if advice := split_above_classes(folder):
        raise SceneshiftError(f"{key}: {advice}")
    subfolders = [folder / name for name in _subfolders(folder) if name.lower() not in UNLABELLED]
    counts = {entry.name: sum(1 for _ in islice(find_photos(entry), FEWEST)) for entry in subfolders}
    names = [as_attribute(name) for name, count in counts.items() if count]
    if len(names) < 2:
        raise SceneshiftError(
            f"{key}: {folder} has {len(names)} subfolders with photos, so there are no classes to learn from. Sort some"
            " photos into two or more subfolders, give a CSV as predictors.labels, or use `kind: photometric`."
        )
    if few := [f"{name} ({count})" for name, count in counts.items() if 0 < count < FEWEST]:
        raise SceneshiftError(
            f"{key}: {folder} has classes with under {FEWEST} photos, too few to learn: {', '.join(few)}. Add photos,"
            f" move them to another class, or to the subfolder {UNLABELLED[0]}."
        )
    return names


def split_above_classes(folder: Path) -> str | None:
    """What to do where the subfolders are a split (train, val, …) with the classes below them; None where not."""
    splits = _subfolders(folder)
    if len(splits) < 2 or not {name.lower() for name in splits} <= SPLITS:
        return None
    if not set.intersection(*(set(_subfolders(folder / name)) for name in splits)):
        return None
    return (
        f"{folder} has the subfolders {', '.join(splits)} with the classes below them, but a photo's first subfolder is"
        f" its class. Name one of them, {folder / splits[0]}, or put the folders of each class together: which photos"
        " are held out is decided here, by photos.held_out."
    )


def _subfolders(folder: Path) -> list[str]:
    return sorted(entry.name for entry in os.scandir(folder) if entry.is_dir() and may_hold_photos(entry.name))
