"""Labels: what is unknown, missing, said twice or in another encoding; photos of several classes."""

import shutil

import numpy as np
import pytest
from PIL import Image

from sceneshift.photos.store import PhotoStore, PhotoStoreWriter
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.scoring.labels import labelled_photos

COUNT = 30


@pytest.fixture
def photos():
    return np.random.default_rng(0).integers(0, 256, (COUNT, 32, 32, 3), dtype=np.uint8)


@pytest.fixture
def store(tmp_path, photos):
    """Photos a/0.jpg … of which 3 is also known as b/copy.jpg, and 4 as b/of four.jpg."""
    with PhotoStoreWriter(tmp_path / "photos.h5", (32, 32), crop="center", folder="", provenance="{}") as writer:
        names = [f"{'a' if i < 20 else 'b'}/{i}.jpg" for i in range(COUNT)]
        writer.append(photos, names, np.arange(COUNT) % 5 == 0)
        writer.append_duplicate("b/copy.jpg", 3)
        writer.append_duplicate("b/of four.jpg", 4)
        writer.append_duplicate("unlabelled/copy.jpg", 5)
    with PhotoStore(tmp_path / "photos.h5") as opened:
        yield opened


def csv(tmp_path, rows, header="file,snow,late sun", encoding="utf-8"):
    path = tmp_path / "labels.csv"
    path.write_bytes("\r\n".join([header, *rows, ""]).encode(encoding))
    return path


def row(i, snow, sun):
    return f"{'a' if i < 20 else 'b'}/{i}.jpg,{snow},{sun}"


def test_blank_and_nan_cells_are_not_known(store, tmp_path):
    path = csv(tmp_path, [row(0, 1, ""), row(1, "nan", 0.5), row(2, " NA ", "NaN")])
    labelled = labelled_photos(path, (32, 32), store)
    assert labelled.attributes == ["snow", "late_sun"]
    np.testing.assert_array_equal(labelled.labels, np.array([[1, np.nan], [np.nan, 0.5], [np.nan] * 2], np.float32))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_spreadsheets_encodings_are_read(store, tmp_path, encoding):
    labelled = labelled_photos(csv(tmp_path, [row(0, 1, 0)], encoding=encoding), (32, 32), store)
    assert labelled.attributes == ["snow", "late_sun"]
    assert labelled.labels.tolist() == [[1, 0]]


def test_another_encoding_is_named_with_the_remedy(store, tmp_path):
    path = csv(tmp_path, [row(0, 1, 0), "a/Größe.jpg,1,0"], encoding="latin-1")
    with pytest.raises(SceneshiftError, match=r"labels\.csv is not UTF-8 text in line 3 .*Save it as a CSV in UTF-8"):
        labelled_photos(path, (32, 32), store)


def test_a_few_rows_on_photos_that_are_not_there_are_said_and_left_out(store, photos, tmp_path, capsys):
    rows = [row(i, i % 2, 0) for i in range(COUNT)]
    labelled = labelled_photos(csv(tmp_path, [*rows, "a/skipped.jpg,1,1"]), (32, 32), store)
    assert len(labelled.labels) == COUNT
    np.testing.assert_array_equal(labelled.images([3, 29]), photos[[3, 29]])
    np.testing.assert_array_equal(labelled.held_out, store.held_out)
    assert "labels.csv: 1 of 31 rows are on photos" in (said := capsys.readouterr().err)
    assert "'a/skipped.jpg' (line 32)" in said
    with pytest.raises(SceneshiftError, match=r"4 of 34 rows .*'w' \(line 32\), 'x' \(line 33\), 'y' \(line 34\), …"):
        labelled_photos(csv(tmp_path, [*rows, *(f"{name},1,1" for name in "wxyz")]), (32, 32), store)


def test_files_beside_the_csv_are_read_where_the_store_has_none_of_them(store, photos, tmp_path, capsys):
    for i in range(20):
        Image.fromarray(photos[i]).save(tmp_path / f"{i}.png")
    (tmp_path / "7.png").write_bytes(b"no picture")
    path = csv(tmp_path, [f"{i}.png,{i % 2},1" for i in range(20)])
    labelled = labelled_photos(path, (32, 32), store)
    assert len(labelled.labels) == 19
    np.testing.assert_array_equal(labelled.images([6, 7]), photos[[6, 8]])
    assert "'7.png' (line 9)" in capsys.readouterr().err
    assert len(labelled_photos(path, (32, 32), store, decode=False).labels) == 20
    with pytest.raises(SceneshiftError, match=r"1 of 20 rows .*max_missing"):
        labelled_photos(path, (32, 32), store, max_missing=0.01)


def test_rows_on_one_photo_add_up_and_contrary_ones_are_named(store, tmp_path):
    path = csv(tmp_path, [row(3, 1, ""), row(2, 0, 0), "b/copy.jpg,1,0.25", row(3, 1, 0.25)])
    assert labelled_photos(path, (32, 32), store).labels.tolist() == [[1, 0.25], [0, 0]]
    path = csv(tmp_path, [row(3, 1, ""), row(2, 0, 0), "b/copy.jpg,0,1"])
    with pytest.raises(SceneshiftError, match=r"contrary .*\n  'b/copy\.jpg': snow is 1 in line 2 and 0 in line 4"):
        labelled_photos(path, (32, 32), store)


def test_a_photo_in_several_classes_has_them_all(store):
    labelled = labelled_photos(store.path, None, store)
    assert labelled.attributes == ["a", "b"]
    expected = np.array([[i < 20, i >= 20] for i in range(COUNT)], np.float32)
    expected[[3, 4], 1] = 1
    np.testing.assert_array_equal(labelled.labels, expected)


def test_files_with_the_same_bytes_are_one_photo_of_all_their_classes(photos, tmp_path):
    folder = tmp_path / "classes"
    for i in range(20):
        name = folder / ("green" if i < 12 else "bare") / f"{i}.png"
        name.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(photos[i]).save(name)
    shutil.copytree(folder / "green", folder / "alive", copy_function=shutil.copy)  # contains all of green, and more
    shutil.copy(folder / "bare" / "15.png", folder / "alive")
    labelled = labelled_photos(folder, (32, 32))
    assert labelled.attributes == ["alive", "bare", "green"]
    assert len(labelled.labels) == 20
    assert labelled.labels.sum(0).tolist() == [13, 8, 12]
    (place,) = np.flatnonzero(labelled.labels[:, 0] * labelled.labels[:, 1])
    np.testing.assert_array_equal(labelled.images([place])[0], photos[15])
