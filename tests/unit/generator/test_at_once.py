"""What a GPU computes for all layers at once is what a CPU computes layer by layer, with the same gradients."""

import pytest
import torch

from sceneshift.generator import convolutions
from sceneshift.generator.defaults import defaults
from sceneshift.generator.state import initial_state
from sceneshift.generator.steps import Losses
from sceneshift.runtime.randomness import torch_generator
from sceneshift.settings import GeneratorSettings
from sceneshift.training.distributed import ALONE
from sceneshift.training.microbatches import MicroBatches

CPU = torch.device("cpu")
SETTINGS = GeneratorSettings(
    z_dim=8, w_dim=12, mapping_layers=2, channel_base=128, channel_max=16, batch=8, precision="float32"
)


@pytest.fixture
def networks_of(monkeypatch):
    """A training's networks with nothing at zero, from here on in the forms "of a CPU" or "of a GPU"."""

    def made(forms, clamp=None):
        monkeypatch.setattr(convolutions, "on_cpu", lambda x: forms == "of a CPU")
        state = initial_state(SETTINGS, defaults(SETTINGS, 32, 32), {"resolution": 32, "width": 32}, 0, CPU)
        state.g.synthesis.conv_clamp = clamp
        for conv in state.d.convs:
            conv.conv_clamp = clamp
        with torch.no_grad():
            for name, parameter in [*state.g.named_parameters(), *state.d.named_parameters()]:
                if name.endswith(("bias", "noise_strength")):
                    parameter.add_(0.3 * torch.randn(parameter.shape, generator=torch_generator(name)))
        return state.g, state.d

    return made


def gradients(g, d, name, frozen=0):
    """Of the loss of that name, by weight; None for what has none."""
    network = g if name in ("generator", "path_length") else d
    g.requires_grad_(network is g), d.requires_grad_(False)
    if network is d:
        d.train_behind(frozen)
    real = torch.rand(SETTINGS.batch, 3, 32, 32, generator=torch_generator("photos")) * 2 - 1
    losses, batches, rng = Losses(g, d, SETTINGS, 0.5, 0.0, real), MicroBatches(ALONE, 8, 4), torch_generator(name)
    of_path = losses.path_length(torch.tensor(0.3), batches, rng)
    loss_of = of_path if name == "path_length" else getattr(losses, name)
    figures = batches.gradients(list(network.parameters()), rng, lambda part: loss_of(part, rng).work(part))
    return figures | {f"gradient of {name}": p.grad for name, p in network.named_parameters()}


@pytest.mark.parametrize("clamp", [None, 0.8])
@pytest.mark.parametrize("name", ["generator", "discriminator", "r1", "path_length"])
def test_every_loss_has_the_gradients_of_a_cpu(networks_of, name, clamp):
    wanted = gradients(*networks_of("of a CPU", clamp), name)
    found = gradients(*networks_of("of a GPU", clamp), name)
    assert {n for n in wanted if wanted[n] is None} == {n for n in found if found[n] is None}
    sizes = {n: tensor.abs().max().clamp(min=1e-6) for n, tensor in wanted.items() if tensor is not None}
    relative = ({n: each[n] / size for n, size in sizes.items()} for each in (found, wanted))
    torch.testing.assert_close(*relative, atol=1e-4, rtol=0)


@pytest.mark.parametrize("forms", ["of a CPU", "of a GPU"])
def test_frozen_layers_have_no_gradients(networks_of, forms):
    g, d = networks_of(forms)
    found = gradients(g, d, "discriminator", frozen=3)
    without = {name for name, gradient in found.items() if gradient is None}
    assert without == {
        f"gradient of b32.{conv}.{part}" for conv in ("fromrgb", "conv0", "conv1") for part in ("weight", "bias")
    }


def test_bfloat16_is_near(networks_of):
    g, d = networks_of("of a GPU")
    ws = torch.randn(4, g.num_ws, g.w_dim, generator=torch_generator("codes"))
    exact = g.synthesis(ws)
    judged = d(exact)
    g.synthesis.compute_dtype = d.compute_dtype = torch.bfloat16
    assert (g.synthesis(ws) - exact).abs().mean() < 0.02 * exact.std()
    assert (d(exact) - judged).abs().mean() < 0.05 * judged.abs().mean()
