import numpy as np
import pytest
import torch
from PIL import Image, ImageFilter
from safetensors.torch import save_file
from sklearn.metrics import r2_score

from sceneshift.evaluation import judge_training
from sceneshift.evaluation.judge import load_judge
from sceneshift.evaluation.judge_training import Lessons, disturbed, train_judge
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.streets import VISIBLE, render_streets, street_labels


@pytest.fixture(scope="module", autouse=True)
def bands():
    """In place of streets, which take long to draw and to learn."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(judge_training, "render_streets", render_bands)
        yield


def render_bands(seed: int, shape: tuple[int, int], indices: range) -> tuple[np.ndarray, np.ndarray]:
    """Five bands, five labels: how light each is."""
    labels = np.stack([street_labels(seed, index)[: len(VISIBLE)] for index in indices])
    rows = np.arange(shape[0]) * len(VISIBLE) // shape[0]
    picture = labels[:, rows, None, None].repeat(shape[1], axis=2).repeat(3, axis=3)
    return (40 + 170 * picture).astype(np.uint8), labels


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    path = tmp_path_factory.mktemp("judge") / "judge.safetensors"
    r2 = train_judge((32, 32), path, seed=1, lessons=Lessons(448, 50, 10))
    return path, r2


def test_a_judge_learns_the_labels_and_survives_the_file(fitted):
    path, r2 = fitted
    judge = load_judge(path)
    assert judge.attributes == list(VISIBLE)
    assert judge.facts["r2"] == pytest.approx(r2, abs=1e-3)
    assert min(r2.values()) > 0.85
    pictures, labels = render_bands(77, (32, 32), range(60))
    scores = judge.score(pictures)
    assert scores.dtype == np.float32
    assert r2_score(labels, scores) > 0.85


def test_blur_does_not_change_the_verdict(fitted):
    judge = load_judge(fitted[0])
    pictures = [Image.fromarray(picture) for picture in render_bands(78, (32, 32), range(60))[0]]
    sharp = judge.score(np.stack([np.asarray(picture) for picture in pictures]))
    soft = judge.score(np.stack([np.asarray(p.filter(ImageFilter.GaussianBlur(0.8))) for p in pictures]))
    assert np.abs((soft - sharp).mean(axis=0)).max() < 0.08


def test_larger_pictures_are_judged_like_small_ones(fitted):
    judge = load_judge(fitted[0])
    small, large = (render_bands(79, (side, side), range(30))[0] for side in (32, 128))
    assert np.abs(judge.score(small) - judge.score(large))[:, 0].mean() < 0.08
    assert judge.score(small[:0]).shape == (0, 5)


def test_a_judge_of_wide_streets_sees_them_as_wide(tmp_path):
    train_judge((128, 224), tmp_path / "j", seed=2, lessons=Lessons(64, 10, 1))
    judge = load_judge(tmp_path / "j")
    assert judge.shape == (64, 112)
    assert judge.score(np.zeros((2, 128, 224, 3), np.uint8)).shape == (2, 5)


def test_equal_seeds_give_equal_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr(judge_training, "render_streets", render_streets)
    for name in ("a", "b"):
        train_judge((16, 20), tmp_path / name, seed=2, lessons=Lessons(64, 2, 1))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_disturbing_keeps_mean_color():
    images = torch.from_numpy(render_bands(80, (64, 64), range(32))[0])
    after = disturbed(images, torch.Generator().manual_seed(0))
    assert after.dtype == torch.uint8
    assert (after != images).any()
    change = after.float().mean((1, 2)) - images.float().mean((1, 2))
    assert change.abs().max() < 5


def test_files_that_are_no_judge_are_errors(tmp_path):
    (tmp_path / "torn").write_bytes(b"\x10\x00")
    save_file({"x": torch.zeros(1)}, tmp_path / "other", {"judge": '{"format": "something else"}'})
    with pytest.raises(SceneshiftError, match="torn"):
        load_judge(tmp_path / "torn")
    with pytest.raises(SceneshiftError, match="something else"):
        load_judge(tmp_path / "other")
    with pytest.raises(SceneshiftError, match="absent"):
        load_judge(tmp_path / "absent")
