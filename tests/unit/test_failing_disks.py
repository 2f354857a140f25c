"""A disk that fails in the middle of a write: one error that names the output, no traceback, no crash, nothing left."""

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sceneshift.latents.boundaries import load_boundary
from sceneshift.latents.store import LatentStoreWriter

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


def run(library, folder, after, number, *words):
    environment = os.environ | {
        "LD_PRELOAD": str(library), "FAILING_DISK": str(folder), "FAILS_AFTER": str(after), "FAILS_WITH": str(number),
    }  # fmt: skip
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
    done = run(library, folder, 200, number, *COMMANDS[name](folder / name, store))
    assert done.returncode == 1, done.stderr
    assert says in done.stderr
    assert str(folder / name.split(".")[0]) in done.stderr
    assert "Traceback" not in done.stderr
    assert [path.name for path in folder.rglob("*") if path.is_file() and "progress" not in path.name] == []


def test_a_disk_that_does_not_fail_gives_the_file(library, store, tmp_path):
    done = run(library, tmp_path / "failing", 10**9, errno.EIO, *COMMANDS["snow.npz"](tmp_path / "snow.npz", store))
    assert done.returncode == 0, done.stderr
    assert load_boundary(tmp_path / "snow.npz").attribute == "snow"
