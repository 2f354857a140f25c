"""Snapshots of a training come back as they were, or are refused in words."""

import io
import os
import subprocess
import sys
from dataclasses import dataclass

import pytest
import torch

from sceneshift.runtime.errors import SceneshiftError
from sceneshift.training.snapshots import Snapshots, TrainingState, digest_of


@dataclass
class State(TrainingState):
    network: torch.nn.Linear
    optimizer: torch.optim.Adam
    mean: torch.Tensor
    images: int = 0


def fresh():
    network = torch.nn.Linear(3, 2)
    return State(network, torch.optim.Adam(network.parameters()), torch.zeros([]))


def trained():
    torch.manual_seed(0)
    state = fresh()
    state.network(torch.ones(1, 3)).sum().backward()
    state.optimizer.step()
    state.mean, state.images = torch.tensor(0.25), 40
    return state


def test_what_was_saved_comes_back(tmp_path):
    saved, state = trained(), fresh()
    Snapshots(tmp_path, "d").save(saved)
    assert Snapshots(tmp_path, "d").restore(state, images=40)
    assert torch.equal(state.network.weight, saved.network.weight)
    moments = [s.optimizer.state_dict()["state"][0]["exp_avg"] for s in (state, saved)]
    assert torch.equal(*moments)
    assert (state.images, float(state.mean)) == (40, 0.25)


def test_none_yet(tmp_path):
    state = fresh()
    assert not Snapshots(tmp_path / "training", "d").restore(state, images=40)
    assert state.images == 0


def test_set_aside_by_the_first_process_it_is_none_to_the_others(tmp_path):
    Snapshots(tmp_path, "d").save(trained())
    assert not Snapshots(tmp_path, "other", writes=False).restore(fresh(), images=40)
    assert (tmp_path / "snapshot.pt").exists()  # only the first moves it
    assert not Snapshots(tmp_path, "other").restore(fresh(), images=40)
    assert not Snapshots(tmp_path, "other", writes=False).restore(fresh(), images=40)


def test_other_settings_start_over_and_say_so(tmp_path, capsys):
    Snapshots(tmp_path, digest_of(images=10)).save(trained())
    assert not Snapshots(tmp_path, digest_of(images=20)).restore(fresh(), images=40)
    said = capsys.readouterr().err
    assert "starting over" in said
    aside = tmp_path / "snapshot.pt.set-aside"
    assert str(aside) in said
    aside.rename(tmp_path / "snapshot.pt")  # nothing is lost
    assert Snapshots(tmp_path, digest_of(images=10)).restore(fresh(), images=40)


def saved(**content):
    file = io.BytesIO()
    torch.save(content, file)
    return file.getvalue()


def flipped(content):
    """One bit of a weight."""
    place = content.index(trained().network.weight.detach().numpy().tobytes())
    return content[:place] + bytes([content[place] ^ 64]) + content[place + 1 :]


PARTS = fresh().state_dict()
DAMAGE = {
    "empty": lambda _: b"",
    "cut": lambda content: content[: len(content) // 2],
    "flipped": flipped,
    "text": lambda _: b"images,loss\n",
    "another thing": lambda _: saved(weights=torch.zeros(3)),
    "no dict": lambda _: saved(digest="d", state=[1, 2]),
    "code": lambda _: saved(digest="d", state=os.system),
    "a part lacks": lambda _: saved(digest="d", state={n: v for n, v in PARTS.items() if n != "optimizer"}),
    "other shapes": lambda _: saved(digest="d", state=PARTS | {"network": torch.nn.Linear(4, 2).state_dict()}),
    "another kind": lambda _: saved(digest="d", state=PARTS | {"mean": "high"}),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_snapshot_stays_where_it_is_and_is_named(tmp_path, kind):
    snapshots = Snapshots(tmp_path, "d")
    snapshots.save(trained())
    snapshots.path.write_bytes(DAMAGE[kind](snapshots.path.read_bytes()))
    with pytest.raises(SceneshiftError, match=r"snapshot\.pt cannot be read (?s:.)*move it away to start"):
        snapshots.restore(fresh(), images=40)
    assert snapshots.path.exists()


def test_a_digest_is_of_the_meaning():
    assert digest_of(a=1, b=[2]) == digest_of(b=[2], a=1)
    assert digest_of(a=1) != digest_of(a=2)


def test_a_second_process_waits_for_the_first_to_end(tmp_path):
    script = (
        "import sys; from sceneshift.training.snapshots import Snapshots, TrainingState; "
        "Snapshots(sys.argv[1], 'd').save(TrainingState())"
    )
    first = Snapshots(tmp_path, "d")
    command = [sys.executable, "-c", script, str(tmp_path)]
    second = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert "waiting for it to end" in second.stderr.readline()
    assert not first.path.exists()
    first._lock.close()
    assert second.wait(60) == 0
    assert first.path.exists()
