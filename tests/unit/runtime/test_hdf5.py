"""Stores that name other files, claim what they do not hold, or refer to themselves: refused, and nothing is read."""

import gc
import resource
import subprocess
import sys

import h5py
import numpy as np
import pytest

from sceneshift.latents.store import LatentStore, LatentStoreWriter
from sceneshift.photos.store import PhotoStore, PhotoStoreWriter
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.settings import SynthesisSettings
from sceneshift.stages.index_synthesis import index_synthesis

ROWS = 4
FACTS = {"seed": 0, "stream": "synthesis", "truncation_psi": 0.7, "generator_sha256": "", "predictor_sha256": ""}


@pytest.fixture
def photos(tmp_path):
    """photos.h5, beside a secret that is large enough to be its pixels."""
    (tmp_path / "secret").write_bytes(b"secret" * 10_000)
    path = tmp_path / "photos.h5"
    with PhotoStoreWriter(path, (16, 16), crop="center", folder="", provenance="{}", attributes=["snow"]) as store:
        pixels = np.zeros((ROWS, 16, 16, 3), np.uint8)
        store.append(pixels, list("abcd"), [False] * ROWS, np.zeros((ROWS, 1), np.float32))
    return path


def latents(path, count=ROWS, start=0):
    with LatentStoreWriter(path, 4, ["snow"], FACTS | {"provenance": "{}"}) as store:
        store.append(np.arange(start, start + count), np.ones((count, 4)), np.ones((count, 1)), np.zeros((0, 1, 1, 3)))
    return path


@pytest.fixture
def index(tmp_path):
    """synthesis.h5 over two shards of four codes."""
    (tmp_path / "synthesis").mkdir()
    shards = [latents(tmp_path / "synthesis" / f"{k}.h5", start=ROWS * k) for k in range(2)]
    index_synthesis(shards, tmp_path / "synthesis.h5", SynthesisSettings())
    return tmp_path / "synthesis.h5"


def replaced(name, **options):
    """Put another dataset in the place of `name`, made with `options` of create_dataset."""

    def change(file):
        shape = options.get("shape", file[name].shape)
        dtype = options.get("dtype", file[name].dtype)
        names = file[name].attrs.get("attributes")
        del file[name]
        made = file.create_dataset(name, **{**options, "shape": shape, "dtype": dtype})
        if names is not None:
            made.attrs["attributes"] = names

    return change


def linked(link):
    def change(file):
        file.move("images", "pixels")
        file["images"] = link

    return change


def virtual(source):
    def change(file):
        shape = file["images"].shape
        del file["images"]
        layout = h5py.VirtualLayout(shape, np.uint8)
        layout[:] = h5py.VirtualSource(source, "images", shape)
        file.create_virtual_dataset("images", layout)

    return change


def repeated_text(file):
    """All names are one text of 40,000 bytes, which the file holds once."""
    del file["names"]
    file.create_dataset("names", shape=(ROWS,), chunks=(ROWS,), dtype=h5py.string_dtype())
    file["names"][0] = "x" * 40_000
    _, raw = file["names"].id.read_direct_chunk((0,))
    file["names"].id.write_direct_chunk((0,), raw[:16] * ROWS)


