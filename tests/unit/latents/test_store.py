"""Broken stores are refused by name, with what was found and what was expected."""

import time

import h5py
import numpy as np
import pytest

from sceneshift.latents.store import LatentStore, LatentStoreWriter
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.settings import SynthesisSettings
from sceneshift.stages.index_synthesis import index_synthesis

ATTRS = {
    "seed": 0,
    "stream": "synthesis",
    "truncation_psi": 0.7,
    "generator_sha256": "g",
    "predictor_sha256": "p",
    "provenance": "{}",
}


def written(path, count=20, w_dim=4, attributes=("snow", "clouds")):
    with LatentStoreWriter(path, w_dim, attributes, ATTRS) as store:
        random = np.random.default_rng(0)
        w, scores = random.normal(size=(count, w_dim)), random.normal(size=(count, len(attributes)))
        store.append(np.arange(count), w, scores, np.zeros((0, 2, 2, 3), np.uint8))
    return path


def test_unknown_attribute_lists_the_known_ones(tmp_path):
    with LatentStore(written(tmp_path / "s.h5")) as store, pytest.raises(SceneshiftError, match="snow, clouds"):
        store.column("fog")


def test_truncated_missing_or_other_files_are_named(tmp_path):
    path = written(tmp_path / "s.h5")
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(SceneshiftError, match=r"s\.h5 is truncated"):
        LatentStore(path)
    with pytest.raises(SceneshiftError, match="does not exist"):
        LatentStore(tmp_path / "none.h5")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = 1
    with pytest.raises(SceneshiftError, match="is not a latent store"):
        LatentStore(tmp_path / "other.h5")


def test_other_format_version_names_both(tmp_path):
    path = written(tmp_path / "s.h5")
    with h5py.File(path, "a") as file:
        file.attrs["format_version"] = 7
    with pytest.raises(SceneshiftError, match=r"version 7, this sceneshift reads 1"):
        LatentStore(path)


def test_shards_of_other_dimensions_name_both(tmp_path):
    shards = [written(tmp_path / "a.h5"), written(tmp_path / "b.h5", w_dim=6)]
    with pytest.raises(SceneshiftError, match=r"a\.h5 and .*b\.h5 .*w_dim is 4 in the one and 6 in the other"):
        index_synthesis(shards, tmp_path / "index.h5", SynthesisSettings())
    assert not (tmp_path / "index.h5").exists()


def test_equal_indexes_give_equal_bytes_at_any_time(tmp_path):
    shards = [written(tmp_path / "a.h5"), written(tmp_path / "b.h5")]
    index_synthesis(shards, tmp_path / "one.h5", SynthesisSettings())
    time.sleep(1.1)  # HDF5 counts whole seconds
    index_synthesis(shards, tmp_path / "other.h5", SynthesisSettings())
    assert (tmp_path / "one.h5").read_bytes() == (tmp_path / "other.h5").read_bytes()


def test_missing_or_changed_shard_is_an_error_not_zeros(tmp_path):
    shards = [written(tmp_path / "a.h5"), written(tmp_path / "b.h5")]
    index_synthesis(shards, tmp_path / "index.h5", SynthesisSettings())
    with LatentStore(tmp_path / "index.h5") as store:
        assert len(store) == 40
    written(shards[1], count=10)
    with pytest.raises(SceneshiftError, match=r"b\.h5 had 20 codes; now it has 10"):
        LatentStore(tmp_path / "index.h5")
    shards[1].unlink()
    with pytest.raises(SceneshiftError, match=r"b\.h5 does not exist"):
        LatentStore(tmp_path / "index.h5")
