"""The edit head's formulas, and its start as the identity."""

import pytest
import torch

from sceneshift.settings import TranslatorSettings
from sceneshift.translator.architecture import TranslatorNetwork, architecture
from sceneshift.translator.heads import EditMaps, apply_edit, at_strength, edit_maps
from sceneshift.translator.state import new_networks

TINY = TranslatorSettings(width=4, downsamplings=1, blocks=1, discriminators=1)


def test_maps_follow_their_formulas():
    o = torch.randn(1, 7, 2, 3)
    maps = edit_maps(o)
    torch.testing.assert_close(maps.gain, 1 + torch.tanh(o[:, :3]))
    torch.testing.assert_close(maps.offset, torch.tanh(o[:, 3:6]))
    torch.testing.assert_close(maps.mask, 1 / (1 + torch.exp(2 - o[:, 6:])))


def test_edit_follows_its_formula_and_is_clamped():
    x = torch.rand(1, 3, 4, 4) * 2 - 1
    gain, offset, mask = torch.rand(1, 3, 4, 4) * 2, torch.rand(1, 3, 4, 4) * 2 - 1, torch.rand(1, 1, 4, 4)
    expected = (((x + 1) * gain - 1) * (1 - mask) + offset * mask).clamp(-1, 1)
    torch.testing.assert_close(apply_edit(x, EditMaps(gain, offset, mask)), expected)
    brighter = apply_edit(torch.full((1, 3, 1, 1), 0.9), EditMaps(torch.full((1, 3, 1, 1), 2.0), offset, mask * 0))
    assert brighter.max() <= 1


def test_strength_acts_on_the_maps_in_closed_form():
    maps = EditMaps(
        torch.tensor([0.0, 0.5, 1.0, 2.0]), torch.tensor([-1.0, 0.0, 0.3, 1.0]), torch.tensor([0, 0.2, 0.75, 1])
    )
    gain, offset, mask = at_strength(maps, 2)
    torch.testing.assert_close(gain, torch.tensor([0.0, 0.25, 1.0, 4.0]))
    torch.testing.assert_close(mask, torch.tensor([0, 0.36, 0.9375, 1]))
    assert torch.equal(offset, maps.offset)
    torch.testing.assert_close(at_strength(at_strength(maps, 1.5), 2), at_strength(maps, 3.0))
    torch.testing.assert_close(at_strength(maps, 1), maps)


def test_no_strength_is_no_edit():
    x, random = torch.linspace(-1, 1, 48).reshape(1, 3, 4, 4), torch.rand(3, 1, 3, 4, 4)
    torch.testing.assert_close(apply_edit(x, at_strength(EditMaps(random[0] * 2, random[1], random[2, :, :1]), 0)), x)


def test_edit_head_starts_with_gain_one_and_a_faint_mask():
    network, _ = new_networks(architecture(TINY, 16), seed=0)
    photo = torch.rand(2, 3, 16, 16) * 2 - 1
    maps = network.maps(photo)
    assert torch.equal(maps.gain, torch.ones_like(maps.gain))
    assert torch.equal(maps.offset, torch.zeros_like(maps.offset))
    torch.testing.assert_close(maps.mask, torch.full_like(maps.mask, 0.1192), atol=1e-4, rtol=0)


def test_image_head_is_bounded():
    network = TranslatorNetwork(architecture(TINY.model_copy(update={"head": "image"}), 16))
    image = network(torch.rand(1, 3, 16, 16) * 2 - 1)
    assert image.shape == (1, 3, 16, 16)
    assert image.abs().max() < 1


@pytest.mark.parametrize("head", ["edit", "image"])
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("local_enhancer", [False, True])
@torch.no_grad()
def test_networks_can_be_traced(head, local_enhancer):
    """TorchScript and what builds on it take the networks as they are."""
    sizes = architecture(TINY.model_copy(update={"head": head, "local_enhancer": local_enhancer}), 16)
    network, photo = new_networks(sizes, seed=0)[0].eval(), torch.rand(1, 3, 16, 16) * 2 - 1
    traced = torch.jit.trace(network, photo)
    other = torch.rand(2, 3, 24, 32) * 2 - 1
    torch.testing.assert_close(traced(other), network(other))
