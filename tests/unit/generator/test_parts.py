"""A batch in parts, over processes and over time: the training of the whole batch, to rounding."""

import hashlib
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from sceneshift.generator import state
from sceneshift.generator.networks import Discriminator, Synthesis, minibatch_deviation
from sceneshift.generator.state import State
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.settings import GeneratorSettings, PhotosSettings
from sceneshift.stages import train_generator as training
from sceneshift.stages.prepare_photos import prepare_photos
from sceneshift.training import distributed
from sceneshift.training.microbatches import MicroBatches, Part

TINY = {"z_dim": 8, "w_dim": 8, "mapping_layers": 2, "channel_base": 64, "channel_max": 8, "batch": 8}
LOSSES = ["loss_g", "loss_d", "r1", "path_length", "real_sign", "ada_p"]


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    path = tmp_path_factory.mktemp("photos") / "photos.h5"
    prepare_photos(None, path, PhotosSettings(count=40, resolution=16), table=path.with_suffix(".csv"), seed=0)
    return path


@pytest.fixture(autouse=True)
def strong_augmentation(monkeypatch):
    """ADA moves fast, so that the augmentations' draws count within a few steps."""
    monkeypatch.setattr(state, "FROM_SCRATCH", 200)


def settings(**changes):
    wanted = {"images": 160, "snapshot_images": 80, "precision": "float32", "ada_target": 0.0, "frechet_images": 0}
    return GeneratorSettings(**(TINY | wanted | changes))


def assert_same_training(one: Path, other: Path, tolerance: float) -> None:
    weights, others = load_file(one / "g.safetensors"), load_file(other / "g.safetensors")
    for name in weights:
        torch.testing.assert_close(weights[name], others[name], atol=tolerance, rtol=tolerance, msg=name)
    tables = [pd.read_csv(folder / "training" / "history.csv")[LOSSES].fillna(0) for folder in (one, other)]
    pd.testing.assert_frame_equal(*tables, rtol=tolerance, atol=tolerance)


@pytest.fixture
def train_in_two(in_processes, photos, monkeypatch):
    """Train in two processes; their moving averages must be the same bits."""

    def train(out, chosen):
        update = State.average

        def work(world, device):
            def noted(state, decay):
                update(state, decay)
                tensors = b"".join(t.numpy().tobytes() for t in state.g_ema.state_dict().values())
                digest = hashlib.sha256(tensors).hexdigest()
                out.with_name(f"rank{world.rank}").write_text(f"{state.images} {digest}")

            State.average = noted
            training.train_generator(photos, out, chosen, device=device, world=world)

        out.parent.mkdir(parents=True, exist_ok=True)
        in_processes(2, work)
        assert len({out.with_name(f"rank{rank}").read_text() for rank in range(2)}) == 1

    return train


