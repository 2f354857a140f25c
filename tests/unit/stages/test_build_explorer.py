import base64
import json
import re
import shutil

import numpy as np
import pytest
from PIL import Image

from sceneshift.explorer.cards import shipped_card
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.tables import write_table
from sceneshift.settings import PhotosSettings
from sceneshift.stages.build_explorer import build_explorer
from sceneshift.stages.pack_translator import pack_translator
from sceneshift.stages.prepare_photos import prepare_photos

EDITS = {"snow": "more", "natural_light": "less"}
SOURCES = PhotosSettings(count=60, resolution=16, held_out=0.3)


def make_run(run, translators, photos=SOURCES):
    """What build-explorer reads of a run. translators: name -> file."""
    prepare_photos(photos.folder, run / "photos.h5", photos, table=run / "photos.csv", seed=4)
    write_table(run / "attributes.csv", ["attribute", "chosen"], [("clouds", False), *((n, True) for n in translators)])
    for name, path in translators.items():
        (run / f"pairs/{name}").mkdir(parents=True)
        (run / f"translators/{name}").mkdir(parents=True)
        shutil.copy(path, run / f"translators/{name}/translator.safetensors")
        record = {"attribute": name, "direction": EDITS[name], "measured_by": name}
        (run / f"pairs/{name}/edit.json").write_text(json.dumps(record))
        sign = 1 if EDITS[name] == "more" else -1
        rows = [("photo", "pixels", "structure", 1, 0.75)]
        for photo in ("a", "b", "c"):
            for scorer, move in (("predictor", 0.1), ("judge:streets", 0.25)):
                rows += [(photo, scorer, name, 0.5, 0.5 + sign * move), (photo, scorer, "clouds", 0.5, 0.375)]
        write_table(run / f"evaluation/{name}.csv", ["photo", "scorer", "attribute", "before", "after"], rows)
    return run


def words(page):
    """The page's text, without styles and scripts."""
    text = re.sub(r"<(style|script).*?</\1>", "", page.read_text(encoding="utf-8"), flags=re.S)
    return " ".join(re.sub(r"<[^>]*>", " ", text).split())


def credits(page):
    return re.findall(r'data-credit="(.*?)"', page.read_text(encoding="utf-8"))


def test_a_run_has_a_card_for_each_edit(make_translator, tmp_path):
    run = make_run(tmp_path / "run", dict.fromkeys(EDITS, make_translator()))
    page = run / "explorer/index.html"
    build_explorer(page, SOURCES, run_folder=run)
    text = words(page)
    assert "More snow On 3 held-out rendered streets snow moved by +0.25 on a scale of 0 to 1" in text
    assert "Less natural light On 3 held-out rendered streets natural light moved by −0.25" in text
    assert "by the judge streets, which took no part in making the edit" in text
    assert "What else moved most: clouds, −0.12." in text
    assert "Edges kept a correlation of 0.75" in text
    assert "at 16 pixels" in text
    assert "It has seen drawn streets alone." in text
    assert sorted(path.name for path in (run / "explorer/models").iterdir()) == ["natural_light.js", "snow.js"]
    assert credits(page) == ["drawn by this project&#39;s own code"] * 3


def test_what_pack_translator_has_made_is_left(make_translator, tmp_path):
    path = make_translator()
    run = make_run(tmp_path / "run", {"snow": path})
    pack_translator(path, run / "explorer/models/snow.js")
    made = (run / "explorer/models/snow.js").stat().st_mtime_ns
    build_explorer(run / "explorer/index.html", SOURCES, run_folder=run)
    assert (run / "explorer/models/snow.js").stat().st_mtime_ns == made


def test_editors_that_ship_beside_those_of_a_run(make_translator, tmp_path):
    run = make_run(tmp_path / "run", {"snow": make_translator()})
    build_explorer(run / "explorer/index.html", SOURCES, run_folder=run, translators=["snow"])
    assert sorted(p.name for p in (run / "explorer/models").iterdir()) == ["shipped-snow.js", "snow.js"]
    page = (run / "explorer/index.html").read_text(encoding="utf-8")
    assert re.findall(r'name="edit" value="(.*?)" data-resolution="(.*?)"', page) == [
        ("snow", "16"),
        ("shipped-snow", "128"),
    ]
    assert any("CC BY-SA 4.0" in credit for credit in credits(run / "explorer/index.html"))


@pytest.mark.parametrize("show", [True, False])
def test_photos_of_a_folder_are_shown_only_if_they_may_be(make_translator, tmp_path, show):
    rng = np.random.default_rng(0)
    exif = Image.Exif()
    exif[0x010F] = "a camera"
    (tmp_path / "photos").mkdir()
    for index in range(24):
        picture = Image.fromarray(rng.integers(0, 256, (24, 32, 3), dtype=np.uint8))
        picture.save(tmp_path / f"photos/{index}.jpg", exif=exif)
    where = {"source": "folder", "folder": str(tmp_path / "photos"), "resolution": 16}
    settings = PhotosSettings(**where, show=show, licence="CC <BY>", credit="Ann & Bob")
    run = make_run(tmp_path / "run", {"snow": make_translator()}, settings)
    build_explorer(tmp_path / "page.html", settings, run_folder=run)
    assert credits(tmp_path / "page.html") == ["Ann &amp; Bob · CC &lt;BY&gt;"] * (3 if show else 0)
    shown = re.findall(r"data:image/\w+;base64,([^\"]+)", (tmp_path / "page.html").read_text(encoding="utf-8"))
    assert not any(b"a camera" in base64.b64decode(picture) for picture in shown)
    text = words(tmp_path / "page.html")
    assert "held-out photos" in text
    assert "The photos that it learned from and was measured on: Ann &amp; Bob · CC &lt;BY&gt;." in text
    assert "drawn streets alone" not in text


def test_what_a_page_cannot_run_is_named(make_translator, tmp_path):
    build_explorer(tmp_path / "page.html", SOURCES, translators=[make_translator(), make_translator("image")])
    assert "Left out: image, whose head predicts an image" in words(tmp_path / "page.html")
    assert [path.name for path in (tmp_path / "models").glob("*.js")] == ["edit.js"]


def test_a_single_file_holds_everything(make_translator, tmp_path):
    build_explorer(tmp_path / "single.html", SOURCES, translators=[make_translator()], single=True)
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["single.html"]
    assert not (tmp_path / "models/edit.js").exists()
    policy = re.search(r"script-src ([^;]*);", (tmp_path / "single.html").read_text(encoding="utf-8"))[1]
    assert re.fullmatch(r"'sha256-\S+' 'wasm-unsafe-eval'", policy)


def test_two_of_one_name_and_none_at_all(make_translator, tmp_path):
    path = make_translator()
    with pytest.raises(SceneshiftError, match="would both be called edit"):
        build_explorer(tmp_path / "page.html", SOURCES, translators=[path, path])
    with pytest.raises(SceneshiftError, match="No editor is named"):
        build_explorer(tmp_path / "page.html", SOURCES)
    assert not (tmp_path / "page.html").exists()


def test_a_card_that_ships_keeps_its_paragraphs_and_tables():
    text = "# snow\n\nLays `snow`\non ground.\n\n| on | what |\n|---|---|\n| 60 streets | 11 → 16 |\n\nLimits: some."
    assert shipped_card("snow", text).blocks == [
        "Lays snow on ground.", [["on", "what"], ["60 streets", "11 → 16"]], "Limits: some.",
    ]  # fmt: skip
