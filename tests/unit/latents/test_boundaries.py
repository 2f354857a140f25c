"""Boundaries find a known normal; the fast SVM is the published one; conditioning and moving are their algebra."""

from types import SimpleNamespace

import numpy as np
import pytest

from sceneshift.latents import fit_boundary, load_boundary, move_codes, save_boundary
from sceneshift.latents.boundaries import FORMAT_VERSION, check_fits, condition
from sceneshift.latents.levels import levels, mask_of
from sceneshift.latents.separation import select_examples
from sceneshift.latents.store import LatentStoreWriter
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.settings import BoundariesSettings
from sceneshift.stages.fit_boundary import fit_boundary as fit_boundary_stage


@pytest.fixture(scope="module")
def known():
    random = np.random.default_rng(1)
    normal = random.normal(size=24)
    normal /= np.linalg.norm(normal)
    w = random.normal(size=(3000, 24)).astype(np.float32)
    scores = (w @ normal + 0.3 * random.normal(size=3000) + 5).astype(np.float32)
    return w, scores, normal


@pytest.mark.parametrize("selection", ["extremes", "random"])
def test_known_normal_is_found_and_points_to_more(known, selection):
    w, scores, normal = known
    boundary = fit_boundary(w, scores, selection=selection, examples=1000)
    assert boundary.normal @ normal > (0.97 if selection == "extremes" else 0.93)
    assert np.linalg.norm(boundary.normal) == pytest.approx(1, abs=1e-6)
    assert boundary.validation_accuracy > (0.97 if selection == "extremes" else 0.85)
    assert boundary.examples == (2000 if selection == "extremes" else 1000)
    distances = w @ boundary.normal + boundary.intercept
    assert np.corrcoef(distances, scores)[0, 1] > 0.9
    assert abs(distances.mean()) < 0.3  # the codes' middle, where the scores are 5


@pytest.mark.parametrize("classifier", ["svm", "logistic"])
def test_codes_that_took_no_part_count_from_the_middle_of_the_scores_on(known, classifier):
    w, _, normal = known
    scores = w @ normal
    boundary = fit_boundary(w, scores, examples=1000, classifier=classifier)
    others = np.sort(scores)[1000:-1000]
    has = others >= (scores.min() + scores.max()) / 2
    assert boundary.normal @ normal > 0.97
    assert 0.5 < boundary.remaining_accuracy < boundary.validation_accuracy
    turned = fit_boundary(w, -scores, examples=1000, classifier=classifier)
    assert turned.normal @ boundary.normal < -0.99
    # of scores that are the first coordinate alone, a boundary at its middle is right about nearly all
    flat = np.linspace(-1, 1, 3000, dtype=np.float32)[:, None]
    assert fit_boundary(flat, flat[:, 0], examples=1000, classifier=classifier).remaining_accuracy > 0.99
    assert 0.3 < has.mean() < 0.7
    assert np.isnan(fit_boundary(w, scores, examples=1500, classifier=classifier).remaining_accuracy), "none are left"


def test_logistic_regression_is_another_direction_than_the_svm(known):
    w, scores, _ = known
    noisy = scores + np.random.default_rng(0).normal(size=len(scores)).astype(np.float32)
    svm, logistic = (fit_boundary(w, noisy, examples=800, classifier=name) for name in ("svm", "logistic"))
    assert 0.9 < svm.normal @ logistic.normal < 0.99999


def test_fast_svm_agrees_with_the_published_one(known):
    w, scores, _ = known
    # as many codes as a boundary has, with noise, so that the sides overlap
    noisy = scores + np.random.default_rng(0).normal(size=len(scores)).astype(np.float32)
    fast, exact = (fit_boundary(w, noisy, examples=800, exact=exact) for exact in (False, True))
    assert fast.normal @ exact.normal > 0.998
    assert fast.intercept == pytest.approx(exact.intercept, abs=0.05)
    assert fast.validation_accuracy == pytest.approx(exact.validation_accuracy, abs=0.02)


def test_extremes_are_the_ends_and_random_parts_at_the_median():
    scores = np.random.default_rng(0).permutation(1000).astype(np.float32)
    low, high = select_examples(scores, "extremes", 100, 0, "a")
    assert sorted(scores[low]) == list(range(100))
    assert sorted(scores[high]) == list(range(900, 1000))
    low, high = select_examples(scores, "extremes", 5000, 0, "a")
    assert (len(low), len(high)) == (500, 500)
    low, high = select_examples(scores, "random", 200, 0, "a")
    assert (len(low), len(high)) == (100, 100)
    assert scores[low].max() < scores[high].min()
    assert scores[low].min() < 200
    assert not np.array_equal(np.sort(low), low)


def test_equal_scores_never_stand_on_both_sides():
    scores = np.zeros(200, np.float32)
    scores[:30] = 1 + np.arange(30)
    low, high = select_examples(scores, "extremes", 100, 0, "a")
    assert len(low) == len(high) == 30
    assert scores[low].max() < scores[high].min()


@pytest.mark.parametrize(
    ("scores", "says"),
    [
        (np.zeros(500), "snow: nearly all of 500 codes score the same .* one class only"),
        (np.arange(12.0), "snow: 12 codes are too few"),
        (np.full(100, np.nan), "snow: 100 scores are not numbers"),
    ],
)
def test_what_cannot_be_fitted_names_the_attribute(scores, says):
    with pytest.raises(SceneshiftError, match=says):
        fit_boundary(np.zeros((len(scores), 3), np.float32), scores, attribute="snow")


