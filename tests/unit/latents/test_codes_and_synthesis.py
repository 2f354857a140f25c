"""Code i and its score depend on (seed, stream, i) alone; shards, batches and threads do not show."""

import h5py
import numpy as np
import pytest
import torch

from sceneshift.generator.checkpoints import save_generator
from sceneshift.generator.networks import Generator
from sceneshift.latents.codes import z_of
from sceneshift.latents.rendering import Renderer, batches, in_order
from sceneshift.latents.store import LatentStore
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.scoring.kinds.photometric import PhotometricPredictor
from sceneshift.settings import SynthesisSettings
from sceneshift.stages.fit_predictor import fit_predictor
from sceneshift.stages.index_synthesis import Expected, index_synthesis, set_wrong_shards_aside
from sceneshift.stages.synthesize import synthesize


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("synthesis")
    torch.manual_seed(0)
    generator = Generator(z_dim=16, w_dim=12, resolution=16, channel_base=256, channel_max=16, mapping_layers=2)
    generator.mapping.w_avg.normal_()
    save_generator(folder / "generator.safetensors", generator)
    predictors = [PhotometricPredictor(kind="photometric", attributes=["brightness", "warmth"])]
    fit_predictor(folder, folder / "predictor.safetensors", predictors, accuracy=folder / "accuracy.csv")
    return folder


def made(files, name, start=0, count=40, **settings):
    path = files / name
    synthesize(
        files / "generator.safetensors",
        path,
        SynthesisSettings(**settings),
        predictor=files / "predictor.safetensors",
        seed=5,
        start=start,
        count=count,
    )
    return path


def test_code_does_not_depend_on_what_is_drawn_with_it():
    together = z_of(3, "pairs", range(100), 8)
    np.testing.assert_array_equal(together[[70, 2]], z_of(3, "pairs", [70, 2], 8))
    assert together.shape == (100, 8)
    assert abs(together.mean()) < 0.2
    assert abs(together.std() - 1) < 0.2


def test_seeds_and_streams_have_different_codes():
    draws = [z_of(seed, stream, [0], 8)[0] for seed in (0, 1) for stream in ("synthesis", "rescoring", "pairs")]
    assert len({draw.tobytes() for draw in draws}) == 6


def test_shards_and_batches_make_the_same_store(files):
    with LatentStore(made(files, "whole.h5", batch=64)) as whole:
        shards = [made(files, f"{i}.h5", start=i * 15, count=min(15, 40 - i * 15), batch=7) for i in range(3)]
        index_synthesis(shards, files / "index.h5", SynthesisSettings())
        with LatentStore(files / "index.h5") as index:
            np.testing.assert_array_equal(index.index, np.arange(40))
            np.testing.assert_allclose(index.w(slice(None)), whole.w(slice(None)), rtol=1e-5, atol=1e-6)
            np.testing.assert_allclose(index.scores, whole.scores, atol=2e-3)
            assert index.attributes == ["brightness", "warmth"]
            assert whole.scores.std(0).min() > 1e-3
            rows = [33, 2, 2, 17]
            np.testing.assert_array_equal(index.w(rows), index.w(slice(None))[rows])
            np.testing.assert_array_equal(index.column("warmth"), index.scores[:, 1])
            np.testing.assert_allclose(index.deviations(), index.scores.std(0), rtol=1e-4)


def test_equal_runs_give_equal_bytes_and_the_folder_can_move(files, tmp_path):
    shard = made(files, "a.h5")
    assert shard.read_bytes() == made(files, "b.h5").read_bytes()
    (tmp_path / "old" / "synthesis").mkdir(parents=True)
    (tmp_path / "old" / "synthesis" / "0.h5").write_bytes(shard.read_bytes())
    index_synthesis([tmp_path / "old" / "synthesis" / "0.h5"], tmp_path / "old" / "synthesis.h5", SynthesisSettings())
    (tmp_path / "old").rename(tmp_path / "new")
    with LatentStore(tmp_path / "new" / "synthesis.h5") as index, LatentStore(shard) as original:
        np.testing.assert_array_equal(index.scores, original.scores)


