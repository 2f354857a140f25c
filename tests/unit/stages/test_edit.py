"""The strip of edits, in the format that its name says."""

import PIL.Image
import pytest

from sceneshift.generator.checkpoints import save_generator
from sceneshift.generator.networks import Generator
from sceneshift.latents.boundaries import Boundary, save_boundary
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


@pytest.mark.parametrize("name", ["s.txt", "s"])
def test_another_suffix_is_refused_before_anything_is_read(tmp_path, name):
    with pytest.raises(SceneshiftError, match=r"expected \.png, \.jpg"):
        edit("nowhere", "nowhere", tmp_path / name)
