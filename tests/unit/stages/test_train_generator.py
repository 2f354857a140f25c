"""Training: the same weights whether or not it was killed, clear words when it goes wrong."""

import itertools
import os
import signal
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from sceneshift.generator import samples, steps
from sceneshift.generator.checkpoints import images_seen, load_discriminator, load_generator, save_generator
from sceneshift.generator.defaults import defaults
from sceneshift.generator.networks import Generator
from sceneshift.generator.state import State, initial_state
from sceneshift.generator.stylegan import StyleGAN
from sceneshift.generator.training_photos import photo_batches, photo_indices
from sceneshift.photos.store import PhotoStore, PhotoStoreWriter
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.interruption import Interrupted
from sceneshift.runtime.shipped import RESOURCES
from sceneshift.settings import GeneratorSettings, PhotosSettings
from sceneshift.stages import train_generator as training
from sceneshift.stages.import_generator import import_generator
from sceneshift.stages.prepare_photos import prepare_photos
from sceneshift.stages.train_generator import train_generator
from sceneshift.training.microbatches import WHOLE

TINY = {"z_dim": 8, "w_dim": 8, "mapping_layers": 2, "channel_base": 128, "channel_max": 8, "batch": 8}


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    path = tmp_path_factory.mktemp("photos") / "photos.h5"
    prepare_photos(None, path, PhotosSettings(count=60, resolution=32), table=path.with_suffix(".csv"), seed=0)
    return path


def settings(**changes):
    return GeneratorSettings(**(TINY | {"images": 96, "snapshot_images": 40} | changes))


def test_a_fixed_strength_of_augmentation_stays(photos, tmp_path):
    def strengths(out, **changes):
        train_generator(photos, out / "g.safetensors", settings(images=48, **changes))
        return set(pd.read_csv(out / "training" / "history.csv")["ada_p"])

    assert strengths(tmp_path / "fixed", augment="fixed", augment_strength=0.3) == {0.3}
    assert strengths(tmp_path / "none", augment="none") == {0.0}
    assert strengths(tmp_path / "all", augment="fixed", augment_strength=0.3, augment_pipe="bgcfnc") == {0.3}
    weights = [load_file(tmp_path / run / "g.safetensors")["synthesis.b32.conv1.weight"] for run in ("fixed", "all")]
    assert not torch.equal(*weights)
    for changes, images in (({}, 500_000), ({"ada_images": 64}, 64)):
        given = settings(warm_start=None, **changes)
        state = initial_state(given, defaults(given, 32, 32), {"resolution": 32, "width": 32}, 0, torch.device("cpu"))
        assert state.ada.images == images


def test_a_killed_training_resumes_to_the_same_bytes(photos, tmp_path, monkeypatch):
    train_generator(photos, tmp_path / "a" / "g.safetensors", settings())

    class Killed(BaseException):
        pass

    steps = iter(range(10**6))
    original = State.average

    def killed(*arguments):
        if next(steps) in (3, 9):  # before the first snapshot, and after it
            raise Killed
        original(*arguments)

    monkeypatch.setattr(State, "average", killed)
    out = tmp_path / "b" / "g.safetensors"
    for _ in range(2):
        with pytest.raises(Killed):
            train_generator(photos, out, settings())
        assert not out.exists()
    train_generator(photos, out, settings())
    assert next(steps) == 4 + 6 + 7  # the last process began at the snapshot of 40 images: 7 steps of 8 were left to 96
    assert out.read_bytes() == (tmp_path / "a" / "g.safetensors").read_bytes()
    one, other = (history_without_rates(tmp_path / folder) for folder in "ab")
    assert one == other


def history_without_rates(folder):
    table = pd.read_csv(folder / "training" / "history.csv")
    return table.drop(columns="images_per_second").fillna(0).to_numpy().tolist()


def test_a_longer_training_goes_on_from_a_shorter_one(photos, tmp_path):
    train_generator(photos, tmp_path / "a" / "g.safetensors", settings(images=160))
    train_generator(photos, tmp_path / "b" / "g.safetensors", settings(images=80))
    train_generator(photos, tmp_path / "b" / "g.safetensors", settings(images=160))
    one, other = (load_generator(tmp_path / folder / "g.safetensors").state_dict() for folder in "ab")
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_other_settings_start_over_and_say_so(photos, tmp_path, capsys):
    out = tmp_path / "g.safetensors"
    train_generator(photos, out, settings(images=40))
    first = out.read_bytes()
    train_generator(photos, out, settings(images=40, learning_rate=0.001))
    assert "starting over" in capsys.readouterr().err
    assert out.read_bytes() != first