def test_stored_codes_are_untruncated_and_scored_images_truncated(files):
    renderer = Renderer(files / "generator.safetensors")
    with LatentStore(made(files, "kept.h5", keep_images=10, truncation_psi=0.5)) as store:
        w = store.w(slice(0, 10))
        np.testing.assert_allclose(w, renderer.mapped(z_of(5, "synthesis", range(10), 16)), rtol=1e-5, atol=1e-6)
        assert len(store.images) == 10
        difference = np.abs(store.images[:].astype(int) - renderer.render_truncated(w, 0.5))
        assert difference.max() <= 1
        assert np.abs(store.images[:].astype(int) - renderer.render(w)).max() > 1


def test_a_store_without_predictor_has_codes_only(files):
    synthesize(
        files / "generator.safetensors", files / "c.h5", SynthesisSettings(), predictor=None, seed=0, start=0, count=5
    )
    index_synthesis([files / "c.h5"], files / "d.h5", SynthesisSettings())
    with LatentStore(files / "d.h5") as store:
        assert (len(store), store.scores.shape) == (5, (5, 0))
        with pytest.raises(SceneshiftError, match="made without a predictor"):
            store.column("snow")


def test_shards_of_different_settings_do_not_index(files):
    shards = [made(files, "e.h5"), made(files, "f.h5", truncation_psi=0.5)]
    with pytest.raises(SceneshiftError, match=r"e\.h5 and .*f\.h5 .*truncation_psi is .*0\.7.* and .*0\.5"):
        index_synthesis(shards, files / "bad.h5", SynthesisSettings())


def test_a_shard_that_is_not_what_was_to_be_made_is_named_and_set_aside(files, tmp_path):
    """Truncated, of another generator, another seed's, another's codes: those and no others."""
    settings = SynthesisSettings(count=40, shard_size=10)
    expected = Expected(files / "generator.safetensors", files / "predictor.safetensors", settings, seed=5)
    shards = [made(files, tmp_path / f"{i}.h5", start=10 * i, count=10) for i in range(4)]
    set_wrong_shards_aside(shards, expected)
    whole = shards[0].read_bytes()

    shards[1].write_bytes(shards[1].read_bytes()[:-500])
    shards[2].write_bytes(whole)
    with h5py.File(shards[3], "a") as file:
        file.attrs["generator_sha256"] = "another"
    with pytest.raises(SceneshiftError) as refused:
        set_wrong_shards_aside(shards, expected)
    said = str(refused.value)
    assert "3 of 4 shards" in said
    assert "1.h5 is truncated" in said
    assert "2.h5: its codes are 0 to 9, expected 20 to 29" in said
    assert "3.h5: generator_sha256 is 'another'" in said
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"0.h5", "1.h5.set-aside", "2.h5.set-aside", "3.h5.set-aside"}
    with pytest.raises(SceneshiftError, match=r"1\.h5 does not exist"):
        set_wrong_shards_aside(shards, expected)


def test_out_of_memory_takes_halves_and_stores_the_same(files, monkeypatch, capsys):
    whole, render, tried = made(files, "whole.h5", count=40), Renderer.render, []

    def with_room_for_nine(self, w):
        tried.append(len(w))
        if len(w) > 9:
            raise torch.OutOfMemoryError("no room")
        return render(self, w)

    monkeypatch.setattr(Renderer, "render", with_room_for_nine)
    with LatentStore(whole) as one, LatentStore(made(files, "halves.h5", count=40)) as other:
        np.testing.assert_allclose(one.w(slice(None)), other.w(slice(None)), rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(one.scores, other.scores, atol=2e-3)
    assert "Out of memory with 10 images at a time: going on with 5." in capsys.readouterr().err
    assert tried == [40, 20, 10, *[5] * 8]  # a size that did not fit is not tried again
    with pytest.raises(SceneshiftError, match="Out of memory with a single image"):
        list(in_order(lambda rows: with_room_for_nine(None, range(10)), [range(4)], "cpu"))


def test_in_order_keeps_order_raises_and_restores_threads():
    threads = torch.get_num_threads()
    assert list(in_order(lambda x: x * x, range(50), "cpu")) == [x * x for x in range(50)]
    with pytest.raises(ZeroDivisionError):
        list(in_order(lambda x: 1 / x, [1, 0, 1], "cpu"))
    assert torch.get_num_threads() == threads
    assert [list(b) for b in batches(5, 2, start=3)] == [[3, 4], [5, 6], [7]]
