"""Translators learn known edits, resume bit for bit, and stop with a reason."""

import dataclasses
import os
import signal

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from sceneshift.images.pixels import rounded
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.interruption import Interrupted
from sceneshift.settings import TranslatorSettings
from sceneshift.stages import train_translator as training
from sceneshift.stages.train_translator import train_translator
from sceneshift.training.snapshots import Snapshots
from sceneshift.translator import load_translator
from sceneshift.translator.architecture import architecture
from sceneshift.translator.checkpoints import read_translator, save_translator
from sceneshift.translator.losses import LOSSES
from sceneshift.translator.perceptual import perceptual_stages
from sceneshift.translator.state import new_networks
from sceneshift.translator.steps import Losses, learning_rate

TINY = TranslatorSettings(
    images=72, batch=5, width=4, downsamplings=1, blocks=1, discriminators=1, perceptual=0, snapshot_images=20
)


def write_pairs(folder, edit, count=12, size=16, seed=0):
    """Smooth random pictures in train_A, `edit`ed ones in train_B."""
    random = np.random.default_rng(seed)
    for side in ("train_A", "train_B"):
        (folder / side).mkdir(parents=True)
    for i in range(count):
        colors = random.integers(0, 256, (4, 4, 3)).astype(np.uint8)
        photo = Image.fromarray(colors).resize((size, size), Image.Resampling.BICUBIC)
        photo.save(folder / "train_A" / f"{i:06d}.png")
        Image.fromarray(edit(np.asarray(photo))).save(folder / "train_B" / f"{i:06d}.png")
    return folder


def darker(photo):
    return (photo * 0.5).astype(np.uint8)


@pytest.fixture
def pairs(tmp_path):
    return write_pairs(tmp_path / "pairs", darker)


def train(pairs, out, settings=TINY, seed=0):
    path = out / "translator.safetensors"
    train_translator(pairs, path, settings, seed=seed, device="cpu")
    return path.read_bytes()


def assert_same_weights(one, other):
    weights, others = load_file(one / "translator.safetensors"), load_file(other / "translator.safetensors")
    differences = {name: float((weights[name] - others[name]).abs().max()) for name in weights}
    # biases before a norm change nothing, so that their gradients are rounding errors, which Adam scales up
    assert max(value for name, value in differences.items() if not name.endswith("bias")) < 1e-4, differences
    rows = [(folder / "training" / "history.csv").read_text().splitlines()[-1].split(",") for folder in (one, other)]
    np.testing.assert_allclose(*(np.array(row[:-1], float) for row in rows), rtol=1e-3)


@pytest.fixture
def steps(monkeypatch):
    """Every call that computes gradients: its `share`. `steps.before` is called first."""

    class Steps(list):
        before = staticmethod(lambda losses, photos: None)
        original = staticmethod(Losses.gradients)

    steps = Steps()

    def gradients(losses, photos, targets, share):
        steps.append(share)
        steps.before(losses, photos)
        return steps.original(losses, photos, targets, share)

    monkeypatch.setattr(Losses, "gradients", gradients)
    return steps


def test_two_processes_train_as_one(pairs, in_processes, tmp_path):
    settings = TINY.model_copy(update={"batch": 4, "images": 78, "precision": "float32"})  # the last batch has two
    train(pairs, tmp_path / "one", settings)
    out = tmp_path / "two" / "translator.safetensors"
    in_processes(2, lambda world, device: train_translator(pairs, out, settings, seed=0, device=device, world=world))
    assert_same_weights(tmp_path / "one", tmp_path / "two")


def test_out_of_memory_goes_on_in_parts(pairs, tmp_path, steps, capsys):
    settings = TINY.model_copy(update={"batch": 4, "images": 75, "precision": "float32"})  # the last batch has three
    train(pairs, tmp_path / "one", settings)

    def with_room_for_one(losses, photos):
        if len(photos) > 1:
            raise torch.OutOfMemoryError("no room")

    steps.before = with_room_for_one
    train(pairs, tmp_path / "parts", settings)
    assert_same_weights(tmp_path / "one", tmp_path / "parts")
    assert "Out of memory with 2 images at a time: going on with 1, 4 times a step" in capsys.readouterr().err


def test_a_length_that_does_not_split_is_named():
    with pytest.raises(ValueError, match="images is 75, but 2 gpus share it"):
        TranslatorSettings(batch=4, images=75, gpus=2)