def test_a_shorter_training_sets_the_longer_ones_snapshot_aside(photos, tmp_path, capsys):
    train_generator(photos, tmp_path / "g.safetensors", settings(images=80))
    train_generator(photos, tmp_path / "g.safetensors", settings(images=40))
    assert "snapshot.pt.set-aside holds 80 images of training, more than the 40 wanted" in capsys.readouterr().err
    sheets = sorted(path.name for path in (tmp_path / "training").glob("samples-*"))
    assert sheets == ["samples-00000000.png", "samples-00000040.png"]  # none of the other training


def test_the_arithmetic_that_auto_comes_to_does_not_start_over(photos, tmp_path, monkeypatch, capsys):
    train_generator(photos, tmp_path / "g.safetensors", settings(images=40))
    monkeypatch.setattr("sceneshift.runtime.devices.has_fast_bfloat16", lambda device: False)
    train_generator(photos, tmp_path / "g.safetensors", settings(images=80))
    assert "Going on at 40 of 80 images" in capsys.readouterr().out


def test_other_code_starts_over(photos, tmp_path, monkeypatch, capsys):
    train_generator(photos, tmp_path / "g.safetensors", settings(images=40))
    monkeypatch.setattr(training, "code_version", lambda module: f"{module}, changed")
    train_generator(photos, tmp_path / "g.safetensors", settings(images=40))
    assert "starting over" in capsys.readouterr().err


def test_asked_to_stop_it_writes_a_snapshot_and_leaves(photos, tmp_path, monkeypatch, capsys):
    original, handler = State.average, signal.getsignal(signal.SIGTERM)

    def stop_now(state, decay):
        original(state, decay)
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(State, "average", stop_now)
    with pytest.raises(Interrupted, match="after 8 of 96 images"):
        train_generator(photos, tmp_path / "g.safetensors", settings())
    assert (tmp_path / "training" / "snapshot.pt").exists()
    assert signal.getsignal(signal.SIGTERM) == handler
    assert "Training from scratch: generator" in capsys.readouterr().out
    monkeypatch.setattr(State, "average", original)
    train_generator(photos, tmp_path / "g.safetensors", settings())
    said = capsys.readouterr().out
    assert "Going on at 8 of 96 images" in said
    assert "from scratch" not in said
    train_generator(photos, tmp_path / "whole" / "g.safetensors", settings())
    assert (tmp_path / "g.safetensors").read_bytes() == (tmp_path / "whole" / "g.safetensors").read_bytes()
    assert history_without_rates(tmp_path) == history_without_rates(tmp_path / "whole")


def test_losses_that_are_not_finite_stop_with_advice(photos, tmp_path, monkeypatch):
    original = steps.generator_loss
    calls = iter(range(10**6))
    monkeypatch.setattr(steps, "generator_loss", lambda x: original(x) * (float("nan") if next(calls) > 6 else 1))
    with pytest.raises(SceneshiftError, match=r"loss_g.* not finite at 80 images.*last good snapshot is .*r1_gamma"):
        train_generator(photos, tmp_path / "g.safetensors", settings())
    snapshot = torch.load(tmp_path / "training" / "snapshot.pt", weights_only=True)
    assert all(torch.isfinite(t).all() for t in snapshot["state"]["g"].values())


def test_warm_start_goes_on_from_weights_and_counts_their_images(photos, tmp_path):
    first = tmp_path / "a" / "g.safetensors"
    train_generator(photos, first, settings(images=80))
    second = tmp_path / "b" / "g.safetensors"
    train_generator(photos, second, settings(images=8, warm_start=str(first), learning_rate=1e-9))
    one, other = load_generator(first).state_dict(), load_generator(second).state_dict()
    assert all(torch.allclose(one[n], other[n], atol=1e-4) for n in one if "w_avg" not in n)
    assert images_seen(second) == 88


def test_warm_start_of_another_shape_names_both_sides(photos, tmp_path):
    first = tmp_path / "g.safetensors"
    train_generator(photos, first, settings(images=8))
    with pytest.raises(SceneshiftError, match="w_dim 8 there, 16 here"):
        train_generator(photos, tmp_path / "x" / "g.safetensors", settings(warm_start=str(first), w_dim=16))


def test_photos_of_a_folder_start_from_the_generator_that_ships(tmp_path, capsys):
    images = np.random.default_rng(0).integers(0, 256, (8, 16, 16, 3), dtype=np.uint8)
    with PhotoStoreWriter(tmp_path / "p.h5", (16, 16), crop="center", folder="photos", provenance="{}") as store:
        store.append(images, [str(i) for i in range(8)], [False] * 8)
    train_generator(tmp_path / "p.h5", tmp_path / "g", GeneratorSettings(images=4, batch=4, frechet_images=0))
    shipped = RESOURCES / "streets64.safetensors"
    start = f"streets64.safetensors ({images_seen(shipped):,} images seen at 64 x 64 px), adapted to 16 x 16 px"
    assert start in capsys.readouterr().out
    assert load_generator(tmp_path / "g").architecture == load_generator(shipped).architecture | {
        "resolution": 16,
        "width": 16,
    }


