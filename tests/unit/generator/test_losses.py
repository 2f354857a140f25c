"""Losses, schedules and averages against their formulas."""

import math
from dataclasses import replace

import pytest
import torch

from sceneshift.generator.augmentation import AdaptiveStrength
from sceneshift.generator.defaults import defaults, ema_decay
from sceneshift.generator.losses import (
    discriminator_loss,
    generator_loss,
    path_length_penalty,
    path_lengths,
    r1_penalty,
)
from sceneshift.generator.networks import Generator
from sceneshift.generator.state import lazy_adam
from sceneshift.settings import GeneratorSettings


def test_logistic_losses_are_cross_entropies():
    real, fake = torch.randn(6, 1), torch.randn(6, 1)
    assert generator_loss(fake).item() == pytest.approx(-torch.sigmoid(fake).log().mean().item(), rel=1e-5)
    expected = -torch.sigmoid(real).log().mean() - (1 - torch.sigmoid(fake)).log().mean()
    assert discriminator_loss(real, fake).item() == pytest.approx(expected.item(), rel=1e-5)


def test_r1_of_a_linear_discriminator_is_its_weight_norm():
    images, weight = torch.randn(4, 3, 8, 8, requires_grad=True), torch.randn(3, 8, 8)
    penalty = r1_penalty((images * weight).sum(dim=[1, 2, 3]), images, gamma=3.0)
    assert penalty.item() == pytest.approx(1.5 * weight.square().sum().item(), rel=1e-5)


def test_path_length_of_a_linear_generator_is_the_norm_of_its_jacobian_row():
    layers, width, (height, wide) = 3, 5, (2, 8)
    jacobian = torch.randn(layers, width, 3 * height * wide)
    ws = torch.randn(2, layers, width, requires_grad=True)
    images = torch.einsum("nlw,lwp->np", ws, jacobian).reshape(2, 3, height, wide)
    noise = torch.randn(2, 3, height, wide)
    per_layer = torch.einsum("lwp,np->nlw", jacobian, noise.reshape(2, -1) / 4)  # √(2·8)
    expected = per_layer.square().sum(dim=2).mean(dim=1).sqrt()
    torch.testing.assert_close(path_lengths(images, ws, noise), expected)


def test_path_length_penalty_moves_the_mean_first_and_has_its_gradient():
    lengths = torch.tensor([2.0, 4.0], requires_grad=True)
    penalty, mean = path_length_penalty(lengths, torch.tensor(1.0), torch.tensor(3.0))
    assert mean.item() == pytest.approx(1.02)
    assert penalty.item() == pytest.approx(((2 - 1.02) ** 2 + (4 - 1.02) ** 2) / 2)
    plain = (lengths - torch.tensor(1.0).lerp(lengths.mean(), 0.01)).square().mean()
    expected = torch.autograd.grad(plain, lengths)[0]
    torch.testing.assert_close(torch.autograd.grad(penalty, lengths)[0], expected, rtol=1e-6, atol=0)


def test_path_length_penalties_of_parts_add_up_to_the_batchs():
    lengths = torch.tensor([2.0, 4.0, 7.0, 3.0], requires_grad=True)
    batch_mean, mean = lengths.detach().mean(), torch.tensor(1.0)
    whole, _ = path_length_penalty(lengths, mean, batch_mean)
    parts = sum(path_length_penalty(lengths[k::2], mean, batch_mean)[0] / 2 for k in (0, 1))
    one, other = (torch.autograd.grad(penalty, lengths)[0] for penalty in (whole, parts))
    torch.testing.assert_close(one, other, rtol=1e-6, atol=0)


def test_path_lengths_train_in_bfloat16_as_in_float32():
    torch.manual_seed(0)
    g = Generator(z_dim=8, w_dim=8, resolution=32, channel_base=1024, channel_max=32, mapping_layers=1)
    w, noise = torch.randn(4, 8), torch.randn(4, 3, 32, 32)

    def gradients():
        ws = g.mapping(w)[:, None].repeat(1, g.num_ws, 1)
        lengths = path_lengths(g.synthesis(ws), ws, noise)
        parameters = [p for name, p in g.synthesis.named_parameters() if name.endswith("weight")]
        return torch.autograd.grad(lengths.square().mean(), parameters)

    exact = gradients()
    g.synthesis.compute_dtype = torch.bfloat16
    for one, other in zip(gradients(), exact, strict=True):
        torch.testing.assert_close(one.norm(), other.norm(), rtol=0.05, atol=0)
        assert torch.cosine_similarity(one.flatten(), other.flatten(), dim=0) > 0.99


def test_lazy_regularisation_scales_adam():
    optimizer = lazy_adam(torch.nn.Linear(2, 2), 0.002, 16)
    group = optimizer.param_groups[0]
    assert group["lr"] == pytest.approx(0.002 * 16 / 17)
    assert group["betas"] == (0.0, pytest.approx(0.99 ** (16 / 17)))


def test_ema_half_life_is_ramped_up():
    assert ema_decay(32, 10**9, 10_000, 0.05) == pytest.approx(0.5 ** (32 / 10_000))
    assert ema_decay(32, 20_000, 10_000, 0.05) == pytest.approx(0.5 ** (32 / 1000))
    assert ema_decay(32, 20_000, 10_000, None) == pytest.approx(0.5 ** (32 / 10_000))


def test_defaults_follow_the_resolution_and_yield_to_the_settings():
    automatic = defaults(GeneratorSettings(batch=64), 256, 256)
    assert (automatic.channel_base, automatic.learning_rate) == (16384, 0.0025)
    assert automatic.r1_gamma == pytest.approx(0.0002 * 256**2 / 64)
    assert automatic.ema_images == 20_000
    assert defaults(GeneratorSettings(batch=64), 256, 512) == replace(automatic, r1_gamma=2 * automatic.r1_gamma)
    assert defaults(GeneratorSettings(r1_gamma=0, channel_base=99), 1024, 1024).r1_gamma == 0


@pytest.mark.parametrize("images", [500_000, 100_000])
def test_ada_moves_by_images_towards_its_target(images):
    ada = AdaptiveStrength(0.6, images)
    for _ in range(3):
        ada.update(torch.tensor(1.0), 32)
    assert ada.p == 0  # moves every four batches
    ada.update(torch.tensor(1.0), 32)
    assert ada.p == pytest.approx(128 / images)
    for _ in range(8):
        ada.update(torch.tensor(0.0), 32)  # mean sign 0: down, and never below zero
    assert ada.p == 0


def test_ada_goes_on_from_its_state():
    one, other = AdaptiveStrength(0.6), AdaptiveStrength(0.6)
    for step in range(10):
        one.update(torch.tensor(1.0), 7)
        if step == 4:
            other.load_state_dict(one.state_dict())
        elif step > 4:
            other.update(torch.tensor(1.0), 7)
    assert other.state_dict() == one.state_dict()
    assert math.isclose(one.p, 56 / 500_000)
