"""A training in several processes, as the command starts it on CPUs: one result, and one voice when it fails."""

import json
import os
import subprocess
import sys
import time

import psutil
import pytest

from sceneshift.settings import PhotosSettings
from sceneshift.stages.prepare_photos import prepare_photos

TINY = {
    "z_dim": 8, "w_dim": 8, "mapping_layers": 2, "channel_base": 64, "channel_max": 4, "batch": 8, "images": 400,
    "snapshot_images": 80, "frechet_images": 0,
}  # fmt: skip


@pytest.fixture
def training(tmp_path):
    """Start a training of tiny networks on two threads, in a folder of `tmp_path`; further settings by name."""
    photos = tmp_path / "photos.h5"
    prepare_photos(None, photos, PhotosSettings(count=20, resolution=16), table=photos.with_suffix(".csv"), seed=0)

    def start(folder, **changes):
        words = [
            "train-generator",
            photos,
            tmp_path / folder / "g.safetensors",
            "--settings",
            json.dumps(TINY | changes),
        ]
        return subprocess.Popen(
            [sys.executable, "-m", "sceneshift", *words],
            env=os.environ | {"OMP_NUM_THREADS": "2"}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    return start


@pytest.mark.skipif(sys.platform != "linux", reason="one process elsewhere")
def test_two_threads_are_two_processes_which_a_kill_does_not_change(training, tmp_path):
    process = training("killed")
    while not (tmp_path / "killed" / "training" / "snapshot.pt").exists():
        assert process.poll() is None, process.stdout.read()
        time.sleep(0.05)
    workers = psutil.Process(process.pid).children()
    assert len(workers) == 2
    workers[1].kill()
    said, _ = process.communicate()
    assert process.returncode == 1
    assert "error: Process " in said
    assert "was killed (SIGKILL)" in said
    assert "Traceback" not in said
    again, whole = training("killed"), training("whole")
    said, _ = again.communicate()
    assert "Going on at" in said
    assert "2 processes with 4 images of a batch each" in said
    whole.communicate()
    assert (again.returncode, whole.returncode) == (0, 0)
    killed, expected = ((tmp_path / folder / "g.safetensors").read_bytes() for folder in ("killed", "whole"))
    assert killed == expected


@pytest.mark.skipif(sys.platform != "linux", reason="one process elsewhere")
def test_an_error_of_all_processes_is_said_once(training, tmp_path):
    process = training("broken", warm_start=str(tmp_path / "photos.h5"))
    said, _ = process.communicate()
    assert process.returncode == 1
    assert said.count("photos.h5 is not a whole .safetensors file") == 1
    assert said.count("error: ") == 1
