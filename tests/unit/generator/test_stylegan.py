"""The first StyleGAN: the same images from every layout, truncation of the first layers alone, and what is refused."""

import numpy as np
import pytest
import torch

import foreign_stylegan as foreign
from foreign_generators import Sizes
from sceneshift.generator.checkpoints import load_generator
from sceneshift.latents.levels import levels
from sceneshift.latents.moving import Move
from sceneshift.latents.rendering import Renderer
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.stages.export_generator import export_generator
from sceneshift.stages.import_generator import import_generator

LAYOUTS = ("genforce", "higan", "tensorflow")


@pytest.fixture
def imported(tmp_path):
    def make(layout="genforce", resolution=128):
        sizes = Sizes(resolution)
        sd = foreign.write(tmp_path / "c", layout, sizes)
        import_generator(tmp_path / "c", tmp_path / "g.safetensors")
        return sizes, sd, tmp_path / "g.safetensors"

    return make


@pytest.mark.parametrize("layout", LAYOUTS)
def test_images_are_those_of_the_original(imported, layout):
    sizes, sd, path = imported(layout)
    g, z = load_generator(path), sizes.randn(2, sizes.z_dim)
    assert (g.kind, g.num_ws, g.resolution) == ("stylegan", 12, 128)
    for psi in (1.0, 0.7, 0.0):
        expected = foreign.images(sd, sizes, z, psi)
        assert (g(z, truncation_psi=psi) - expected).abs().max() <= 1e-5 * expected.abs().max()


def test_stages_truncate_the_first_eight_layers_alone(imported):
    sizes, _, path = imported()
    renderer, z = Renderer(path), sizes.randn(2, sizes.z_dim)
    w = renderer.mapped(z.numpy())
    psi = renderer.truncation(0.5)
    assert psi[:, 0].tolist() == [0.5] * 8 + [1.0] * 4
    whole = load_generator(path)
    expected = renderer.render(whole.mapping(z, 0.5).numpy())
    np.testing.assert_array_equal(renderer.render_truncated(w, 0.5), expected)
    normal, mask = np.eye(1, sizes.w_dim, dtype=np.float32)[0], np.arange(12) >= 6
    moves = (Move(normal, distance, mask, psi) for distance in (2.0, 0.0))
    moved = np.subtract(*(move.of(renderer.codes(z.numpy()), renderer.mapped, renderer.w_avg) for move in moves))
    np.testing.assert_allclose(moved[0, :, 0], [0] * 6 + [1, 1, 2, 2, 2, 2], atol=1e-6)  # HiGAN: d·ψ where truncated


def test_a_code_for_each_of_two_layers_a_resolution(imported):
    _, _, path = imported()
    g = load_generator(path)
    assert g.ws_resolutions == [4, 4, 8, 8, 16, 16, 32, 32, 64, 64, 128, 128]
    assert np.flatnonzero(levels(g.ws_resolutions, 128)["attributes"]).tolist() == [4, 5, 6, 7, 8, 9]
    assert [tuple(weight.shape) for weight in g.synthesis.modulations] == [
        (2 * min(1024 // r, 16), 12) for r in g.ws_resolutions
    ]


def test_what_is_not_read_or_not_written_is_said(imported, tmp_path):
    _, sd, path = imported(resolution=32)
    with pytest.raises(SceneshiftError, match="is of stylegan; only StyleGAN2 generators are exported"):
        export_generator(path, tmp_path / "g.pt", format="rosinality")
    for change, says in (
        ({"synthesis.lod": torch.ones([])}, "lod is not 0"),
        ({"synthesis.layer2.blur.kernel": torch.ones(16, 1, 3, 3)}, r"not StyleGAN's \[1, 2, 1\]"),
        ({"mapping.label_weight": torch.ones(2, 2)}, "conditional"),
        ({"synthesis.layer3.style.weight": torch.ones(2, 2)}, r"layer3\.style\.weight has shape \[2, 2\]"),
    ):
        torch.save(sd | change, tmp_path / "bad.pth")
        with pytest.raises(SceneshiftError, match=says):
            import_generator(tmp_path / "bad.pth", tmp_path / "x.safetensors")