def test_two_processes_train_as_one_and_take_over_from_each_other(photos, train_in_two, tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    training.train_generator(photos, one / "g.safetensors", settings())
    train_in_two(two / "g.safetensors", settings())
    assert_same_training(one, two, 1e-4)
    assert pd.read_csv(two / "training" / "history.csv")["ada_p"].iloc[-1] > 0.2
    training.train_generator(photos, one / "g.safetensors", settings(images=240))
    training.train_generator(photos, two / "g.safetensors", settings(images=200))
    train_in_two(two / "g.safetensors", settings(images=240))
    weights, others = load_file(one / "g.safetensors"), load_file(two / "g.safetensors")
    assert max((weights[name] - others[name]).abs().max() for name in weights) < 1e-3


def memory_for(images, monkeypatch):
    """A machine whose memory holds so many images at a time."""
    for network in (Discriminator, Synthesis):

        def forward(self, x, *rest, original=network.forward, **named):
            if len(x) > images:
                raise torch.OutOfMemoryError(f"no room for {len(x)}")
            return original(self, x, *rest, **named)

        monkeypatch.setattr(network, "forward", forward)


def test_out_of_memory_goes_on_in_parts_with_the_same_losses(photos, tmp_path, monkeypatch, capsys):
    chosen = settings(batch=16)
    training.train_generator(photos, tmp_path / "a" / "g.safetensors", chosen)
    monkeypatch.setattr(training, "draw_samples", lambda *_: None)  # more images than the memory below holds
    memory_for(4, monkeypatch)
    training.train_generator(photos, tmp_path / "b" / "g.safetensors", chosen)
    assert_same_training(tmp_path / "a", tmp_path / "b", 1e-4)
    said = capsys.readouterr().err
    assert re.findall(r"with (\d+) images at a time: going on with (\d+)", said) == [("16", "8"), ("8", "4")]


def test_memory_for_less_than_a_group_is_an_error_with_advice(photos, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "draw_samples", lambda *_: None)
    memory_for(3, monkeypatch)
    with pytest.raises(SceneshiftError, match=r"Out of memory with 4 images at a time.*Train smaller"):
        training.train_generator(photos, tmp_path / "g.safetensors", settings())


def test_strided_parts_hold_whole_groups():
    x = torch.randn(24, 3, 4, 4)
    whole = minibatch_deviation(x)
    for count in (2, 3, 6):
        for index in range(count):
            part = Part(index, count)
            torch.testing.assert_close(minibatch_deviation(part.of(x)), part.of(whole))


def test_parts_within_a_process_are_parts_of_the_batch():
    batch = torch.arange(48)
    seen = []
    for rank in range(2):
        batches = MicroBatches(distributed.World(rank, 2), 48, group=4)
        batches.parts = 3
        held = batches.own.of(batch)
        for part in batches.each(torch.Generator(), lambda part: part):
            assert part.of_own(held).tolist() == part.of(batch).tolist()
            seen += part.of(batch).tolist()
    assert sorted(seen) == batch.tolist()


def test_one_process_asked_to_stop_stops_all_with_a_snapshot(photos, tmp_path):
    out = tmp_path / "g.safetensors"
    chosen = settings(images=10**6, snapshot_images=8).model_dump_json(by_alias=True)
    command = [sys.executable, "-m", "sceneshift", "train-generator", str(photos), str(out), "--settings", chosen]
    environment = os.environ | {"PYTHONPATH": str(Path(training.__file__).parents[2])}
    launcher = subprocess.Popen(
        [*command, "--device", "cpu", "--gpus", "2"],
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    snapshot = tmp_path / "training" / "snapshot.pt"
    deadline = time.monotonic() + 120
    while not snapshot.exists() and launcher.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    workers = Path(f"/proc/{launcher.pid}/task/{launcher.pid}/children").read_text().split()
    os.kill(int(workers[-1]), signal.SIGTERM)
    said, _ = launcher.communicate(timeout=60)
    assert launcher.returncode == 143, said
    assert "all 2 processes stopped, since one of them was asked to" in said
    stopped = set(re.findall(r"stopped after ([\d,]+) of 1,000,000 images", said))
    assert len(stopped) == 1
    assert torch.load(snapshot, weights_only=True)["state"]["images"] == int(stopped.pop().replace(",", ""))


def test_a_batch_that_does_not_split_is_named():
    with pytest.raises(ValueError, match=r"batch is 20, but .* and 4 gpus share it.* multiple of 16: 16 or 32"):
        GeneratorSettings(batch=20, gpus=4)
    assert GeneratorSettings(batch=32, gpus=4).gpus == 4


@pytest.mark.parametrize(("batch", "nearest"), [(5, "4 or 8"), (6, "4 or 8"), (10, "8 or 12"), (30, "28 or 32")])
def test_a_batch_without_whole_groups_is_named(batch, nearest):
    with pytest.raises(ValueError, match=rf"batch is {batch}, but .* in groups of 4, so .* multiple of 4: {nearest}"):
        GeneratorSettings(batch=batch)


@pytest.mark.parametrize("batch", [1, 2, 3, 4, 8, 28])
def test_a_batch_of_whole_groups_or_of_less_than_one_is_fine(batch):
    assert GeneratorSettings(batch=batch).batch == batch