class Killed(BaseException):
    """Stands for kill -9: nothing in the code may catch it."""


@pytest.mark.parametrize("kill_at", [1, 2, 3])
def test_killed_at_any_snapshot_ends_with_the_same_weights(pairs, tmp_path, monkeypatch, steps, kill_at):
    uninterrupted = train(pairs, tmp_path / "whole")
    steps.clear()
    saved, save = [], Snapshots.save

    def counted(self, state):
        save(self, state)
        saved.append(state.images)

    def killed_two_steps_after(losses, photos):
        if len(saved) >= kill_at and len(steps) % 2:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Snapshots, "save", counted)
        patch.setattr(steps, "before", killed_two_steps_after)
        with pytest.raises(Killed):
            train(pairs, tmp_path / "killed")
    assert len(saved) == kill_at
    steps.clear()
    assert train(pairs, tmp_path / "killed") == uninterrupted
    assert len(steps) == 15 - 4 * kill_at  # 72 pairs in steps of 5, less the 20 before each snapshot
    assert history_without_rates(tmp_path / "whole") == history_without_rates(tmp_path / "killed")


def history_without_rates(folder):
    return [row.rsplit(",", 1)[0] for row in (folder / "training" / "history.csv").read_text().split()]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_asked_to_stop_it_saves_where_it_is_and_goes_on_there(pairs, tmp_path, steps, capsys, number):
    uninterrupted = train(pairs, tmp_path / "whole")
    steps.clear()

    def asked_to_stop(losses, photos):
        if len(steps) == 6:
            os.kill(os.getpid(), number)

    steps.before = asked_to_stop
    with pytest.raises(Interrupted, match="after 30 of 72"):
        train(pairs, tmp_path / "stopped")
    assert "Training from scratch: translator" in capsys.readouterr().out
    assert train(pairs, tmp_path / "stopped") == uninterrupted
    assert capsys.readouterr().out.startswith("Going on at 30 of 72 images: translator")
    assert len(steps) == 15  # 72 pairs in steps of 5, none twice
    assert history_without_rates(tmp_path / "whole") == history_without_rates(tmp_path / "stopped")


def test_other_seed_settings_or_code_start_over(pairs, tmp_path, monkeypatch, capsys):
    first = train(pairs, tmp_path)
    other_seed = train(pairs, tmp_path, seed=1)
    assert "starting over" in capsys.readouterr().err
    other_settings = train(pairs, tmp_path, TINY.model_copy(update={"pixel": 1.0, "images": 40}))
    assert "starting over" in capsys.readouterr().err
    assert [p.name for p in sorted((tmp_path / "training").glob("*.png"))] == [
        "samples-000020.png",
        "samples-000040.png",
    ]
    assert len({first, other_seed, other_settings}) == 3
    monkeypatch.setattr(training, "code_version", lambda module: f"{module}, changed")
    train(pairs, tmp_path)
    assert "starting over" in capsys.readouterr().err


def test_without_mirroring_it_starts_over_and_pairs_are_shown_as_they_are(pairs, tmp_path, steps, capsys):
    train(pairs, tmp_path)
    shown = {np.asarray(Image.open(path)).tobytes() for path in (pairs / "train_A").iterdir()}

    def as_they_are(losses, photos):
        assert {photo.tobytes() for photo in rounded(photos.clone())} <= shown

    steps.before = as_they_are
    train_translator(pairs, tmp_path / "translator.safetensors", TINY, mirror=False)
    assert "starting over" in capsys.readouterr().err


def test_finished_training_run_again_gives_the_same_file_at_once(pairs, tmp_path, steps):
    first = train(pairs, tmp_path)
    steps.clear()
    assert train(pairs, tmp_path) == first
    assert not steps


def test_the_arithmetic_that_auto_comes_to_does_not_start_over(pairs, tmp_path, steps, monkeypatch):
    train(pairs, tmp_path)
    steps.clear()
    monkeypatch.setattr("sceneshift.runtime.devices.has_fast_bfloat16", lambda device: False)
    train(pairs, tmp_path)
    assert not steps


class WithSpread(TranslatorSettings):
    spread: float = 0.0


