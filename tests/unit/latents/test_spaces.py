"""Boundaries of Z, W and W+ move codes of their space; distances count from the code, or from the boundary."""

import numpy as np
import pytest
import torch

from sceneshift.generator.checkpoints import save_generator
from sceneshift.generator.networks import Generator
from sceneshift.latents.boundaries import Boundary, save_boundary
from sceneshift.latents.codes import z_of
from sceneshift.latents.moving import Move, plane_of
from sceneshift.latents.rendering import Renderer
from sceneshift.pairs.distance import projection_deviation
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.settings import EditSettings, parse
from sceneshift.stages.edit import edit

WIDTH, LAYERS = 16, 6
ALL, FIRST = np.ones(LAYERS, bool), np.arange(LAYERS) < 2


@pytest.fixture(scope="module")
def renderer(tmp_path_factory):
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("generator") / "g.safetensors"
    generator = Generator(z_dim=8, w_dim=WIDTH, resolution=16, channel_base=64, channel_max=8, mapping_layers=2)
    generator.w_avg.copy_(torch.randn(WIDTH))
    save_generator(path, generator)
    return Renderer(path)


@pytest.fixture
def codes(renderer):
    return renderer.codes(z_of(0, "pairs", range(5), 8))


def unit(seed, *shape):
    normal = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
    return normal / np.linalg.norm(normal, axis=-1, keepdims=True)


def moved(renderer, codes, *move):
    return Move(*move).of(codes, renderer.mapped, renderer.w_avg)


def test_a_direction_of_w_in_every_row_is_that_of_w(renderer, codes):
    normal = unit(0, WIDTH)
    rows = np.tile(normal, (LAYERS, 1))
    of_w, of_wp = (moved(renderer, codes, n, 2.0, FIRST, 0.7, s) for n, s in ((normal, "w"), (rows, "w+")))
    np.testing.assert_array_equal(of_w, of_wp)
    w = codes.w
    assert projection_deviation(w, rows) == pytest.approx(projection_deviation(w, normal))


def test_each_layer_of_w_plus_moves_by_its_row(renderer, codes):
    rows = unit(1, LAYERS, WIDTH) * np.arange(LAYERS, dtype=np.float32)[:, None]
    step = moved(renderer, codes, rows, -1.5, FIRST | (np.arange(LAYERS) == 4), 0.5, "w+")
    step -= moved(renderer, codes, rows, 0.0, FIRST, 0.5, "w+")
    for layer, wanted in enumerate((0, 1, 0, 0, 4, 0)):
        expected = np.zeros_like(codes.w) - 0.75 * (rows[layer] if wanted else 0)
        np.testing.assert_allclose(step[:, layer], expected, atol=1e-6)


def test_codes_of_z_move_before_the_mapping(renderer, codes):
    normal, psi = unit(2, 8), 0.6
    sphere = codes.z * np.sqrt(8) / np.linalg.norm(codes.z, axis=1, keepdims=True)
    expected = renderer.mapped((sphere + 3 * normal).astype(np.float32))
    got = moved(renderer, codes, normal, 3.0, FIRST, psi, "z")
    np.testing.assert_allclose(got[:, 0], renderer.w_avg + psi * (expected - renderer.w_avg), atol=1e-5)
    np.testing.assert_allclose(got[:, 3], renderer.w_avg + psi * (codes.w - renderer.w_avg), atol=1e-6)
    still = moved(renderer, codes, normal, 0.0, ALL, psi, "z")
    np.testing.assert_allclose(still[:, 0], got[:, 3], atol=1e-5)


@pytest.mark.parametrize("space", ["z", "w"])
def test_an_absolute_distance_is_where_every_code_ends(renderer, codes, space):
    normal, intercept = unit(3, 8 if space == "z" else WIDTH), 0.3
    got = moved(renderer, codes, normal, 1.25, ALL, 1.0, space, intercept)
    if space == "w":
        np.testing.assert_allclose(got[:, 0] @ normal + intercept, 1.25, atol=1e-5)
        across = got[:, 0] - codes.w
        np.testing.assert_allclose(across - np.outer(across @ normal, normal), 0, atol=1e-5)
        return
    sphere = codes.z * np.sqrt(8) / np.linalg.norm(codes.z, axis=1, keepdims=True)
    there = sphere + np.outer(1.25 - (sphere @ normal + intercept), normal)
    np.testing.assert_allclose(there @ normal + intercept, 1.25, atol=1e-5)
    np.testing.assert_allclose(got[:, 0], renderer.mapped(there.astype(np.float32)), atol=1e-5)


def test_a_strip_is_drawn_in_every_space(renderer, tmp_path):
    for space, shape in (("z", (8,)), ("w", (WIDTH,)), ("w+", (LAYERS, WIDTH))):
        save_boundary(Boundary(unit(4, *shape), 0.0, "a", 1.0, 10, "random", space=space), tmp_path / "b.npz")
        edit(renderer.path, tmp_path / "b.npz", tmp_path / f"{space}.png", images=2, distances=(0, 3), level="0-2")
        if space == "w+":
            with pytest.raises(SceneshiftError, match=r"a: W\+ has no plane"):
                edit(renderer.path, tmp_path / "b.npz", tmp_path / "x.png", absolute=True)
        else:
            edit(renderer.path, tmp_path / "b.npz", tmp_path / f"{space}.png", images=2, absolute=True)
    assert plane_of(Boundary(unit(4, 8), 0.5, "a", 1.0, 10, "random")) == 0.5


def test_a_boundary_of_another_width_or_height_is_refused(renderer, tmp_path):
    for space, shape, says in (
        ("z", (WIDTH,), "codes of 16 dimensions, but .* has 8"),
        ("w+", (9, WIDTH), "9 layers' codes of 16 dimensions, but .* has 6 of 16"),
    ):
        save_boundary(Boundary(unit(5, *shape), 0.0, "a", 1.0, 10, "random", space=space), tmp_path / "b.npz")
        with pytest.raises(SceneshiftError, match=says):
            renderer.boundary(tmp_path / "b.npz")


def test_levels_and_distances_that_mean_nothing_are_refused():
    assert EditSettings(attribute="a", level="0-7").level == "0-7"
    with pytest.raises(SceneshiftError, match=r"level: found '7-'; .*layers counted from 0, such as 0-7"):
        parse(EditSettings, '{"attribute": "a", "level": "7-"}')
    with pytest.raises(SceneshiftError, match="absolute distances count from the boundary, which condition_on"):
        parse(EditSettings, '{"attribute": "a", "absolute": true, "condition_on": ["b"]}')
    with pytest.raises(SceneshiftError, match="absolute distances are along one normal: drop also"):
        parse(EditSettings, '{"attribute": "a", "absolute": true, "also": {"b": 1}}')
    with pytest.raises(SceneshiftError, match="pairs made elsewhere move what they move: drop also"):
        parse(EditSettings, '{"attribute": "a", "pairs": "folder", "also": {"b": 1}}')
    with pytest.raises(SceneshiftError, match="also names a, b, which the edit moves or holds already"):
        parse(EditSettings, '{"attribute": "a", "also": {"a": 1, "b": 1, "c": 1}, "condition_on": ["b"]}')
