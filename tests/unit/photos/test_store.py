"""The photo store: reads what was written, in any order and process, and says what is wrong with a broken one."""

import pickle
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import h5py
import numpy as np
import pytest

from sceneshift.photos.store import FORMAT, PhotoStore, PhotoStoreWriter
from sceneshift.runtime.errors import SceneshiftError


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (50, 16, 16, 3), dtype=np.uint8)


@pytest.fixture
def path(tmp_path, images):
    path = tmp_path / "photos.h5"
    with PhotoStoreWriter(
        path, (16, 16), crop="pad", folder="", provenance="{}", attributes=("snow", "clouds")
    ) as writer:
        for start in range(0, 50, 20):
            block = range(start, min(start + 20, 50))
            labels = np.array([[i / 50, 1 - i / 50] for i in block], np.float32)
            writer.append(images[start : start + 20], [f"{i}.jpg" for i in block], [i % 5 == 0 for i in block], labels)
    return path


def test_wide_photos_come_back_wide(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (2, 16, 28, 3), dtype=np.uint8)
    with PhotoStoreWriter(tmp_path / "p.h5", (16, 28), crop="pad", folder="", provenance="{}") as writer:
        writer.append(images, ["a", "b"], [False, True])
    with PhotoStore(tmp_path / "p.h5", resolution=16) as store:
        assert store.shape == (16, 28)
        np.testing.assert_array_equal(store.images([1, 0]), images[::-1])


def test_duplicates_are_read_as_written_and_older_stores_have_none(path, images, tmp_path):
    assert PhotoStore(path).duplicates == {}
    with PhotoStoreWriter(tmp_path / "p.h5", (16, 16), crop="pad", folder="", provenance="{}") as writer:
        writer.append(images[:2], ["a", "b"], [False, True])
        writer.append_duplicate("c\udcff", 1)  # a name need not be UTF-8
        writer.append_duplicate("d", 0)
    assert PhotoStore(tmp_path / "p.h5").duplicates == {"c\udcff": 1, "d": 0}
    with h5py.File(tmp_path / "p.h5", "r+") as file:
        file["duplicates_of"][0] = 2
    with pytest.raises(SceneshiftError, match="inconsistent"):
        _ = PhotoStore(tmp_path / "p.h5").duplicates


def test_reads_what_was_written(path, images):
    with PhotoStore(path, resolution=16) as store:
        assert len(store) == 50
        assert (store.resolution, store.width, store.shape) == (16, 16, (16, 16))
        np.testing.assert_array_equal(store.images([7, 3, 49, 3]), images[[7, 3, 49, 3]])
        np.testing.assert_array_equal(store.images(slice(10, 20)), images[10:20])
        assert store.images([]).shape == (0, 16, 16, 3)
        assert store.names[12] == "12.jpg"
        np.testing.assert_array_equal(store.held_out_indices, np.arange(0, 50, 5))
        assert len(store.train_indices) == 40
        assert store.attributes == ("snow", "clouds")
        np.testing.assert_allclose(store.labels[:, 0], np.arange(50) / 50, atol=1e-6)
        with pytest.raises(IndexError, match="0 to 49"):
            store.images([50])


def test_one_image_is_one_chunk(path):
    with h5py.File(path) as file:
        assert file["images"].chunks == (1, 16, 16, 3)


def test_serves_other_processes(path, images):
    store = PhotoStore(path)
    store.images([0])
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(store)).images([5]), images[[5]])
    with ProcessPoolExecutor(2, get_context("fork")) as pool:
        for index, got in zip(range(20), pool.map(store.images, [[i] for i in range(20)]), strict=True):
            np.testing.assert_array_equal(got[0], images[index])
    np.testing.assert_array_equal(store.images([1]), images[[1]])


def broken(path, message: str, **arguments) -> None:
    with pytest.raises(SceneshiftError, match=message) as caught:
        PhotoStore(path, **arguments)
    assert str(path) in str(caught.value)


def test_what_is_wrong_is_named(path, tmp_path):
    broken(tmp_path / "nowhere.h5", "does not exist")
    whole = path.read_bytes()
    (tmp_path / "cut.h5").write_bytes(whole[: len(whole) // 2])
    broken(tmp_path / "cut.h5", "truncated")
    (tmp_path / "text.h5").write_text("no HDF5")
    broken(tmp_path / "text.h5", r"not an HDF5 file \(by its content: text file;")
    broken(path, r"16 px, but 64 px are needed", resolution=64)
    with h5py.File(path, "a") as file:
        file.attrs["format_version"] = FORMAT.version + 1
    broken(path, f"version {FORMAT.version + 1}, this sceneshift reads {FORMAT.version}")
    with h5py.File(path, "a") as file:
        file.attrs["format"] = "sceneshift latents"
    broken(path, r"'sceneshift latents', expected 'sceneshift photos'")


def test_columns_of_different_length_are_named(path):
    with h5py.File(path, "a") as file:
        file["names"].resize(49, axis=0)
    broken(path, r"inconsistent.*'names': 49")
    with h5py.File(path, "a") as file:
        del file["held_out"]
    broken(path, "lacks held_out")
