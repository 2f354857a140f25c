"""The networks hold to the plain forms, to the published counts and shapes, and to finite differences."""

from pathlib import Path

import numpy as np
import pytest
import torch

from sceneshift.generator import convolutions, load_generator, reference
from sceneshift.generator.networks import Discriminator, FullyConnected, Generator, Mapping, minibatch_deviation

# the shipped generator's images of two codes, averaged over colors and ninths of the picture
SHIPPED = [
    [[0.22784, 0.66475, 0.79636], [-0.26281, 0.04325, 0.05367], [-0.13586, 0.31704, 0.19236]],
    [[-0.26786, 0.05838, -0.40505], [-0.68758, -0.56431, -0.66292], [-0.63594, -0.68718, -0.70335]],
]


def tiny_generator(seed: int = 0, width: int | None = None) -> Generator:
    torch.manual_seed(seed)
    sizes = {"resolution": 32, "width": width, "channel_base": 256, "channel_max": 16}
    g = Generator(z_dim=16, w_dim=24, mapping_layers=3, **sizes)
    with torch.no_grad():  # biases and noise strengths start at zero, which would hide them
        for name, parameter in g.named_parameters():
            if name.endswith(("bias", "noise_strength")):
                parameter.add_(0.3 * torch.randn_like(parameter))
    return g


def compute_plainly(monkeypatch):
    """Networks are made of the reference's forms from here on."""
    monkeypatch.setattr(convolutions, "on_cpu", lambda x: True)
    for name in reference.FORMS:
        monkeypatch.setattr(convolutions, name, getattr(reference, name))


@pytest.mark.parametrize(("resolution", "num_ws"), [(64, 10), (256, 14), (1024, 18)])
def test_num_ws_is_twice_log2_minus_two(resolution, num_ws):
    g = Generator(z_dim=4, w_dim=4, resolution=resolution, channel_base=1024, channel_max=1, mapping_layers=1)
    assert g.num_ws == num_ws
    assert g.ws_resolutions[0] == 4
    assert g.ws_resolutions[-1] == resolution


def test_parameter_counts_are_the_published_networks():
    g = Generator(z_dim=512, w_dim=512, resolution=1024, channel_base=32768, channel_max=512, mapping_layers=8)
    d = Discriminator(resolution=1024, channel_base=32768, channel_max=512)
    assert sum(p.numel() for p in g.parameters()) == 30_370_060
    assert sum(p.numel() for p in d.parameters()) == 29_012_513


@pytest.mark.parametrize("forms", ["of a CPU", "of a GPU"])
@pytest.mark.parametrize(("noise", "width"), [("const", 32), ("none", 32), ("const", 56)])
def test_fast_synthesis_computes_the_reference(noise, width, forms, monkeypatch):
    monkeypatch.setattr(convolutions, "on_cpu", lambda x: forms == "of a CPU")
    g = tiny_generator(width=width)
    ws = torch.randn(3, g.num_ws, g.w_dim)
    fast = g.synthesis(ws, noise)
    compute_plainly(monkeypatch)
    torch.testing.assert_close(fast, g.synthesis(ws, noise), atol=2e-5, rtol=1e-4)


def test_bfloat16_synthesis_stays_near_the_reference():
    g = tiny_generator()
    w = torch.randn(4, g.w_dim)
    exact = g.synthesis(w)
    g.synthesis.compute_dtype = torch.bfloat16
    assert (g.synthesis(w) - exact).abs().mean() < 0.02 * exact.std()


@pytest.mark.parametrize("forms", ["of a CPU", "of a GPU"])
@pytest.mark.parametrize("width", [32, 56])
def test_fast_discriminator_computes_the_reference(width, forms, monkeypatch):
    monkeypatch.setattr(convolutions, "on_cpu", lambda x: forms == "of a CPU")
    torch.manual_seed(0)
    d = Discriminator(resolution=32, width=width, channel_base=256, channel_max=16)
    images = torch.randn(8, 3, 32, width)
    fast = d(images)
    compute_plainly(monkeypatch)
    torch.testing.assert_close(fast, d(images), atol=1e-5, rtol=1e-4)


def test_wide_images_grow_from_a_wide_constant():
    g = tiny_generator(width=56)
    d = Discriminator(resolution=32, width=56, channel_base=256, channel_max=16)
    assert g.synthesis.b4.const.shape == (16, 4, 7)
    assert [b.conv1.noise_const.shape[1] for b in (g.synthesis.b8, g.synthesis.b32)] == [14, 56]
    images = g(torch.randn(3, 16))
    assert images.shape == (3, 3, 32, 56)
    assert d(images).shape == (3, 1)
    assert (g.num_ws, g.ws_resolutions) == (tiny_generator().num_ws, tiny_generator().ws_resolutions)
    assert {n: p.shape for n, p in g.named_parameters() if "const" not in n} == {
        n: p.shape for n, p in tiny_generator().named_parameters() if "const" not in n
    }


@pytest.mark.parametrize("width", [28, 24, 37, 0])
def test_widths_that_no_constant_grows_to_are_refused(width):
    with pytest.raises(ValueError, match="not a multiple of resolution / 4 = 8 from 32 on"):
        tiny_generator(width=width)


def test_the_shipped_generator_draws_what_it_drew():
    shipped = Path(__file__).parents[3] / "resources" / "streets64.safetensors"
    z = torch.randn(2, 64, generator=torch.Generator().manual_seed(1))
    thumbnails = torch.nn.functional.adaptive_avg_pool2d(load_generator(shipped)(z, truncation_psi=0.7), 3)
    torch.testing.assert_close(thumbnails.mean(1), torch.tensor(SHIPPED), atol=1e-4, rtol=0)


