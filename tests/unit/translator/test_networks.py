"""pix2pixHD's networks have the published sizes, orders and shapes."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from sceneshift.runtime.randomness import torch_generator
from sceneshift.settings import PhotosSettings, TranslatorSettings
from sceneshift.translator import networks
from sceneshift.translator.architecture import architecture
from sceneshift.translator.networks import (
    GlobalGenerator,
    LocalEnhancer,
    MultiscaleDiscriminator,
    halved,
    initialize,
    instance_norm,
)


def parameters(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def shapes(network: nn.Module) -> list[tuple[int, ...]]:
    return [tuple(p.shape) for p in network.parameters()]


def conv(out: int, inputs: int, kernel: int) -> list[tuple[int, ...]]:
    return [(out, inputs, kernel, kernel), (out,)]


def up(inputs: int, out: int) -> list[tuple[int, ...]]:
    return [(inputs, out, 3, 3), (out,)]


def test_published_parameter_counts():
    with torch.device("meta"):
        assert parameters(GlobalGenerator(3, width=64, downsamplings=4, blocks=9)) == 182_443_267
        assert parameters(MultiscaleDiscriminator(6, width=64, scales=2)) == 5_535_618


def test_generator_parameters_come_in_the_published_order():
    expected = conv(8, 3, 7) + conv(16, 8, 3) + conv(32, 16, 3) + 4 * conv(32, 32, 3)
    expected += up(32, 16) + up(16, 8) + conv(3, 8, 7)
    assert shapes(GlobalGenerator(3, width=8, downsamplings=2, blocks=2)) == expected


def test_enhancer_parameters_come_in_the_published_order():
    coarse = conv(8, 3, 7) + conv(16, 8, 3) + 2 * conv(16, 16, 3) + up(16, 8)
    fine = conv(4, 3, 7) + conv(8, 4, 3) + 4 * conv(8, 8, 3) + up(8, 4) + conv(3, 4, 7)
    assert shapes(LocalEnhancer(3, width=4, downsamplings=1, blocks=1, local_blocks=2)) == coarse + fine


def test_discriminator_parameters_come_in_the_published_order():
    one = conv(8, 6, 4) + conv(16, 8, 4) + conv(32, 16, 4) + conv(64, 32, 4) + conv(1, 64, 4)
    assert shapes(MultiscaleDiscriminator(6, width=8, scales=2)) == 2 * one


@pytest.mark.parametrize(("layers", "patch"), [(1, 16), (2, 34), (3, 70)])
def test_layers_of_the_discriminators_are_the_sizes_of_their_patches(monkeypatch, layers, patch):
    monkeypatch.setattr(networks, "instance_norm", lambda x: x)  # which sees whole maps
    image = torch.rand(1, 6, 128, 128, requires_grad=True)
    verdict = networks.PatchDiscriminator(6, 4, layers)(image)[-1][0, 0]
    verdict[len(verdict) // 2, len(verdict) // 2].backward()
    reached = image.grad[0].abs().sum(dim=0).nonzero()
    assert (reached.max(dim=0).values - reached.min(dim=0).values + 1).tolist() == [patch, patch]


def test_full_scale_is_judged_by_the_last_registered_discriminator():
    network = MultiscaleDiscriminator(6, width=4, scales=2)
    photo, image = torch.randn(1, 3, 32, 32), torch.randn(1, 3, 32, 32)
    both = torch.cat([photo, image], 1)
    full, half = network(photo, image)
    assert torch.equal(full[-1], network.scales[1](both)[-1])
    assert torch.equal(half[-1], network.scales[0](halved(both))[-1])
    assert len(full) == len(half) == 5
    assert full[-1].shape == (1, 1, 7, 7)


@pytest.mark.parametrize(
    "network",
    [GlobalGenerator(7, width=4, downsamplings=2, blocks=1), LocalEnhancer(7, width=4, downsamplings=1, blocks=1)],
)
def test_any_size_that_is_a_multiple_keeps_its_size(network):
    assert network(torch.randn(2, 3, 16, 24)).shape == (2, 7, 16, 24)


def test_generator_is_the_published_sequence():
    ours = GlobalGenerator(3, width=4, downsamplings=1, blocks=1)
    norm = nn.InstanceNorm2d
    before = [
        nn.ReflectionPad2d(3),
        nn.Conv2d(3, 4, 7),
        norm(4),
        nn.ReLU(),
        nn.Conv2d(4, 8, 3, 2, 1),
        norm(8),
        nn.ReLU(),
    ]
    block = [
        nn.ReflectionPad2d(1),
        nn.Conv2d(8, 8, 3),
        norm(8),
        nn.ReLU(),
        nn.ReflectionPad2d(1),
        nn.Conv2d(8, 8, 3),
        norm(8),
    ]
    after = [nn.ConvTranspose2d(8, 4, 3, 2, 1, 1), norm(4), nn.ReLU(), nn.ReflectionPad2d(3), nn.Conv2d(4, 3, 7)]
    before, block, after = (nn.Sequential(*part) for part in (before, block, after))
    theirs = [p for part in (before, block, after) for p in part.parameters()]
    with torch.no_grad():
        for p, q in zip(ours.parameters(), theirs, strict=True):
            q.copy_(p)
    x = torch.randn(2, 3, 16, 16)
    y = before(x)
    torch.testing.assert_close(ours(x), after(y + block(y)), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("training", [False, True])
def test_instance_norm_is_instance_norm(layout, training):
    x, weights = torch.randn(2, 2, 5, 8, 6) * 3 + 1
    results = []
    for norm in (instance_norm, F.instance_norm):
        given = x.to(memory_format=layout, copy=True).requires_grad_(training)
        results.append(norm(given))
        if training:
            (results[-1] * weights).sum().backward()
            results[-1] = torch.cat([results[-1], given.grad])
    torch.testing.assert_close(*results)


def test_weights_start_as_published_and_follow_the_generator():
    network, again = (GlobalGenerator(3, width=16, downsamplings=2, blocks=2) for _ in range(2))
    initialize(network, torch_generator(3, "weights"))
    initialize(again, torch_generator(3, "weights"))
    weights = torch.cat([p.flatten() for name, p in network.named_parameters() if name.endswith("weight")])
    assert abs(weights.std() - 0.02) < 2e-4
    assert abs(weights.mean()) < 2e-4
    assert all(torch.equal(a, b) for a, b in zip(network.parameters(), again.parameters(), strict=True))


@pytest.mark.parametrize("resolution", [16, 32, 64, 128, 256, 512, 1024])
def test_every_width_of_photos_suits_the_default_networks(resolution):
    multiple = architecture(TranslatorSettings(local_enhancer=resolution >= 512), resolution).multiple
    photos = {"source": "folder", "folder": "photos", "resolution": resolution}
    assert all(PhotosSettings(**photos, width=k * resolution // 4).width % multiple == 0 for k in range(4, 17))


@pytest.mark.parametrize(
    ("resolution", "sizes"), [(64, (32, 2, 4)), (128, (32, 3, 6)), (256, (64, 4, 9)), (512, (64, 4, 9))]
)
def test_null_sizes_follow_the_resolution(resolution, sizes):
    chosen = architecture(TranslatorSettings(), resolution)
    assert (chosen.width, chosen.downsamplings, chosen.blocks) == sizes


def test_given_sizes_win_and_multiples_are_the_published_ones():
    chosen = architecture(TranslatorSettings(width=12, blocks=1), 256)
    assert (chosen.width, chosen.downsamplings, chosen.blocks, chosen.multiple) == (12, 4, 1, 16)
    assert architecture(TranslatorSettings(local_enhancer=True), 512).multiple == 32