def test_a_new_loss_is_its_function_and_its_weight(pairs, tmp_path, monkeypatch):
    monkeypatch.setitem(LOSSES, "spread", lambda judged: judged.edited.var())
    plain = train(pairs, tmp_path / "off", WithSpread(**TINY.model_dump()))
    assert train(pairs, tmp_path / "on", WithSpread(**TINY.model_dump() | {"spread": 0.1})) != plain
    assert "spread" in (tmp_path / "on" / "training" / "history.csv").read_text().split()[0]
    monkeypatch.setitem(LOSSES, "spread", lambda judged: judged.edited.var() * float("nan"))
    with pytest.raises(SceneshiftError, match=r"Training went wrong: .*spread.* not finite at 20 images"):
        train(pairs, tmp_path / "nan", WithSpread(**TINY.model_dump() | {"spread": 0.1}))


@pytest.mark.parametrize("head", ["edit", "image"])
def test_a_known_edit_is_learned(tmp_path, head):
    pairs = write_pairs(tmp_path / "pairs", darker, count=40)
    settings = TINY.model_copy(
        update={"images": 1600, "batch": 8, "width": 8, "head": head, "learning_rate": 2e-3, "snapshot_images": 1600}
    )
    train(pairs, tmp_path, settings)
    translator = load_translator(tmp_path / "translator.safetensors")
    unseen = write_pairs(tmp_path / "unseen", darker, count=8, seed=1)
    for path in sorted((unseen / "train_A").iterdir()):
        photo = np.asarray(Image.open(path))
        assert abs(translator(photo).mean() / photo.mean() - 0.5) < 0.1


def test_training_folder_holds_history_and_sheets(pairs, tmp_path):
    train(pairs, tmp_path)
    others = {"lock", "progress.jsonl", "tensorboard"}
    names = sorted({path.name for path in (tmp_path / "training").iterdir()} - others)
    sheets = [f"samples-{n:06d}.png" for n in (20, 40, 60, 72)]
    assert names == ["history.csv", *sheets, "snapshot.pt"]
    with Image.open(tmp_path / "training" / sheets[-1]) as sheet:
        assert sheet.size == (4 * 128, 8 * 128)  # photo, target, prediction, mask
    header, *rows = (tmp_path / "training" / "history.csv").read_text().split()
    assert header == "images,adversarial,feature_matching,pixel,discriminator,learning_rate,images_per_second"
    assert [row.split(",")[0] for row in rows] == ["20", "40", "60", "72"]


def test_losses_that_are_not_finite_stop_with_the_last_snapshot(pairs, tmp_path, steps, monkeypatch):
    matching = LOSSES["feature_matching"]
    broken = lambda judged: matching(judged) * (float("nan") if len(steps) > 6 else 1.0)  # noqa: E731
    monkeypatch.setitem(LOSSES, "feature_matching", broken)
    with pytest.raises(SceneshiftError, match=r"feature_matching.* not finite at 40 .*snapshot\.pt.*learning_rate"):
        train(pairs, tmp_path)
    assert Snapshots(tmp_path / "training", "").path.exists()
    assert not (tmp_path / "translator.safetensors").exists()


def test_rate_is_constant_then_falls_to_zero():
    rates = [learning_rate(2e-4, seen, 1000) for seen in (0, 250, 500, 750, 1000)]
    assert rates == pytest.approx([2e-4, 2e-4, 2e-4, 1e-4, 0.0])
    assert [learning_rate(1.0, seen, 1000, 0.75) for seen in (750, 800, 1000)] == pytest.approx([1, 0.8, 0])
    assert [learning_rate(1.0, seen, 1000, 1.0) for seen in (0, 999)] == [1, 1]
    assert [learning_rate(1.0, seen, 1000, 0.0) for seen in (0, 100)] == pytest.approx([1, 0.9])


def test_a_training_goes_on_from_another_translator(pairs, tmp_path):
    train(pairs, tmp_path / "first")
    first = load_file(tmp_path / "first" / "translator.safetensors")
    warm = TINY.model_copy(update={"warm_start": str(tmp_path / "first" / "translator.safetensors"), "images": 5})
    slow = warm.model_copy(update={"learning_rate": 1e-9})
    train(pairs, tmp_path / "second", slow)
    second = load_file(tmp_path / "second" / "translator.safetensors")
    assert all(torch.allclose(second[name], first[name], atol=1e-6) for name in first)
    with pytest.raises(SceneshiftError, match=r"warm_start: .* is another network: width 4 there, 8 here"):
        train(pairs, tmp_path / "third", warm.model_copy(update={"width": 8}))