def test_gradients_of_the_fast_layer_match_finite_differences_twice():
    torch.manual_seed(0)
    arguments = [
        torch.randn(2, 3, 4, 4),
        torch.randn(2, 3, 3, 3),
        torch.randn(2, 3),
        torch.randn(2, 1, 8, 8),
        torch.randn(2),
    ]
    arguments = [a.double().requires_grad_() for a in arguments]

    def layer(*a):
        return convolutions.modulated_conv(*a, upsampling=True)

    assert torch.autograd.gradcheck(layer, arguments)
    assert torch.autograd.gradgradcheck(layer, arguments)


def test_demodulation_gives_unit_variance_outputs():
    torch.manual_seed(0)
    x, weight, style = torch.randn(8, 64, 16, 16), torch.randn(32, 64, 3, 3), torch.rand(8, 64) * 5 + 0.1
    y = reference.modulated_conv(x, weight, style, None, torch.full([32], 1e6), upsampling=False)
    # a huge bias keeps leaky ReLU on its linear side; inner pixels see all nine taps
    assert (y / 2**0.5 - 1e6)[:, :, 1:-1, 1:-1].std().item() == pytest.approx(1, abs=0.1)


def test_one_code_equals_the_same_code_for_every_layer():
    g, w = tiny_generator(), torch.randn(2, 24)
    assert torch.equal(g.synthesis(w), g.synthesis(w[:, None].expand(-1, g.num_ws, -1)))


def test_each_code_styles_layers_of_its_resolution_only():
    g = tiny_generator()
    ws = torch.zeros(1, g.num_ws, g.w_dim)
    moved = ws.clone()
    moved[:, -1] += 1  # the last code reaches the last ToRGB alone: features stay
    change = g.synthesis(moved) - g.synthesis(ws)
    assert change.abs().max() > 0
    low = torch.nn.functional.interpolate(torch.nn.functional.avg_pool2d(change, 2), scale_factor=2)
    assert not torch.allclose(change, low)


def test_codes_of_a_wrong_count_are_refused():
    with pytest.raises(ValueError, match=r"\[N, 8, w_dim\]"):
        tiny_generator().synthesis(torch.zeros(1, 5, 24))


def test_truncation_pulls_towards_the_mean():
    g, z = tiny_generator(), torch.randn(5, 16)
    g.w_avg.copy_(torch.randn(24))
    w = g.mapping(z)
    torch.testing.assert_close(g.mapping(z, truncation_psi=0.7), g.w_avg + 0.7 * (w - g.w_avg))
    torch.testing.assert_close(g.mapping(z, truncation_psi=0.0), g.w_avg.expand(5, -1))


def test_mapping_sees_only_the_direction_of_z():
    mapping = Mapping(16, 24, 2)
    z = torch.randn(4, 16)
    torch.testing.assert_close(mapping(z), mapping(3 * z))


def test_w_avg_is_a_moving_average_with_decay_0_995():
    mapping = Mapping(4, 4, 1)
    mapping.track_w_avg(torch.ones(4))
    mapping.track_w_avg(torch.full((4,), 3.0))
    torch.testing.assert_close(mapping.w_avg, torch.full([4], 0.005 * 0.995 + 3 * 0.005))


def test_fully_connected_scales_weights_at_run_time():
    layer = FullyConnected(9, 2, lr_multiplier=0.01, bias_init=4.0)
    x = torch.randn(3, 9)
    torch.testing.assert_close(layer(x), x @ layer.weight.T * (0.01 / 3) + 0.04)


def test_blur_keeps_constants_and_upsampling_keeps_means():
    x = torch.full((1, 2, 8, 8), 3.0)
    torch.testing.assert_close(convolutions.blur(x, padding=2)[:, :, 2:-2, 2:-2], x[:, :, :5, :5])
    torch.testing.assert_close(convolutions.upsample(x)[:, :, 2:-2, 2:-2], torch.full((1, 2, 12, 12), 3.0))
    y = torch.randn(1, 2, 8, 8)
    torch.testing.assert_close(convolutions.upsample(y), reference.upsample(y))


def test_minibatch_deviation_is_the_mean_deviation_over_groups():
    x = torch.randn(8, 3, 4, 4)
    expected = x.reshape(4, 2, 3, 4, 4).numpy().std(axis=0).mean(axis=(1, 2, 3))
    appended = minibatch_deviation(x)[:, 3, 0, 0].numpy()
    np.testing.assert_allclose(appended, np.tile(expected, 4), rtol=1e-4)


@pytest.mark.parametrize(("images", "group"), [(3, 4), (8, 8), (8, 16), (6, None)])
def test_a_batch_of_less_than_a_group_is_one(images, group):
    x = torch.randn(images, 3, 4, 4)
    expected = x.numpy().std(axis=0).mean()
    np.testing.assert_allclose(minibatch_deviation(x, group)[:, 3], expected, rtol=1e-4)


@pytest.mark.parametrize("group", [4, None])
def test_batches_are_not_compared_with_each_other(group):
    batches = torch.randn(2, 8, 3, 4, 4)
    apart = torch.cat([minibatch_deviation(batch, group) for batch in batches])
    torch.testing.assert_close(minibatch_deviation(batches.flatten(0, 1), group, batches=2), apart)


def test_images_that_are_no_whole_groups_are_refused():
    with pytest.raises(ValueError, match="6 images are not whole groups of 4"):
        minibatch_deviation(torch.randn(6, 3, 4, 4))
