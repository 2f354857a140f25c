"""`make gallery`: the rendered world in one picture, a street a row, a light, weather or season a column."""

from pathlib import Path

import numpy as np

from sceneshift.images.sheets import sheet
from sceneshift.runtime.files import atomic_file
from sceneshift.streets import render_street

OUT = Path(__file__).parents[1] / "resources" / "pictures" / "streets.png"
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


def main() -> None:
    """Draw it."""
    columns = [
        np.stack([render_street(SEED, index, SHAPE, **CLEAR | labels) for index in STREETS])
        for labels in COLUMNS.values()
    ]
    with atomic_file(OUT) as temporary:
        sheet(columns, list(COLUMNS), gap=3).save(temporary)


if __name__ == "__main__":
    main()
