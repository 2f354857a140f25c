"""The projector finds what a generator drew itself; its noise keeps no structure; its rate is the published one."""

import pytest
import torch

from sceneshift.generator.networks import Generator
from sceneshift.generator.projection import noise_loss, project, rate_at


@pytest.fixture(scope="module")
def generator():
    torch.manual_seed(0)
    g = Generator(z_dim=8, w_dim=8, resolution=16, channel_base=64, channel_max=8, mapping_layers=2)
    return g.eval().requires_grad_(False)


def projected(g, **settings):
    target = g.synthesis(g.mapping(torch.randn(1, 8, generator=torch.Generator().manual_seed(5))))
    rng = torch.Generator().manual_seed(0)
    return project(g, target, lambda images: images.flatten(1) / 28, rng, **{"steps": 120} | settings)


def test_what_the_generator_drew_is_found(generator):
    found = projected(generator)
    assert found.distance < 0.05 * found.start
    assert found.w.shape == (generator.num_ws, 8)
    assert (found.w == found.w[:1]).all(), "one code for all layers"
    again = projected(generator)
    assert torch.equal(found.w, again.w)


def test_w_plus_has_a_code_for_each_layer(generator):
    found = projected(generator, extended=True)
    assert found.distance < 0.05 * found.start
    assert not torch.equal(found.w[0], found.w[1])


def test_the_noise_stays_noise(generator):
    for noise in projected(generator).noises:
        assert float(noise.mean()) == pytest.approx(0, abs=1e-5)
        assert float(noise.square().mean()) == pytest.approx(1, abs=1e-4)


def test_structure_in_the_noise_costs_at_every_scale():
    checkers = (torch.arange(16)[:, None] + torch.arange(16)) % 2 * 2.0 - 1
    assert float(noise_loss(checkers[None, None])) == pytest.approx(2), (
        "neighbors are opposite; halved, nothing is left"
    )
    blocks = checkers.repeat_interleave(2, 0).repeat_interleave(2, 1)[None, None]  # 32 px
    assert float(noise_loss(blocks)) == pytest.approx(2 * (2**2) ** 2), "as blocks of 2, at the next scale"
    noise = torch.randn(1, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    assert float(noise_loss(noise)) < 0.1


def test_the_rate_rises_in_a_line_and_falls_as_a_cosine():
    assert [rate_at(t) for t in (0, 0.025, 0.05, 0.5, 0.75)] == pytest.approx([0, 0.5, 1, 1, 1])
    assert rate_at(0.875) == pytest.approx(0.5)
    assert rate_at(1) == pytest.approx(0)
