"""`make gallery`: the README's pictures of the rendered world, of shipped editors, of the default run and of pages."""

import io
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from sceneshift.images.reading import read_photo
from sceneshift.images.sheets import sheet
from sceneshift.photos.store import PhotoStore
from sceneshift.runtime.files import atomic_file
from sceneshift.runtime.shipped import RESOURCES, shipped_editors
from sceneshift.settings import PhotosSettings
from sceneshift.stages.build_explorer import build_explorer
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

DESKTOP = {"viewport": {"width": 1440, "height": 900}}
PHONE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "is_mobile": True, "has_touch": True}
VISITS = {  # the browser, the edit, the example
    "desktop": (DESKTOP, "night", "opensfm-lund-01.jpg"),
    "dark": (DESKTOP | {"color_scheme": "dark"}, "snow", "opensfm-lund-25.jpg"),
    "phone": (PHONE, "night", "opensfm-lund-01.jpg"),
    "phone-dark": (PHONE | {"color_scheme": "dark"}, "fog", "nus-04.jpg"),
}

RUN = Path("results/streets")  # the default run
EDITS = ("natural_light", "snow")  # of it
SHOWN, PAIRS, ROWS = 9, 14, 256  # streets, pairs an edit, pixel rows of samples
ANIMATED = {"viewport": {"width": 1200, "height": 750}}
FRAME = 90  # milliseconds
MOVES = (  # of the line between before and after, in percent; of the strength
    ("split", [50, *range(50, 100, 6), *range(100, 2, -8), 2, 2, 2]),
    ("strength", [n / 10 for n in (*range(10, -1, -1), *range(0, 21), *range(20, 9, -1))]),
    ("split", [*range(2, 51, 6), 50, 50, 50, 50]),
)


def main() -> None:
    """Make all of them."""
    _world()
    _editors()
    _run()
    _pages()


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


def _run() -> None:
    """The default run's last samples, its pairs, and held-out streets on clear days before and after."""
    if not RUN.exists():
        print(f"There is no {RUN}: edits.png, pairs.png and samples.png are left as they are.", file=sys.stderr)
        return
    pictures = RESOURCES / "pictures"
    with PhotoStore(RUN / "photos.h5") as store:
        known = dict(zip(store.attributes, store.labels[store.held_out_indices].T, strict=True))
        clear = (known["natural_light"] > 0.7) & (known["fog"] < 0.1) & (known["snow"] < 0.1)
        streets = [int(index) for index in store.held_out_indices[clear][:SHOWN]]
        rows = [store.images(streets)]
        names = [store.names[index] for index in streets]
    rows += [np.stack([read_photo(RUN / "translated" / edit / f"{name}.png") for name in names]) for edit in EDITS]
    _save(np.concatenate([np.concatenate(list(row), axis=1) for row in rows]), pictures / "edits.png", zoom=2)
    sides = []
    for edit in EDITS:
        for side in ("train_A", "train_B"):
            files = sorted((RUN / "pairs" / edit / side).glob("*.png"))[:PAIRS]
            sides.append(np.concatenate([read_photo(file) for file in files], axis=1))
        sides.append(np.full((8, *sides[0].shape[1:]), 255, np.uint8))
    _save(np.concatenate(sides[:-1]), pictures / "pairs.png")
    _save(read_photo(max((RUN / "generator" / "training").glob("samples-*.png")))[:ROWS], pictures / "samples.png")


def _save(picture: np.ndarray, path: Path, zoom: int = 1) -> None:
    image = Image.fromarray(picture)
    with atomic_file(path) as temporary:
        image.resize((image.width * zoom, image.height * zoom), Image.Resampling.LANCZOS).save(temporary)


def _pages() -> None:
    """The explorer and the report as a browser shows them; left as they are where there is none, or no run."""
    if (chromium := shutil.which("chromium")) is None:
        print("There is no chromium: resources/pictures/explorer* and report* are left as they are.", file=sys.stderr)
        return
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as tools:
        browser = tools.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = Path(folder) / "index.html"
        build_explorer(page, PhotosSettings(), translators=["night", "snow", "fog"])
        for name, (options, edit, example) in VISITS.items():
            tab = _edited(browser, page, options, edit, example)
            with atomic_file(RESOURCES / "pictures" / f"explorer-{name}.jpg") as temporary:
                tab.screenshot(path=temporary, type="jpeg", quality=72)
        _animation(_edited(browser, page, ANIMATED, "night", "opensfm-lund-01.jpg"))
        if (report := RUN / "report.html").exists():
            for name, (options, *_) in VISITS.items():
                tab = browser.new_context(**options).new_page()
                tab.goto(report.resolve().as_uri())
                with atomic_file(RESOURCES / "pictures" / f"report-{name}.jpg") as temporary:
                    tab.screenshot(path=temporary, type="jpeg", quality=72)
        else:
            print(f"There is no {report}: resources/pictures/report-* are left as they are.", file=sys.stderr)
        browser.close()


def _edited(browser: Any, page: Path, options: dict[str, Any], edit: str, example: str) -> Any:
    """The explorer in a tab, with an edit of an example."""
    tab = browser.new_context(**options).new_page()
    tab.goto(page.as_uri())
    tab.check(f"[name=edit][value={edit}]", force=True)
    tab.click(f"img[alt='{example}']")
    tab.wait_for_function("(name) => state.name === name && stage.edit && !stage.frame", arg=example)
    tab.evaluate("() => { page.status.textContent = ''; scrollTo(0, 0); document.activeElement.blur(); }")
    return tab


def _animation(tab: Any) -> None:
    """The line moves across the photo, then the dose grows."""
    frames = []
    for control, values in MOVES:
        for value in values:
            tab.eval_on_selector(
                f"#{control}",
                "(input, value) => { input.value = value; input.dispatchEvent(new Event('input')); }",
                str(value),
            )
            tab.wait_for_function("() => !stage.frame")
            tab.evaluate("() => { page.status.textContent = ''; }")
            frames.append(Image.open(io.BytesIO(tab.screenshot())).convert("RGB"))
    with atomic_file(RESOURCES / "pictures" / "explorer.webp") as temporary:
        frames[0].save(
            temporary, "WEBP", save_all=True, append_images=frames[1:], duration=FRAME, loop=0, quality=60, method=6
        )


if __name__ == "__main__":
    main()
