"""The strip of edits, in the format that its name says."""

import numpy as np
import PIL.Image
import pytest
from PIL import ImageColor

from sceneshift.generator.checkpoints import save_generator
from sceneshift.generator.networks import Generator
from sceneshift.images.sheets import MARK
from sceneshift.latents.boundaries import Boundary, save_boundary
from sceneshift.pairs.edit_record import EditRecord
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.stages.edit import edit


@pytest.fixture
def models(tmp_path):
    small = Generator(z_dim=8, w_dim=8, resolution=16, channel_base=64, channel_max=8, mapping_layers=2)
    save_generator(tmp_path / "g.safetensors", small)
    normal = small.w_avg.new_zeros(8).numpy()
    normal[0] = 1
    save_boundary(Boundary(normal, 0.0, "a", 1.0, 10, "random"), tmp_path / "b.npz")
    return tmp_path / "g.safetensors", tmp_path / "b.npz"


@pytest.mark.parametrize(
    ("name", "format"), [("s.png", "PNG"), ("s.jpg", "JPEG"), ("s.JPEG", "JPEG"), ("s.webp", "WEBP")]
)
def test_the_suffix_tells_the_format(models, tmp_path, name, format):
    edit(*models, tmp_path / name, images=2, distances=(-1, 0, 1))
    with PIL.Image.open(tmp_path / name) as picture:
        assert picture.format == format


def test_the_step_of_the_pairs_is_a_column_of_its_own_and_marked(models, tmp_path):
    facts = {"attribute": "a", "measured_by": "a", "direction": "less", "level": "all", "distance": 1.5}
    EditRecord(**facts).write(tmp_path)
    edit(*models, tmp_path / "plain.png", images=2, distances=(-2, -1, 0))
    edit(*models, tmp_path / "s.png", images=2, distances=(-2, -1, 0), record=tmp_path / "edit.json")
    plain, strip = (np.array(PIL.Image.open(tmp_path / name)) for name in ("plain.png", "s.png"))
    step = 128 + 4  # pixels from column to column
    assert strip.shape[1] == plain.shape[1] + step
    framed = np.flatnonzero((strip[60] == ImageColor.getrgb(MARK)).all(axis=1))
    assert step - 4 <= framed.min() < framed.max() <= 2 * step  # the second, at -1.5
    np.testing.assert_array_equal(strip[30:, 2 * step + 4 :], plain[30:, step + 4 :])


def test_several_attributes_move_at_once(models, tmp_path):
    """Along two normals at right angles: as along their sum; and as the pairs' record says, also for less."""
    generator, first = models
    other, both = np.eye(1, 8, 3, dtype=np.float32)[0], np.zeros(8, np.float32)
    both[[0, 3]] = 0.8, 0.6  # unit length; 0.75 of the second for a step along the first
    save_boundary(Boundary(other, 0.0, "b", 1.0, 10, "random"), tmp_path / "other.npz")
    save_boundary(Boundary(both, 0.0, "c", 1.0, 10, "random"), tmp_path / "both.npz")

    def pixels(boundary, out, **options):
        edit(generator, boundary, tmp_path / out, images=2, **options)
        return np.array(PIL.Image.open(tmp_path / out))[30:]

    together = {"also": [tmp_path / "other.npz"], "also_steps": [0.75]}
    moved = pixels(first, "moved.png", distances=(0, 2), **together)
    np.testing.assert_array_equal(moved, pixels(tmp_path / "both.npz", "sum.png", distances=(0, 2.5)))
    assert (moved != pixels(first, "alone.png", distances=(0, 2))).any()
    facts = {"attribute": "a", "measured_by": "a", "direction": "less", "level": "all", "distance": 2}
    EditRecord(**facts, also={"b": -0.75}).write(tmp_path)
    by_record = {"record": tmp_path / "edit.json", "also": together["also"], "distances": ()}
    opposite = pixels(tmp_path / "both.npz", "opposite.png", distances=(-2.5,))
    np.testing.assert_array_equal(pixels(first, "recorded.png", **by_record)[4:120, 8:120], opposite[4:120, 8:120])
    with pytest.raises(SceneshiftError, match="also moves b, but the boundaries given for that are of nothing"):
        edit(generator, first, tmp_path / "s.png", record=tmp_path / "edit.json")
    with pytest.raises(SceneshiftError, match="gives 2 steps for 1 boundaries"):
        edit(generator, first, tmp_path / "s.png", also=together["also"], also_steps=[1, 2])


@pytest.mark.parametrize("name", ["s.txt", "s"])
def test_another_suffix_is_refused_before_anything_is_read(tmp_path, name):
    with pytest.raises(SceneshiftError, match=r"expected \.png, \.jpg"):
        edit("nowhere", "nowhere", tmp_path / name)


def test_a_strip_that_no_file_can_hold_is_refused_before_it_is_drawn(models, tmp_path):
    for name, images in (("s.jpg", 500), ("s.webp", 125), ("s.png", 10**9)):
        with pytest.raises(SceneshiftError, match=rf"{name} would have 128 x \d+ pixels, more than a"):
            edit(*models, tmp_path / name, images=images, distances=(0,))