def test_boundary_of_a_store_round_trips_and_equals_that_of_arrays(known, tmp_path):
    w, scores, _ = known
    attrs = {"seed": 0, "stream": "synthesis", "truncation_psi": 0.7, "generator_sha256": "", "predictor_sha256": ""}
    with LatentStoreWriter(tmp_path / "s.h5", 24, ["a", "snow"], {**attrs, "provenance": "{}"}) as store:
        store.append(np.arange(3000), w, np.stack([-scores, scores], 1), np.zeros((0, 1, 1, 3), np.uint8))
    settings = BoundariesSettings(examples=500)
    for i in range(2):
        fit_boundary_stage(tmp_path / "s.h5", "snow", tmp_path / f"{i}.npz", settings)
    written = [load_boundary(tmp_path / f"{i}.npz") for i in range(2)]
    loaded = load_boundary(tmp_path / "0.npz")
    np.testing.assert_array_equal(loaded.normal, fit_boundary(w, scores, examples=500).normal)
    assert {**vars(loaded), "normal": 0} == {**vars(written[0]), "normal": 0}
    assert (loaded.attribute, loaded.selection, len(loaded.store_sha256)) == ("snow", "extremes", 64)
    assert (tmp_path / "0.npz").read_bytes() == (tmp_path / "1.npz").read_bytes()


def test_bad_boundary_files_are_refused(known, tmp_path):
    w, scores, _ = known
    path = tmp_path / "b.npz"
    save_boundary(fit_boundary(w, scores, examples=50), path)
    with pytest.raises(SceneshiftError, match=r"b\.npz is for codes of 24 dimensions, but g\.safetensors has 512"):
        check_fits(load_boundary(path), path, SimpleNamespace(z_dim=24, w_dim=512, num_ws=14), "g.safetensors")
    fields = dict(np.load(path))
    np.savez(path, **{**fields, "format_version": FORMAT_VERSION + 1})
    with pytest.raises(SceneshiftError, match=f"version {FORMAT_VERSION + 1}, expected {FORMAT_VERSION}"):
        load_boundary(path)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(SceneshiftError, match=r"b\.npz is truncated"):
        load_boundary(path)


def test_conditioned_normal_is_orthogonal_to_all_others_and_nearest():
    random = np.random.default_rng(0)
    normal = random.normal(size=16)
    normal /= np.linalg.norm(normal)
    others = random.normal(size=(4, 16))
    others[3] = others[0] + others[1]  # dependent
    conditioned = condition(normal, others)
    np.testing.assert_allclose(others @ conditioned, 0, atol=1e-5)
    assert np.linalg.norm(conditioned) == pytest.approx(1, abs=1e-5)
    # for one unit vector: n - (n·c)c, renormalized (InterFaceGAN)
    c = others[0] / np.linalg.norm(others[0])
    expected = normal - (normal @ c) * c
    np.testing.assert_allclose(condition(normal, c[None]), expected / np.linalg.norm(expected), atol=1e-6)
    np.testing.assert_array_equal(condition(normal, np.zeros((0, 16))), normal)
    with pytest.raises(SceneshiftError, match="Nothing is left"):
        condition(c, others)


def test_moving_is_higans_formula():
    random = np.random.default_rng(0)
    w, w_avg, normal = random.normal(size=(5, 8)), random.normal(size=8), random.normal(size=8)
    mask = np.array([False, True, True, False])
    moved = move_codes(w, normal, -2.0, mask, 0.7, w_avg)
    kept = w_avg + 0.7 * (w - w_avg)
    assert moved.shape == (5, 4, 8)
    np.testing.assert_allclose(moved[:, 0], kept, rtol=1e-5)
    np.testing.assert_allclose(moved[:, 2], kept - 2.0 * 0.7 * normal, rtol=1e-4, atol=1e-5)
    # the same as truncating a moved code
    np.testing.assert_allclose(moved[:, 1], w_avg + 0.7 * (w - 2 * normal - w_avg), rtol=1e-4, atol=1e-5)


def test_levels_part_the_layers_by_resolution():
    def resolutions(size):
        powers = [2**p for p in range(2, size.bit_length())]
        return [4] + [r for r in powers[1:] for _ in range(2)] + [size]

    ws = resolutions(256)
    parts = levels(ws, 256)
    by_level = {name: sorted({r for r, m in zip(ws, mask, strict=True) if m}) for name, mask in parts.items()}
    assert by_level["attributes"] == [32, 64, 128]  # HiGAN's layers 6 to 11
    assert by_level["layout"] == [4, 8]
    assert by_level["objects"] == [16]
    assert by_level["color"] == [256]
    for size in (16, 32, 64, 1024):
        parts = levels(resolutions(size), size)
        assert parts.pop("all").all()
        assert (sum(mask.astype(int) for mask in parts.values()) == 1).all()
    with pytest.raises(SceneshiftError, match="it has: all, layout, objects, color"):
        mask_of("attributes", resolutions(16), 16)
    assert mask_of("0-2,4", resolutions(16), 16).tolist() == [True, True, True, False, True, False]
    np.testing.assert_array_equal(mask_of("6-10,5", ws, 256), mask_of("attributes", ws, 256))
    with pytest.raises(SceneshiftError, match="names layer 6, but a generator of 16 px has 6, counted from 0"):
        mask_of("0-6", resolutions(16), 16)


@pytest.mark.parametrize("value", [0, 1])
def test_codes_that_do_not_differ_have_no_boundary(value):
    with pytest.raises(SceneshiftError, match=r"snow: the codes with it and those without do not differ"):
        fit_boundary(np.full((200, 4), value, np.float32), np.arange(200.0), attribute="snow", examples=50)
