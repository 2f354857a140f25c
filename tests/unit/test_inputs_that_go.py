"""An input that is deleted while a command works: what has gone is named, the rest is done."""

import re

import numpy as np
import pytest
from PIL import Image

from sceneshift.pairs.dataset import PairsDataset
from sceneshift.photos.store import PhotoStore
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.settings import PhotosSettings
from sceneshift.stages import prepare_photos as preparing
from sceneshift.stages import translate as translating
from sceneshift.stages.prepare_photos import prepare_photos
from sceneshift.stages.translate import translate


@pytest.fixture
def folder(tmp_path):
    """Twenty photos."""
    (tmp_path / "photos").mkdir()
    for index in range(20):
        picture = np.full((32, 32, 3), index, np.uint8)
        Image.fromarray(picture).save(tmp_path / "photos" / f"{index:02}.png")
    return tmp_path / "photos"


def losing(find, name):
    """`find_photos`, and then one of the photos is deleted."""

    def found(folder, *arguments, **options):
        paths = list(find(folder, *arguments, **options))
        (folder / name).unlink(missing_ok=True)
        return iter(paths)

    return found


def test_a_photo_deleted_while_photos_are_prepared(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(preparing, "find_photos", losing(preparing.find_photos, "07.png"))
    prepare_photos(folder, tmp_path / "p.h5", PhotosSettings(resolution=32))
    assert "07.png,skipped,no longer there" in (tmp_path / "p.csv").read_text()
    with PhotoStore(tmp_path / "p.h5") as photos:
        assert len(photos.names) == 19


def test_a_photo_deleted_while_others_are_translated(folder, tmp_path, monkeypatch, make_translator):
    translator = make_translator()
    translate(translator, folder, tmp_path / "out")
    monkeypatch.setattr(translating, "find_photos", losing(translating.find_photos, "07.png"))
    done = translate(translator, folder, tmp_path / "out")
    assert (done.count, done.skipped, done.already) == (0, [("07.png", "no longer there")], 19)


def test_a_pair_deleted_while_a_translator_is_trained(tmp_path, monkeypatch):
    monkeypatch.setattr("sceneshift.pairs.dataset.IN_MEMORY_BYTES", 0)
    for side in ("train_A", "train_B"):
        (tmp_path / side).mkdir()
        for index in range(4):
            Image.fromarray(np.zeros((16, 16, 3), np.uint8)).save(tmp_path / side / f"{index}.png")
    pairs = PairsDataset(tmp_path)
    gone = tmp_path / "train_B" / "2.png"
    gone.unlink()
    with pytest.raises(SceneshiftError, match=rf"{re.escape(str(gone))} is not a whole picture \(no longer there\)"):
        pairs.batch(seed=0, seen=0, count=4)


def test_a_store_deleted_while_it_is_read(folder, tmp_path):
    prepare_photos(folder, tmp_path / "p.h5", PhotosSettings(resolution=32))
    with PhotoStore(tmp_path / "p.h5") as photos:
        (tmp_path / "p.h5").unlink()  # an open file stays until it is closed
        assert photos.images(range(3)).shape == (3, 32, 32, 3)
