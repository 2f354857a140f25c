"""Sheets, folders and walks of a generator's images."""

import numpy as np
import pytest
from PIL import Image

from sceneshift.generator.checkpoints import save_generator
from sceneshift.generator.networks import Generator
from sceneshift.latents.codes import z_of
from sceneshift.latents.rendering import Renderer
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.stages.generate import GAP, generate


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "g.safetensors"
    save_generator(path, Generator(z_dim=8, w_dim=8, resolution=32, channel_base=64, channel_max=8, mapping_layers=2))
    return path


@pytest.fixture(scope="module")
def wanted(model):
    """Code -> its picture at ψ 0.7, computed beside the stage."""
    renderer = Renderer(model)
    return lambda i: renderer.render_truncated(renderer.mapped(z_of(0, "synthesis", [i], renderer.z_dim)), 0.7)[0]


def test_a_folder_holds_each_image_by_its_codes_number(model, wanted, tmp_path):
    generate(model, tmp_path / "out", images=3, first=5)
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["000005.png", "000006.png", "000007.png"]
    assert np.array_equal(np.asarray(Image.open(tmp_path / "out" / "000006.png")), wanted(6))


def test_a_folder_of_something_else_is_left_alone(model, tmp_path):
    (tmp_path / "diary.txt").write_text("mine")
    with pytest.raises(SceneshiftError, match=r"diary\.txt would be lost"):
        generate(model, tmp_path, images=1)
    assert (tmp_path / "diary.txt").read_text() == "mine"


def test_a_sheet_has_them_row_by_row(model, wanted, tmp_path):
    generate(model, tmp_path / "a.png", images=4)
    pixels = np.asarray(Image.open(tmp_path / "a.png"))
    assert pixels.shape == (64, 64, 3)
    assert np.array_equal(pixels[32:, :32], wanted(2))


def test_several_truncations_are_columns(model, wanted, tmp_path):
    generate(model, tmp_path / "a.png", images=2, truncation_psi=(0.0, 0.7))
    pixels = np.asarray(Image.open(tmp_path / "a.png"))
    first, second = pixels[-(32 + GAP + 32) : -(32 + GAP)], pixels[-32:]
    assert np.array_equal(first[:, :32], second[:, :32])  # ψ 0: the mean image
    assert np.array_equal(second[:, -32:], wanted(1))


def test_mixing_with_ones_own_code_changes_nothing(model, wanted, tmp_path):
    generate(model, tmp_path / "a.png", images=2, mix="layout")
    cells = np.asarray(Image.open(tmp_path / "a.png"))
    cell = {(r, c): cells[r * (32 + GAP) :][:32, c * (32 + GAP) :][:, :32] for r in range(3) for c in range(3)}
    assert (cell[0, 0] == 255).all()
    for place in (1, 2):
        assert np.array_equal(cell[place, place], wanted(place - 1))
        assert np.array_equal(cell[0, place], cell[place, 0])
    assert not np.array_equal(cell[1, 2], cell[1, 1])
    assert not np.array_equal(cell[1, 2], cell[2, 2])


@pytest.mark.parametrize("name", ["walk.gif", "walk.webp"])
def test_a_walk_passes_through_every_code(model, wanted, tmp_path, name):
    generate(model, tmp_path / name, images=3, frames=4)
    with Image.open(tmp_path / name) as film:
        assert film.n_frames == 12
        film.seek(4)
        near = np.abs(np.asarray(film.convert("RGB")).astype(float) - wanted(1)).mean()
    assert near < 12  # a palette, or WebP's loss


@pytest.mark.parametrize(
    ("name", "how", "message"),
    [
        ("a.txt", {}, r"expected \.png"),
        ("a.png", {"frames": 3}, r"expected \.gif"),
        ("a.png", {"frames": 3, "mix": "layout"}, "mix and frames are pictures of their own"),
        ("folder", {"mix": "layout"}, "folder of single images: drop mix"),
    ],
)
def test_what_does_not_go_together_is_said_before_anything_is_read(tmp_path, name, how, message):
    with pytest.raises(SceneshiftError, match=message):
        generate("nowhere", tmp_path / name, **how)


def test_a_sheet_that_no_file_can_hold_is_refused_before_it_is_drawn(model, tmp_path):
    for name, more in (
        ("a.webp", {"images": 600, "truncation_psi": (0.5, 1.0)}),
        ("a.jpg", {"images": 2000, "mix": "all"}),
        ("a.png", {"images": 10**9}),
    ):
        with pytest.raises(SceneshiftError, match=rf"{name} would have \d+ x \d+ pixels"):
            generate(model, tmp_path / name, **more)