def test_a_discriminator_with_other_groups_keeps_them(photos, tmp_path):
    first, second = tmp_path / "g.safetensors", tmp_path / "b" / "g.safetensors"
    train_generator(photos, first, settings(images=8))
    for group in (8, None):  # None: the whole batch
        d = load_discriminator(first)
        d.b4.group_size = group
        save_generator(first, load_generator(first), d)
        train_generator(photos, second, settings(images=8, warm_start=str(first)))
        assert load_discriminator(second).group_size == group
    d.b4.group_size = 8
    save_generator(first, load_generator(first), d)
    with pytest.raises(SceneshiftError, match=r"batch is 12, but the discriminator of .* groups of 8.* multiple of 8"):
        train_generator(photos, second, settings(batch=12, warm_start=str(first)))


def test_the_groups_that_are_asked_for_are_trained_with(photos, tmp_path):
    first, second = tmp_path / "g.safetensors", tmp_path / "b" / "g.safetensors"
    train_generator(photos, first, settings(images=8, mbstd_group_size=8))
    assert load_discriminator(first).group_size == 8
    train_generator(photos, second, settings(images=8, warm_start=str(first), mbstd_group_size=2))
    assert load_discriminator(second).group_size == 2
    with pytest.raises(ValueError, match=r"batch is 12, but .* in groups of 8, so .* multiple of 8: 8 or 16"):
        settings(batch=12, mbstd_group_size=8)


def test_frozen_convolutions_of_the_discriminator_stay_as_they_are(photos, tmp_path):
    first, second = tmp_path / "g.safetensors", tmp_path / "b" / "g.safetensors"
    train_generator(photos, first, settings(images=8))
    before = load_discriminator(first)
    assert len(before.convs) == 1 + 3 * 3  # 32, 16 and 8 px
    frozen = {before.convs[0], *before.b32.children(), before.b16.conv0}
    weights = {
        f"{name}.{part}" for name, m in before.named_modules() if m in frozen for part, _ in m.named_parameters()
    }
    train_generator(photos, second, settings(images=16, warm_start=str(first), freeze_discriminator=5))
    after = load_discriminator(second).state_dict()
    same = {name for name, tensor in before.state_dict().items() if torch.equal(tensor, after[name])}
    assert same == weights


def test_a_discriminator_that_is_not_there_cannot_be_frozen(photos, tmp_path):
    first = tmp_path / "g.safetensors"
    train_generator(photos, first, settings(images=8))
    for start, frozen, says in (
        (first, 11, r"11 convolutions.* has a discriminator of 10.*to 10 or fewer"),
        (tmp_path / "alone.safetensors", 1, r"has no discriminator\. Set it to 0\."),
        (None, 1, r"freeze_discriminator is 1, but no training goes on from a discriminator"),
    ):
        save_generator(tmp_path / "alone.safetensors", load_generator(first))
        how = settings(warm_start=start and str(start), freeze_discriminator=frozen)
        with pytest.raises(SceneshiftError, match=says):
            train_generator(photos, tmp_path / "b" / "g.safetensors", how)


def test_a_generator_of_the_first_stylegan_is_not_trained_on(photos, tmp_path):
    sizes = {"resolution": 32, "channel_base": 128, "channel_max": 8}
    save_generator(tmp_path / "g.safetensors", StyleGAN(z_dim=8, w_dim=8, mapping_layers=2, **sizes))
    with pytest.raises(SceneshiftError, match=r"is of stylegan, which is used as it is.*generator\.import"):
        train_generator(photos, tmp_path / "b", settings(warm_start=str(tmp_path / "g.safetensors")))


def test_warm_start_without_a_discriminator_takes_a_new_one_and_keeps_the_clamp(photos, tmp_path):
    first, second = tmp_path / "g.safetensors", tmp_path / "b" / "g.safetensors"
    train_generator(photos, first, settings(images=8))
    g = load_generator(first)
    g.synthesis.conv_clamp = 256.0
    save_generator(first, g)
    train_generator(photos, second, settings(images=8, warm_start=str(first)))
    assert load_generator(second).conv_clamp == 256
    assert load_discriminator(second).b4.conv.conv_clamp == 256


