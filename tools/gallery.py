"""`make gallery`: the README's pictures of the rendered world and of the editors that ship, a street per row."""

import numpy as np

from sceneshift.images.reading import read_photo
from sceneshift.images.sheets import sheet
from sceneshift.runtime.files import atomic_file
from sceneshift.runtime.shipped import RESOURCES, shipped_editors
from sceneshift.streets import render_street
from sceneshift.translator import load_translator
from sceneshift.translator.translator import shrunk

SEED, STREETS, SHAPE = 0, (1, 5, 9, 15, 19, 26), (128, 128)
CLEAR = {"natural_light": 0.9, "sunny": 0.9, "clouds": 0.25, "fog": 0.0, "rain": 0.0, "snow": 0.0, "season": 0.0}
COLUMNS: dict[str, dict[str, float]] = {
    "clear": {},
    "low sun": {"natural_light": 0.5},
    "dusk": {"natural_light": 0.33},
    "night": {"natural_light": 0.0},
    "overcast": {"sunny": 0.0, "clouds": 0.9},
    "fog": {"sunny": 0.1, "fog": 0.85},
    "wet": {"sunny": 0.1, "clouds": 0.9, "rain": 0.95},
    "autumn": {"season": 0.55},
    "snow": {"sunny": 0.2, "clouds": 0.8, "snow": 1.0, "season": 1.0},
    "vegetation": {"vegetation": 1.0},
}


PHOTOS = ("opensfm-lund-01", "opensfm-lund-29", "nus-04", "opensfm-lund-25")
PHOTO_SHAPE = (240, 320)


def main() -> None:
    """Make both."""
    _world()
    _editors()


def _world() -> None:
    """A light, weather or season a column."""
    columns = [
        np.stack([render_street(SEED, index, SHAPE, **CLEAR | labels) for index in STREETS])
        for labels in COLUMNS.values()
    ]
    with atomic_file(RESOURCES / "pictures" / "streets.png") as temporary:
        sheet(columns, list(COLUMNS), gap=3).save(temporary)


def _editors() -> None:
    """Photos as they are, then one editor per column, each photo edited at its own size and then shrunk."""
    photos = [read_photo(RESOURCES / "photos" / f"{name}.jpg") for name in PHOTOS]
    columns = {"photo": photos} | {
        name: [edited.image for edited in load_translator(path).edited(photos)]
        for name, path in shipped_editors().items()
    }
    with atomic_file(RESOURCES / "pictures" / "editors.jpg") as temporary:
        shown = [np.stack([shrunk(photo, *PHOTO_SHAPE) for photo in column]) for column in columns.values()]
        sheet(shown, list(columns), gap=3).save(temporary, quality=88)


if __name__ == "__main__":
    main()