HOSTILE = {
    "external storage": (replaced("images", external=[("secret", 0, 10_000)]), "other files"),
    "external storage, absolute": (replaced("held_out", external=[("/etc/passwd", 0, 100)]), "other files"),
    "an external link": (linked(h5py.ExternalLink("other.h5", "/images")), "link to elsewhere"),
    "a soft link": (linked(h5py.SoftLink("/pixels")), "link to elsewhere"),
    "a virtual dataset": (virtual("other.h5"), "made of 1 other files, 0 are listed"),
    "a virtual dataset of itself": (virtual("."), "made of 1 other files, 0 are listed"),
    "a filter": (replaced("images", chunks=(ROWS, 16, 16, 3), compression="gzip"), "packed"),
    "rows without data": (replaced("images", shape=(2**31, 16, 16, 3), chunks=(1, 16, 16, 3)), "does not hold"),
    "some rows without data": (replaced("labels", chunks=(1, 1)), "does not hold"),
    "a huge chunk": (replaced("images", chunks=(2**12, 256, 256, 3), maxshape=(None,) * 4), "does not hold"),
    "another rank": (replaced("images", shape=(ROWS, 16, 16)), "not a dataset of 4 dimensions"),
    "a scalar": (replaced("names", shape=()), "not a dataset of 1 dimensions"),
    "other numbers": (replaced("images", dtype=np.float64), "of type float64, expected uint8"),
    "texts of one length": (replaced("names", dtype="S9"), "of type"),
    "numbers for names": (replaced("names", dtype=np.int64), "of type int64"),
    "a group": (lambda file: (file.move("images", "x"), file.create_group("images")), "not a dataset"),
    "a named type": (lambda file: (file.move("names", "x"), file.__setitem__("names", np.dtype("f4"))), "a dataset"),
    "one text many times": (repeated_text, "bytes of text that the file does not hold"),
    "gray pixels": (replaced("images", shape=(ROWS, 16, 16, 1), data=np.zeros((ROWS, 16, 16, 1))), "of shape"),
    "a list as its format": (lambda file: file.attrs.__setitem__("format", ["x", "y"]), "not a photo store"),
    "a list as its version": (lambda file: file.attrs.__setitem__("format_version", [1, 1]), "version None"),
    "a number as its folder": (lambda file: file.attrs.__setitem__("folder", 7), "attribute folder is"),
    "no provenance": (lambda file: file.attrs.__delitem__("provenance"), "attribute provenance is None"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_photo_store_is_refused_before_its_data_is_read(photos, name):
    change, says = HOSTILE[name]
    other = photos.with_name("other.h5")
    other.write_bytes(photos.read_bytes())
    with h5py.File(photos, "a") as file:
        change(file)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(SceneshiftError, match=says) as refusal:
        PhotoStore(photos)
    assert str(photos) in str(refusal.value)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kilobytes


@pytest.mark.parametrize("count", [2, 0])
def test_names_of_labels_are_as_many_as_labels(photos, count):
    with h5py.File(photos, "a") as file:
        file["labels"].attrs["attributes"] = np.array(["snow"] * count, h5py.string_dtype())
    with pytest.raises(SceneshiftError, match=r"photos\.h5.*names of shape"):
        _ = PhotoStore(photos).attributes


def shards_listed(listed):
    return lambda file: file.attrs.__setitem__("shards", listed)


def mapped(source, name="w"):
    """`w` of the index, virtual over `source` instead of its shards."""

    def change(file):
        del file["w"]
        layout = h5py.VirtualLayout((2 * ROWS, 4), np.float32)
        for k in range(2):
            layout[ROWS * k : ROWS * (k + 1)] = h5py.VirtualSource(source.format(k), name, (ROWS, 4))
        file.create_virtual_dataset("w", layout)

    return change


def itself(file):
    mapped("synthesis.h5")(file)
    file.attrs["shards"] = '[{"file": "synthesis.h5", "count": 4}, {"file": "synthesis.h5", "count": 4}]'


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (mapped("/etc/{}.h5"), "in a way that the list of shards does not say"),
        (mapped("other/{}.h5"), "in a way that the list of shards does not say"),
        (mapped("synthesis/{}.h5", "scores"), "in a way that the list of shards does not say"),
        (mapped("synthesis/0.h5"), "in a way that the list of shards does not say"),
        (itself, "made of 2 other files, 1 are listed"),
        (shards_listed('[{"file": "../x.h5", "count": 4}, {"file": "y.h5", "count": 4}]'), "does not say"),
        (shards_listed("[]"), "made of 2 other files, 0 are listed"),
        (shards_listed("{"), "truncated, damaged"),
        (shards_listed('{"a": 1}'), "truncated, damaged"),
        (shards_listed(7), "truncated, damaged"),
    ],
)
def test_an_index_reads_its_shards_and_nothing_else(index, change, says):
    with h5py.File(index, "a") as file:
        change(file)
    with pytest.raises(SceneshiftError, match=says) as refusal:
        LatentStore(index)
    assert str(index) in str(refusal.value)


def test_an_index_of_an_index_is_refused(index, tmp_path):
    (tmp_path / "below").mkdir()
    for name in ("synthesis.h5", "synthesis"):
        (tmp_path / name).rename(tmp_path / "below" / name)
    index_synthesis([tmp_path / "below" / "synthesis.h5"], tmp_path / "all.h5", SynthesisSettings())
    with pytest.raises(SceneshiftError, match="is an index itself"):
        LatentStore(tmp_path / "all.h5")


def test_shards_lie_below_their_index(tmp_path):
    shard = latents(tmp_path / "0.h5")
    with pytest.raises(SceneshiftError, match=r"0\.h5 does not lie below the folder of"):
        index_synthesis([shard], tmp_path / "elsewhere" / "synthesis.h5", SynthesisSettings())


FULL_DISK = """
import resource, sys, numpy as np
from sceneshift.cli import main
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), -1))
sys.exit(main(["prepare-photos", sys.argv[1], "--settings", '{"count": 60, "resolution": 64}']))
"""


@pytest.mark.parametrize("limit", [100, 5_000, 200_000])
def test_a_full_disk_is_one_error_without_traceback_or_crash(tmp_path, limit):
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, tmp_path / "photos.h5", str(limit)], capture_output=True, text=True
    )
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert "would be larger than this process may write" in done.stderr
    assert list(tmp_path.glob("*.h5")) == []


def test_a_store_that_failed_leaves_no_open_file(tmp_path):
    with (
        pytest.raises(ZeroDivisionError),
        PhotoStoreWriter(tmp_path / "a.h5", (16, 16), crop="center", folder="", provenance="") as store,
    ):
        store.append(np.zeros((1, 16, 16, 3), np.uint8), ["a"], [1 / 0])
    gc.collect()
    assert not h5py.h5f.get_obj_count(h5py.h5f.OBJ_ALL, h5py.h5f.OBJ_FILE)