def test_wide_photos_make_a_wide_generator(tmp_path):
    wide = tmp_path / "wide.h5"
    images = np.random.default_rng(0).integers(0, 256, (12, 16, 28, 3), dtype=np.uint8)
    with PhotoStoreWriter(wide, (16, 28), crop="center", folder="", provenance="{}") as store:
        store.append(images, [str(i) for i in range(12)], [False] * 12)
    out = tmp_path / "a" / "g.safetensors"
    train_generator(wide, out, settings(images=16))
    assert load_generator(out).width == 28
    with Image.open(tmp_path / "a" / "training" / "samples-00000016.png") as sheet:
        assert sheet.size == (9 * 28, 8 * 16)
    with PhotoStoreWriter(tmp_path / "square.h5", (16, 16), crop="center", folder="", provenance="{}") as store:
        store.append(images[:, :, :16], [str(i) for i in range(12)], [False] * 12)
    train_generator(tmp_path / "square.h5", tmp_path / "b" / "g", settings(images=8, warm_start=str(out)))
    assert (load_generator(tmp_path / "b" / "g").width, load_discriminator(tmp_path / "b" / "g").columns) == (16, 4)
    assert images_seen(tmp_path / "b" / "g") == 24
    with pytest.raises(SceneshiftError, match=r"16 px high and 28 px wide, but .* 16 px high and 16 px wide"):
        import_generator(out, tmp_path / "i.safetensors", shape=(16, 16))
    import_generator(out, tmp_path / "i.safetensors", shape=(16, 28))


def test_style_mixing_switches_codes_at_one_layer():
    from sceneshift.runtime.randomness import torch_generator

    g = Generator(z_dim=8, w_dim=8, resolution=32, channel_base=64, channel_max=4, mapping_layers=1)

    def codes(count, style_mixing):
        return steps._codes(g, steps.draw_codes(g, count, style_mixing, WHOLE, torch_generator(0)))[0]

    ws = codes(200, 0.9)
    switches = (ws[:, 1:] != ws[:, :-1]).any(dim=2).sum(dim=1)
    assert set(switches.tolist()) == {0, 1}
    assert 0.8 < (switches == 1).float().mean() < 0.97
    assert (codes(50, 0.0).std(dim=1) == 0).all()


def test_each_epoch_sees_every_photo_once():
    stream = photo_indices(np.arange(10), seed=3, start=0, count=30).reshape(3, 10)
    assert all(sorted(epoch) == list(range(10)) for epoch in stream.tolist())
    assert stream[0].tolist() != stream[1].tolist()
    kept = {}
    for start in (7, 1, 17):  # with permutations kept from other places, and without
        assert photo_indices(np.arange(10), 3, start, 9, kept).tolist() == stream.ravel()[start : start + 9].tolist()
        assert photo_indices(np.arange(10), 3, start, 9).tolist() == stream.ravel()[start : start + 9].tolist()
        assert len(kept) <= 2


def test_held_out_photos_are_never_seen(photos):
    with PhotoStore(photos) as store:
        held_out = {image.tobytes() for image in store.images(store.held_out_indices)}
        batches = photo_batches(store, 0, itertools.count(0, 8), 8, mirror=False, part=WHOLE)
        seen = {image.tobytes() for _ in range(20) for image in next(batches)}
    assert held_out
    assert not held_out & seen


def test_history_is_a_table_with_its_columns(photos, tmp_path, monkeypatch):
    counted = SimpleNamespace(distance=lambda images: len(list(images)))
    monkeypatch.setattr(samples, "FrechetMeter", lambda *photos: counted)
    train_generator(photos, tmp_path / "g.safetensors", settings())
    history = pd.read_csv(tmp_path / "training" / "history.csv")
    measured = ["loss_g", "path_length", "loss_d", "real_sign", "r1"]
    assert list(history.columns) == ["images", *measured, "ada_p", "images_per_second", "frechet_lite2"]
    assert history["images"].tolist() == [40, 80, 96]
    assert history["frechet_lite2"].tolist() == [16, 16, 16]  # 1000 images in batches of 64


def test_the_best_generator_is_kept_over_a_kill(photos, tmp_path, monkeypatch):
    """Distances 5, 2, 4, 3 at the snapshots: the second one's weights are the result, whenever the training dies."""
    distances = {8: 5.0, 16: 2.0, 24: 4.0, 32: 3.0}
    seen = []

    def measured(*_):
        return lambda g: {"frechet_lite2": distances[seen[-1]]}

    average = State.average

    def counted(state, decay):
        average(state, decay)
        seen.append(state.images)
        if len(seen) == kill_at:
            raise KeyboardInterrupt

    monkeypatch.setattr(training, "distance_to_photos", measured)
    monkeypatch.setattr(State, "average", counted)
    how = settings(images=32, snapshot_images=8, frechet_images=1, keep="best")
    out, kill_at = tmp_path / "a" / "g.safetensors", 3
    with pytest.raises(KeyboardInterrupt):
        train_generator(photos, out, how)
    kill_at = 0
    train_generator(photos, out, how)
    assert images_seen(out) == 16
    train_generator(photos, tmp_path / "b" / "g.safetensors", settings(images=16, snapshot_images=8))
    kept, short = (load_file(tmp_path / run / "g.safetensors") for run in ("a", "b"))
    assert all(torch.equal(kept[name], short[name]) for name in kept)
