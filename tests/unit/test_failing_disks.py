"""Disks that fail and disks that are slow: one error that names the file, no traceback, no crash, nothing left.

A library that is loaded before all others stands for a file system: mounting one needs FUSE and a privilege, which
containers and build machines seldom give.
"""

import errno
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sceneshift.latents.store import LatentStoreWriter
from sceneshift.photos.store import PhotoStore
from sceneshift.settings import BoundariesSettings
from sceneshift.stages.fit_boundary import fit_boundary
from sceneshift.streets import render_street

SOURCE = Path(__file__).parents[1] / "failing_disk.c"
GENERATOR = Path(__file__).parents[2] / "resources" / "streets64.safetensors"

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or not shutil.which("cc"), reason="needs Linux and a C compiler"
)


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    made = tmp_path_factory.mktemp("failing") / "failing_disk.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", made, SOURCE, "-ldl"], check=True)
    return made


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    path = tmp_path_factory.mktemp("store") / "synthesis.h5"
    facts = {"seed": 0, "stream": "synthesis", "truncation_psi": 0.7, "provenance": "{}"}
    facts |= {"generator_sha256": "", "predictor_sha256": ""}
    with LatentStoreWriter(path, 4, ["snow"], facts) as made:
        w = np.random.default_rng(0).normal(size=(2000, 4))
        made.append(np.arange(2000), w, w[:, :1], np.zeros((0, 1, 1, 3)))
    return path


def run(library, folder, *words, **disk):
    """The command, over a disk of which failing_disk.c says what `disk` can be."""
    environment = os.environ | {"LD_PRELOAD": str(library), "FAILING_DISK": str(folder)}
    environment |= {name.upper(): str(value) for name, value in disk.items()}
    command = [sys.executable, "-m", "sceneshift", *map(str, words)]
    return subprocess.run(command, env=environment, capture_output=True, text=True)


COMMANDS = {
    "photos.h5": lambda out, store: ["prepare-photos", out, "--settings", '{"count": 40, "resolution": 64}'],
    "generator.safetensors": lambda out, store: ["import-generator", GENERATOR, out],
    "snow.npz": lambda out, store: ["fit-boundary", store, "snow", out],
}


@pytest.mark.parametrize(
    ("name", "number", "says"),
    [
        ("photos.h5", errno.EIO, "the disk or the network drive failed"),
        ("generator.safetensors", errno.EIO, "the disk or the network drive failed"),
        ("snow.npz", errno.EIO, "the disk or the network drive failed"),
        ("snow.npz", errno.ESTALE, "the network drive has lost the file"),
    ],
)
def test_an_output_that_cannot_be_written_is_one_error(library, store, tmp_path, name, number, says):
    folder = tmp_path / "failing"
    folder.mkdir()
    done = run(library, folder, *COMMANDS[name](folder / name, store), fails_after=200, fails_with=number)
    assert done.returncode == 1, done.stderr
    assert says in done.stderr
    assert str(folder / name.split(".")[0]) in done.stderr
    assert "Traceback" not in done.stderr
    assert [path.name for path in folder.rglob("*") if path.is_file() and "progress" not in path.name] == []


def test_a_slow_disk_gives_the_same_file(library, store, tmp_path):
    began = time.monotonic()
    done = run(library, tmp_path, *COMMANDS["snow.npz"](tmp_path / "snow.npz", store), slow_ms=100)
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - began > 0.2
    fit_boundary(store, "snow", tmp_path / "again.npz", BoundariesSettings())
    assert (tmp_path / "snow.npz").read_bytes() == (tmp_path / "again.npz").read_bytes()


def test_a_store_on_a_disk_that_fails_is_named(library, store, tmp_path):
    copy = shutil.copy(store, tmp_path / "synthesis.h5")
    done = run(library, tmp_path, "fit-boundary", copy, "snow", tmp_path / "snow.npz", unreadable="synthesis.h5")
    assert done.returncode == 1, done.stderr
    assert str(copy) in done.stderr
    assert "the disk or the network drive failed" in done.stderr
    assert "Traceback" not in done.stderr


def test_one_photo_on_a_disk_that_fails_does_not_stop_the_others(library, tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for index in range(20):
        Image.fromarray(render_street(0, index, (64, 64))).save(folder / f"{index:02}.jpg")
    settings = '{"resolution": 64}'
    done = run(
        library, folder, "prepare-photos", folder, tmp_path / "p.h5", "--settings", settings, unreadable="07.jpg"
    )
    assert done.returncode == 0, done.stderr
    assert "07.jpg,skipped,the disk or the network drive failed: check it" in (tmp_path / "p.csv").read_text()
    with PhotoStore(tmp_path / "p.h5") as photos:
        assert len(photos.names) == 19
