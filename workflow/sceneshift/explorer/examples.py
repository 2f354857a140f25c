"""Photos that the page has for those who have none at hand."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from sceneshift.images.reading import UnusablePhotoError, read_photo
from sceneshift.photos.store import PhotoStore
from sceneshift.report.pictures import data_uri, spread
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.shipped import RESOURCES
from sceneshift.settings import PhotosSettings
from sceneshift.streets import render_street

COUNT = 3
SHIPPED = ("opensfm-lund-01.jpg", "nus-04.jpg", "opensfm-lund-25.jpg", "sid-campus-ccw-clear-day-002.jpg")
SHAPE = (768, 1024)  # of rendered streets
LONGEST = 1600  # pixels of a photo's longer side


@dataclass(frozen=True)
class Example:
    """A photo as a data URI, without its EXIF data, and whose it is."""

    name: str
    picture: str
    credit: str


def shipped_examples() -> list[Example]:
    """Some of the open photos that ship."""
    photos = RESOURCES / "photos"
    rows = [line.strip("| ").split(" | ") for line in (photos / "LICENCES.md").read_text(encoding="utf-8").splitlines()]
    # of `OWNER/REPOSITORY@COMMIT, FILE (who made them)` whose they are
    credits = {
        row[0]: f"{re.sub('@[^ ]* [^ ]*', '', row[1])} · {row[2].split(' (')[0]}" for row in rows if row[0] in SHIPPED
    }
    return [_example(name, photos / name, credits[name]) for name in SHIPPED]


def run_examples(run: Path, settings: PhotosSettings) -> list[Example]:
    """Held-out streets of a run drawn large; of a folder's held-out photos those that may be shown (`photos.show`)."""
    with PhotoStore(run / "photos.h5") as store:
        names = spread([store.names[index] for index in store.held_out_indices], COUNT)
        folder, seed = store.folder, json.loads(store.provenance).get("seed")
    if folder is None:
        streets = [render_street(seed, int(name.removeprefix("street-")), SHAPE) for name in names]
        return [
            Example(name, data_uri(street, LONGEST), "drawn by this project's own code")
            for name, street in zip(names, streets, strict=True)
        ]
    return [_example(name, folder / name, settings.attribution) for name in names] if settings.show else []


def _example(name: str, path: Path, credit: str) -> Example:
    try:
        photo = Image.fromarray(read_photo(path))
    except UnusablePhotoError as reason:
        raise SceneshiftError(f"{path}, an example for the page, cannot be used: {reason}.") from reason
    return Example(name, data_uri(photo, LONGEST), credit)
