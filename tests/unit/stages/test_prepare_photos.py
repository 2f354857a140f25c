"""prepare_photos: what ends up in the store and in photos.csv."""

import csv
import shutil
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sceneshift.attributes.classes import classes_in
from sceneshift.images.reading import read_sized
from sceneshift.photos.held_out import held_out_among, is_held_out, masks_folder, png_names
from sceneshift.photos.store import PhotoStore
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.settings import PhotosSettings
from sceneshift.stages import prepare_photos as prepare
from sceneshift.stages.prepare_photos import prepare_photos
from sceneshift.streets import VISIBLE, draw_street, render_street


def settings(folder: Path, **changes) -> PhotosSettings:
    return PhotosSettings(**{"source": "folder", "folder": str(folder), "resolution": 32, "held_out": 0.3, **changes})


def run(folder: Path, out: Path, **changes) -> tuple[PhotoStore, dict[str, dict[str, str]]]:
    prepare_photos(None, out / "photos.h5", settings(folder, **changes), table=out / "photos.csv", seed=0)
    with open(out / "photos.csv", encoding="utf-8", errors="surrogateescape", newline="") as file:
        return PhotoStore(out / "photos.h5"), {row["file"]: row for row in csv.DictReader(file)}


street = cache(render_street)  # each is drawn once for all tests


@pytest.fixture
def folder(tmp_path) -> Path:
    for index in range(20):
        path = tmp_path / "photos" / ("town" if index % 2 else "village") / f"{index:02d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(street(0, index, (40, 48))).save(path)
    return tmp_path / "photos"


def test_a_folder_becomes_a_store_and_a_list(folder, tmp_path):
    Image.fromarray(street(0, 99, (40, 40))).save(folder / "top.jpg")
    store, rows = run(folder, tmp_path)
    with store:
        assert len(store) == len(rows) == 21
        assert store.resolution == 32
        assert store.crop == "center"
        assert store.folder == folder.resolve()
        assert store.attributes == ()
        assert store.labels is None
        assert set(store.names) == set(rows)
        for index, name in enumerate(store.names):
            np.testing.assert_array_equal(store.images([index])[0], read_sized(folder / name, (32, 32)).pixels)
            assert rows[name]["status"] == "taken"
            assert rows[name]["held_out"] == str(int(store.held_out[index]))
        assert rows["town/01.png"]["folder"] == "town"
        assert rows["top.jpg"]["folder"] == ""
        assert (rows["town/01.png"]["width"], rows["town/01.png"]["height"]) == ("48", "40")
        assert sorted([*store.train_indices, *store.held_out_indices]) == list(range(21))
        assert '"seed"' in store.provenance


def test_the_same_run_gives_the_same_bytes(folder, tmp_path):
    for name in ("first", "second"):
        prepare_photos(
            None, tmp_path / name / "photos.h5", settings(folder), table=tmp_path / name / "photos.csv", seed=0
        )
    for name in ("photos.h5", "photos.csv"):
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes()


def test_unusable_files_are_skipped_and_named(folder, tmp_path):
    (folder / "town" / "zero.jpg").write_bytes(b"")
    (folder / "town" / "notes.txt").write_text("no photo, no matter")
    store, rows = run(folder, tmp_path)
    assert len(store) == 20
    assert rows["town/zero.jpg"]["status"] == "skipped"
    assert "empty" in rows["town/zero.jpg"]["reason"]
    assert rows["town/zero.jpg"]["folder"] == "town"
    assert "town/notes.txt" not in rows
    assert "town/zero.jpg" not in store.names


def test_too_many_unusable_files_are_an_error_that_leaves_nothing(folder, tmp_path):
    for index in range(7):
        (folder / f"bad{index}.jpg").write_bytes(b"")
    with pytest.raises(SceneshiftError) as caught:
        run(folder, tmp_path)
    message = str(caught.value)
    for part in ("7 of 27", "max_skipped = 0.05", "bad0.jpg: empty", "and 2 more", "photos.skipped.csv"):
        assert part in message
    assert not (tmp_path / "photos.h5").exists()
    assert not (tmp_path / "photos.csv").exists()
    assert len((tmp_path / "photos.skipped.csv").read_text().splitlines()) == 8
    assert not list(tmp_path.glob(".photos*"))
    run(folder, tmp_path, max_skipped=0.3)
    assert not (tmp_path / "photos.skipped.csv").exists()


