"""Snapshots of a training come back as they were, or are refused in words."""

import os
import subprocess
import sys

import pytest
import torch

from sceneshift.runtime.errors import SceneshiftError
from sceneshift.training.snapshots import History, Snapshots, digest_of

STATE = {"weights": torch.arange(3.0), "images": 40, "optimiser": [{"step": torch.tensor(2)}], "note": "x"}


def test_what_was_saved_comes_back(tmp_path):
    Snapshots(tmp_path, "d").save(STATE)
    state = Snapshots(tmp_path, "d").load()
    assert torch.equal(state["weights"], STATE["weights"])
    assert state["images"] == 40
    assert torch.equal(state["optimiser"][0]["step"], torch.tensor(2))


def test_none_yet(tmp_path):
    assert Snapshots(tmp_path / "training", "d").load() is None


def test_set_aside_by_the_first_process_it_is_none_to_the_others(tmp_path):
    Snapshots(tmp_path, "d").save(STATE)
    assert Snapshots(tmp_path, "other", writes=False).load() is None
    assert (tmp_path / "snapshot.pt").exists()  # only the first moves it
    assert Snapshots(tmp_path, "other").load() is None
    assert Snapshots(tmp_path, "other", writes=False).load() is None


def test_other_settings_start_over_and_say_so(tmp_path, capsys):
    Snapshots(tmp_path, digest_of(images=10)).save(STATE)
    assert Snapshots(tmp_path, digest_of(images=20)).load() is None
    said = capsys.readouterr().err
    assert "starting over" in said
    aside = tmp_path / "snapshot.pt.set-aside"
    assert str(aside) in said
    aside.rename(tmp_path / "snapshot.pt")  # nothing is lost
    assert Snapshots(tmp_path, digest_of(images=10)).load()["images"] == 40


@pytest.mark.parametrize("keep", [0, 20, 600])
def test_a_truncated_snapshot_is_named(tmp_path, keep):
    snapshots = Snapshots(tmp_path, "d")
    snapshots.save(STATE)
    snapshots.path.write_bytes(snapshots.path.read_bytes()[:keep])
    with pytest.raises(SceneshiftError, match=r"snapshot\.pt.*Delete it"):
        snapshots.load()


def test_a_snapshot_that_would_run_code_is_refused(tmp_path):
    torch.save({"digest": "d", "state": os.system}, tmp_path / "snapshot.pt")
    with pytest.raises(SceneshiftError):
        Snapshots(tmp_path, "d").load()


def test_a_digest_is_of_the_meaning():
    assert digest_of(a=1, b=[2]) == digest_of(b=[2], a=1)
    assert digest_of(a=1) != digest_of(a=2)


def test_a_resumed_history_equals_an_uninterrupted_one(tmp_path):
    columns = ["images", "loss"]
    whole = History(tmp_path / "whole.csv", columns, 0)
    killed = History(tmp_path / "killed.csv", columns, 0)
    for images in (10, 20, 30):
        whole.append(images=images, loss=1 / images)
        killed.append(images=images, loss=1 / images)
    resumed = History(tmp_path / "killed.csv", columns, 20)  # the snapshot was at 20
    resumed.append(images=30, loss=1 / 30)
    assert (tmp_path / "killed.csv").read_text() == (tmp_path / "whole.csv").read_text()


def test_a_history_starts_over_with_the_training(tmp_path):
    History(tmp_path / "h.csv", ["images", "loss"], 0).append(images=10, loss=1.0)
    History(tmp_path / "h.csv", ["images", "loss"], 0).append(images=5)
    assert (tmp_path / "h.csv").read_text() == "images,loss\n5,\n"


def test_a_second_process_waits_for_the_first_to_end(tmp_path):
    script = (
        "import sys; from sceneshift.training.snapshots import Snapshots; Snapshots(sys.argv[1], 'd').save({'n': 1})"
    )
    first = Snapshots(tmp_path, "d")
    command = [sys.executable, "-c", script, str(tmp_path)]
    second = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert "waiting for it to end" in second.stderr.readline()
    assert not first.path.exists()
    first._lock.close()
    assert second.wait(60) == 0
    assert first.path.exists()
