"""Data sets of stylegan2-ada: what is packed is unpacked, labels included; what would do harm or is none is refused."""

import csv
import io
import json
from zipfile import ZipFile

import numpy as np
import pytest
from PIL import Image

from sceneshift.photos.store import PhotoStoreWriter
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.scoring.labels import labelled_photos
from sceneshift.stages.export_photos import export_photos
from sceneshift.stages.import_photos import import_photos

PHOTOS = np.random.default_rng(0).integers(0, 256, (24, 16, 16, 3), dtype=np.uint8)


def store(path, names, attributes=(), labels=None):
    with PhotoStoreWriter(path, (16, 16), crop="center", folder="", provenance="{}", attributes=attributes) as photos:
        photos.append(PHOTOS, names, [k % 4 == 0 for k in range(24)], labels)


def png(value=0):
    file = io.BytesIO()
    Image.new("RGB", (8, 8), (value, 0, 0)).save(file, "PNG")
    return file.getvalue()


def packed(path, **entries):
    with ZipFile(path, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return path


def test_photos_there_and_back(tmp_path):
    store(tmp_path / "p.h5", [f"{'forest' if k % 3 else 'snowy'}/{k}.png" for k in range(24)])
    export_photos(tmp_path / "p.h5", tmp_path / "d.zip")
    with ZipFile(tmp_path / "d.zip") as archive:
        held = json.loads(archive.read("dataset.json"))["labels"]
        assert archive.namelist()[:1] == ["00000/img00000000.png"]
        assert len(held) == 18, "without those held out"
    trained = [k for k in range(24) if k % 4]
    assert held == [[f"00000/img{n:08d}.png", int(k % 3 == 0)] for n, k in enumerate(trained)]
    export_photos(tmp_path / "p.h5", tmp_path / "again.zip")
    assert (tmp_path / "d.zip").read_bytes() == (tmp_path / "again.zip").read_bytes()
    import_photos(tmp_path / "d.zip", tmp_path / "out")
    for number, k in enumerate(trained):
        picture = Image.open(tmp_path / "out" / "00000" / f"img{number:08d}.png")
        np.testing.assert_array_equal(np.asarray(picture), PHOTOS[k])
    labels = labelled_photos(tmp_path / "out" / "labels.csv", (16, 16))
    assert labels.attributes == ["class_0", "class_1"]
    assert labels.labels[:, 1].tolist() == [float(k % 3 == 0) for k in trained]


def test_numbers_as_labels(tmp_path):
    numbers = np.random.default_rng(1).random((24, 2)).astype(np.float32)
    store(tmp_path / "p.h5", [f"{k}.png" for k in range(24)], ["snow", "fog"], numbers)
    export_photos(tmp_path / "p.h5", tmp_path / "d.zip")
    import_photos(tmp_path / "d.zip", tmp_path / "out")
    with open(tmp_path / "out" / "labels.csv", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["file", "label_0", "label_1"]
    np.testing.assert_allclose(
        [[float(x) for x in row[1:]] for row in rows[1:]], numbers[[k for k in range(24) if k % 4]]
    )


@pytest.mark.parametrize("entries", [{}, {"dataset.json": '{"labels": null}'}, {"dataset.json": "{}"}])
def test_without_labels_there_is_no_table(tmp_path, entries):
    import_photos(packed(tmp_path / "d.zip", **{"a.png": png(), "b/readme.txt": "text"}, **entries), tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").rglob("*")) == ["a.png"]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_picture_that_is_there_twice_is_named(tmp_path):
    with ZipFile(tmp_path / "d.zip", "w") as archive:
        archive.writestr("a.png", png())
        archive.writestr("a.png", png())
    with pytest.raises(SceneshiftError, match=r"d\.zip holds a\.png twice"):
        import_photos(tmp_path / "d.zip", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("entries", "says"),
    [
        ({"readme.txt": "text"}, "holds no picture"),
        ({"../a.png": png()}, r"'\.\./a\.png' would lie outside"),
        ({"/a.png": png()}, r"'/a\.png' would lie outside"),
        ({"a.png": png(), "dataset.json": '{"labels": [["b.png", 1]]}'}, r"labels 'b\.png', which is not in the zip"),
        ({"a.png": png(), "dataset.json": '{"labels": [["a.png", "x"]]}'}, r"not labels as stylegan2-ada has them"),
        ({"a.png": png(), "dataset.json": '{"labels": [["a.png", true]]}'}, r"not labels as stylegan2-ada has them"),
        ({"a.png": png(), "dataset.json": "[}"}, r"d\.zip is damaged, or no zip"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_left(tmp_path, entries, says):
    with pytest.raises(SceneshiftError, match=says):
        import_photos(packed(tmp_path / "d.zip", **entries), tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["d.zip"]


def test_a_folder_given_as_a_zip_says_what_to_do(tmp_path):
    from sceneshift.images.finding import check_folder

    with pytest.raises(SceneshiftError, match=r"d\.zip is a file.*import-photos"):
        check_folder(packed(tmp_path / "d.zip", **{"a.png": png()}))