def test_no_usable_photo_names_folder_and_formats(tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_bytes(b"")
    with pytest.raises(SceneshiftError, match=r"no usable photo.*JPEG, PNG, WebP, BMP or TIFF") as caught:
        run(tmp_path / "photos", tmp_path, max_skipped=1.0)
    assert str(tmp_path / "photos") in str(caught.value)
    with pytest.raises(SceneshiftError, match="does not exist"):
        run(tmp_path / "nowhere", tmp_path)


def test_exact_duplicates_count_once_and_are_known_by_all_their_names(folder, tmp_path):
    shutil.copy(folder / "town" / "01.png", folder / "village" / "zz copy.png")
    store, rows = run(folder, tmp_path)
    assert len(store) == 20
    assert rows["village/zz copy.png"]["status"] == "duplicate"
    assert rows["village/zz copy.png"]["reason"] == "same bytes as town/01.png"
    assert store.duplicates == {"village/zz copy.png": store.names.index("town/01.png")}


def test_the_split_stays_when_photos_are_added(folder, tmp_path):
    _, before = run(folder, tmp_path / "before")
    for index in range(20, 40):
        Image.fromarray(street(0, index, (40, 40))).save(folder / "town" / f"a{index}.png")
    _, after = run(folder, tmp_path / "after")
    assert {row["held_out"] for row in before.values()} == {"0", "1"}
    for name, row in before.items():
        assert after[name]["held_out"] == row["held_out"]


def test_the_split_has_its_share_and_grows_with_it():
    names = [f"town/{index}.jpg" for index in range(5000)]
    tenth = {name for name in names if is_held_out(name, 0.1)}
    assert 430 < len(tenth) < 570
    assert tenth < {name for name in names if is_held_out(name, 0.2)}
    assert not any(is_held_out(name, 0.0) for name in names)
    assert all(is_held_out(name, 1.0) for name in names)


def test_nothing_left_to_train_on_is_an_error(folder, tmp_path):
    for path in sorted(folder.rglob("*.png"))[1:]:
        path.unlink()
    with pytest.raises(SceneshiftError, match=r"held_out = 0\.99.*no photo to train on"):
        run(folder, tmp_path, held_out=0.99)


def test_file_names_of_any_bytes_survive(folder, tmp_path):
    for name in ('straße, "1".png', "new\nline.png", b"latin-\xe9.png".decode("utf-8", "surrogateescape")):
        shutil.copy(folder / "town" / "01.png", folder / name)
        with open(folder / name, "ab") as file:
            file.write(name.encode("utf-8", "surrogateescape"))  # no duplicate
    store, rows = run(folder, tmp_path)
    assert len(store) == 23
    assert set(store.names) == set(rows)
    assert all((folder / name).exists() for name in store.names)


def test_rendered_streets_come_with_labels(tmp_path):
    rendered = PhotosSettings(source="rendered", count=30, resolution=32)
    prepare_photos(None, tmp_path / "photos.h5", rendered, table=tmp_path / "photos.csv", seed=7)
    with PhotoStore(tmp_path / "photos.h5") as store, open(tmp_path / "photos.csv", newline="") as file:
        rows = list(csv.DictReader(file))
        assert store.attributes == VISIBLE
        assert store.folder is None
        assert store.names[11] == rows[11]["file"] == "street-000011"
        for index in (0, 11, 29):
            street = draw_street(7, index, (32, 32))
            seen = {**street.labels, **{name: share**0.5 for name, share in street.content.items()}}
            np.testing.assert_array_equal(store.images([index])[0], street.picture)
            np.testing.assert_array_equal(store.labels[index], np.float32([seen[name] for name in VISIBLE]))
            assert float(rows[index]["greenery"]) == pytest.approx(seen["greenery"], abs=1e-4)
            assert store.held_out[index] == is_held_out(store.names[index], rendered.held_out)


def test_wide_streets_and_photos(folder, tmp_path):
    prepare_photos(
        None, tmp_path / "s.h5", PhotosSettings(count=5, resolution=16, width=36), table=tmp_path / "s.csv", seed=7
    )
    with PhotoStore(tmp_path / "s.h5") as store, open(tmp_path / "s.csv", newline="") as file:
        row = list(csv.DictReader(file))[3]
        assert (row["width"], row["height"]) == ("36", "16")
        np.testing.assert_array_equal(store.images([3])[0], render_street(7, 3, (16, 36)))
    store = run(folder, tmp_path, resolution=16, width=20)[0]
    np.testing.assert_array_equal(store.images([0])[0], read_sized(folder / store.names[0], (16, 20)).pixels)


def test_worker_processes_give_the_same_streets(tmp_path, monkeypatch):
    rendered = PhotosSettings(source="rendered", count=30, resolution=16)
    prepare_photos(None, tmp_path / "one.h5", rendered, table=tmp_path / "one.csv", seed=7)
    monkeypatch.setattr(prepare, "FEW_STREETS", 10)
    monkeypatch.setattr(prepare, "_cores", lambda: 2)
    prepare_photos(None, tmp_path / "two.h5", rendered, table=tmp_path / "two.csv", seed=7)
    assert (tmp_path / "one.h5").read_bytes() == (tmp_path / "two.h5").read_bytes()
    assert (tmp_path / "one.csv").read_bytes() == (tmp_path / "two.csv").read_bytes()


@pytest.mark.parametrize(("count", "fewest"), [(3, 0), (4, 1), (20, 5), (100, 5)])
def test_a_small_folder_holds_out_what_evaluation_needs(count, fewest):
    names = [f"town/{index}.jpg" for index in range(count)]
    assert held_out_among(names, 0.01).sum() == fewest
    assert not held_out_among(names, 0).any()
    assert (held_out_among(names, 0.5) >= [is_held_out(name, 0.5) for name in names]).all()


def test_too_few_photos_to_hold_one_out_are_refused(folder, tmp_path):
    for path in sorted(folder.rglob("*.png"))[3:]:
        path.unlink()
    with pytest.raises(SceneshiftError, match=r"held_out = 0\.01 holds out none of 3 photos.*at least four"):
        run(folder, tmp_path, held_out=0.01)
    assert len(run(folder, tmp_path, held_out=0)[1]) == 3


def test_twenty_photos_have_held_out_ones(folder, tmp_path):
    store, rows = run(folder, tmp_path, held_out=0.01)
    assert store.held_out.sum() == 5
    assert {name for name, row in rows.items() if row["held_out"] == "1"} == {
        store.names[index] for index in store.held_out_indices
    }


def test_a_split_above_the_classes_is_said(folder, tmp_path, capsys):
    for split in ("train", "val"):
        shutil.copytree(folder, tmp_path / "split" / split)
    run(tmp_path / "split", tmp_path)
    assert "has the subfolders train, val with the classes below them" in capsys.readouterr().err
    with pytest.raises(SceneshiftError, match=r"photos\.folder: .*Name one of them, .*split/train"):
        classes_in(tmp_path / "split", "photos.folder")
    run(folder, tmp_path)
    assert "classes below" not in capsys.readouterr().err


def test_what_cannot_be_opened_counts_as_skipped(folder, tmp_path):
    (folder / "lost").symlink_to("/nowhere")
    (folder / "town" / "up").symlink_to(folder)
    _, rows = run(folder, tmp_path, max_skipped=0.1)
    assert [name for name, row in rows.items() if row["status"] == "skipped"] == ["lost", "town/up"]
    assert "broken link" in rows["lost"]["reason"]
    with pytest.raises(SceneshiftError, match=r"2 of 22 files cannot be used"):
        run(folder, tmp_path)


def test_names_as_long_as_the_file_system_allows(folder, tmp_path):
    for length in (246, 255):
        shutil.copy(folder / "town" / "01.png", folder / f"{'a' * (length - 4)}.png")
        with open(folder / f"{'a' * (length - 4)}.png", "ab") as file:
            file.write(b"%d" % length)
    assert len(run(folder, tmp_path)[0]) == 22


def test_no_two_photos_have_one_output():
    names = ["b", "b.png", "b.jpg", "b.jpg.png", "b.jpg.png.png", "c.PNG"]
    written = png_names(names)
    assert len(set(written.values())) == len(names)
    assert all(name.lower().endswith(".png") for name in written.values())
    assert (written["b.jpg"], written["c.PNG"]) == ("b.jpg.png", "c.PNG")
    assert masks_folder(names) == "masks"
    assert masks_folder(["masks/a.png", "masks_/b.png"]) == "masks__"


def test_outputs_of_long_names_are_short_enough_for_the_file_system():
    names = [f"é/{'é' * 125}{digit}.jpg" for digit in "12"]  # 255 bytes
    written = list(png_names(names).values())
    assert written[0] != written[1]
    assert all(name.startswith("é/ééé") and name.endswith(".png") for name in written)
    assert all(len(name.split("/")[1].encode()) <= 255 for name in written)
    assert png_names(["n" * 251]) == {"n" * 251: "n" * 251 + ".png"}


def test_places_come_from_a_table_or_the_photo_itself(tmp_path):
    exif = Image.Exif()
    exif.get_ifd(0x8825).update({1: "N", 2: (59.0, 26.0, 13.0), 3: "E", 4: (24.0, 45.0, 12.0)})
    for number in range(5):
        pixels = np.random.default_rng(number).integers(0, 255, (40, 40, 3), dtype=np.uint8)
        (tmp_path / "photos").mkdir(exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / "photos" / f"{number}.jpg", exif=exif if number < 2 else Image.Exif())
    (tmp_path / "mly_pids.csv").write_text("id,lat,lon,captured_at\n1,1.3456789,103.77,1600000000000\n")
    _, rows = run(tmp_path / "photos", tmp_path, places=str(tmp_path / "mly_pids.csv"))
    found = {name: (row["latitude"], row["longitude"], row["time"]) for name, row in rows.items()}
    assert found["0.jpg"] == ("59.4369444", "24.7533333", "")
    assert found["1.jpg"] == ("1.3456789", "103.77", "2020-09-13T12:26:40+00:00")
    assert found["2.jpg"] == ("", "", "")
