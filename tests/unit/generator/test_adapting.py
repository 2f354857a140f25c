import pytest
import torch

from sceneshift.generator import reference
from sceneshift.generator.adapting import adapted_discriminator, adapted_generator
from sceneshift.generator.networks import Discriminator, Generator
from sceneshift.runtime.errors import SceneshiftError

CHANNELS = {"channel_base": 256, "channel_max": 16}  # at 64 px: 4


@pytest.fixture
def trained():
    """Networks of 16 px whose biases and noise are not those of a start."""
    torch.manual_seed(0)
    g = Generator(z_dim=8, w_dim=8, mapping_layers=2, resolution=16, **CHANNELS)
    d = Discriminator(resolution=16, **CHANNELS)
    with torch.no_grad():
        for name, parameter in [*g.named_parameters(), *d.named_parameters()]:
            if name.endswith(("bias", "noise_strength")):
                parameter.add_(torch.randn_like(parameter) * 0.3)
    return g.eval(), d.eval()


@torch.no_grad()
def test_higher_images_are_those_before_upsampled(trained):
    g, _ = trained
    w = torch.randn(3, 8)
    new = adapted_generator(g, 64, 64)
    before = reference.upsample(reference.upsample(g.synthesis(w)))
    torch.testing.assert_close(new.synthesis(w), before, atol=1e-5, rtol=0)
    assert torch.equal(new.mapping(w), g.mapping(w))


@torch.no_grad()
def test_lower_images_are_the_sum_up_to_their_resolution(trained):
    g, _ = trained
    w = torch.randn(3, 8)
    missing = [torch.zeros(1, 1, *shape) for shape in g.synthesis.noise_shapes]
    g.synthesis.b16.torgb.weight.zero_()
    g.synthesis.b16.torgb.bias.zero_()
    torch.testing.assert_close(
        reference.upsample(adapted_generator(g, 8, 8).synthesis(w, "none")), g.synthesis(w, missing), atol=1e-5, rtol=0
    )


@torch.no_grad()
def test_a_higher_discriminator_says_what_the_one_before_says_at_half_the_size(trained):
    _, d = trained
    images = torch.randn(8, 3, 32, 32)
    new = adapted_discriminator(d, CHANNELS, 32, 32)
    torch.testing.assert_close(new(images), d(reference.upfirdn(images, down=2, padding=(1, 1))), atol=1e-4, rtol=1e-4)


def test_all_that_was_added_learns(trained):
    """No layer starts where its gradient is zero, but for what acts only once another has moved."""
    g, d = trained
    images = adapted_generator(g, 32, 32).synthesis(torch.randn(4, 8))
    new = adapted_discriminator(d, CHANNELS, 32, 32)
    new(images.detach()).sum().backward()
    added = {name: p.grad for name, p in new.b32.named_parameters()}
    assert all(bool(grad.any()) for grad in added.values()), added.keys()


@torch.no_grad()
@pytest.mark.parametrize("columns", [4, 7, 8])
def test_a_wider_discriminator_says_the_same_of_what_is_the_same_across(trained, columns):
    _, d = trained
    new = adapted_discriminator(d, CHANNELS, 16, 4 * columns)
    row = torch.randn(2, 16, 4, 1)
    torch.testing.assert_close(
        new.b4.fc(row.expand(-1, -1, -1, columns).flatten(1)), d.b4.fc(row.expand(-1, -1, -1, 4).flatten(1))
    )


@torch.no_grad()
def test_wider_images_keep_every_weight_and_stretch_the_constant(trained):
    g, _ = trained
    new = adapted_generator(g, 16, 28)
    assert new.synthesis(torch.randn(1, 8)).shape == (1, 3, 16, 28)
    own, before = dict(new.named_parameters()), dict(g.named_parameters())
    assert [name for name in own if not torch.equal(own[name], before[name])] == ["synthesis.b4.const"]
    const = before["synthesis.b4.const"]
    torch.testing.assert_close(own["synthesis.b4.const"].mean(dim=2), const.mean(dim=2))
    torch.testing.assert_close(own["synthesis.b4.const"][..., 0], const[..., 0])


def test_too_few_channels_to_carry_an_image_are_said(trained):
    with pytest.raises(SceneshiftError, match=r"4 channels at 64 px, of which it needs 6"):
        adapted_discriminator(trained[1], CHANNELS, 64, 64)