def test_a_translator_made_elsewhere_is_gone_on_from(pairs, tmp_path):
    """As import-translator writes it: without discriminators, the enhancer's blocks as they are in the file."""
    train(pairs, tmp_path)
    network, facts = read_translator(tmp_path / "translator.safetensors")
    facts = dataclasses.replace(facts, sizes=dataclasses.replace(facts.sizes, discriminators=0, local_blocks=0))
    save_translator(network, tmp_path / "imported.safetensors", facts)
    warm = {"warm_start": str(tmp_path / "imported.safetensors"), "images": 5, "learning_rate": 1e-9}
    train(pairs, tmp_path / "second", TINY.model_copy(update=warm))


@pytest.mark.parametrize("share", [1.0, 0.5])
def test_the_enhancer_goes_on_from_a_global_generator_that_is_fixed_at_first(pairs, tmp_path, share):
    train(pairs, tmp_path / "first")
    first = load_file(tmp_path / "first" / "translator.safetensors")
    more = {"local_enhancer": True, "warm_start": str(tmp_path / "first" / "translator.safetensors"), "images": 20}
    settings = TranslatorSettings(**TINY.model_dump() | more | {"fix_global": share})
    train(pairs, tmp_path / "second", settings)
    second = load_file(tmp_path / "second" / "translator.safetensors")
    start = new_networks(architecture(settings, 16), seed=0)[0].state_dict()
    features = {name: w for name, w in first.items() if ".features." in name}
    kept = [torch.equal(second[name.replace(".features.", ".coarse.")], w) for name, w in features.items()]
    assert all(kept) if share == 1 else not any(kept)
    trained = [name for name in second if ".coarse." not in name]
    assert not any(torch.equal(second[name], start[name]) for name in trained)


def test_untrained_weights_cannot_be_fixed():
    with pytest.raises(ValueError, match=r"fix_global is 0\.5.* local_enhancer to true and warm_start"):
        TranslatorSettings(fix_global=0.5, local_enhancer=True)


def test_fast_gradients_are_those_of_the_plain_losses():
    """One backward pass a network, sharing forward passes, gives what the published two-step code computes."""
    settings = TINY.model_copy(update={"discriminators": 2})
    translator, discriminator = new_networks(architecture(settings, 16), seed=0)
    torch.nn.init.normal_(translator.network.out.weight, std=0.02)
    photos, targets = torch.rand(2, 2, 3, 16, 16).mul(2).sub(1)
    Losses(translator, discriminator, settings, None, torch.float32).gradients(photos, targets, share=1.0)
    fast = [p.grad.clone() for network in (translator, discriminator) for p in network.parameters()]

    edited = translator(photos)
    fake, real = discriminator(photos, edited), discriminator(photos, targets)
    loss = sum((scale[-1] - 1).square().mean() for scale in fake)
    loss = loss + 5 * (edited - targets).abs().mean()
    for f, r in zip(fake, real, strict=True):
        loss = loss + 10 * sum((a - b.detach()).abs().mean() for a, b in zip(f[:-1], r[:-1], strict=True)) / 2
    plain = list(torch.autograd.grad(loss, list(translator.parameters())))
    fake = discriminator(photos, edited.detach())
    loss = sum(s[-1].square().mean() for s in fake) / 2
    loss = loss + sum((s[-1] - 1).square().mean() for s in discriminator(photos, targets)) / 2
    plain += torch.autograd.grad(loss, list(discriminator.parameters()))
    for a, b in zip(fast, plain, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)


def test_bfloat16_losses_agree_with_float32():
    settings = TranslatorSettings(width=8, downsamplings=1, blocks=1)
    stages = perceptual_stages("backbone", torch.device("cpu"))
    photos, targets = torch.rand(2, 2, 3, 64, 64).mul(2).sub(1)
    sizes = architecture(settings, 64)
    exact, fast = (
        Losses(*new_networks(sizes, seed=0), settings, stages, dtype).gradients(photos, targets, share=1.0)
        for dtype in (torch.float32, torch.bfloat16)
    )
    torch.testing.assert_close(fast, exact, rtol=0.02, atol=1e-3)


def test_pairs_that_the_network_cannot_halve_are_refused(tmp_path):
    pairs = write_pairs(tmp_path / "pairs", darker, count=1, size=18)
    with pytest.raises(SceneshiftError, match=r"18×18 pixels.*multiples of 4"):
        train(pairs, tmp_path, TINY.model_copy(update={"downsamplings": 2}))
