"""Steps of both trainings on tensors that have a shape and a device, but no values: PyTorch's `meta`, for a GPU.

Whatever reads a value there, which on a GPU waits until it is idle, is an error; so is a sum of tensors of two devices.
And the operators are counted, each of which is a kernel at least that a GPU must be asked for.
"""

import contextlib
from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from sceneshift.generator import steps
from sceneshift.generator.augmentation import AdaptiveStrength, augment
from sceneshift.generator.defaults import defaults
from sceneshift.generator.state import initial_state
from sceneshift.images.pixels import from_uint8
from sceneshift.runtime.randomness import torch_generator
from sceneshift.settings import GeneratorSettings, TranslatorSettings
from sceneshift.training.distributed import ALONE
from sceneshift.training.microbatches import MicroBatches
from sceneshift.translator import networks
from sceneshift.translator import steps as translator_steps
from sceneshift.translator.architecture import architecture
from sceneshift.translator.state import initial_state as initial_translator

GPU = torch.device("meta")
# at 64 px, by the augmentation's strength; a sixteenth of R1 and a fourth of path lengths counted in; Adam beside it
KERNELS_A_STEP = {0.0: 1080, 0.5: 1150}


class Kernels(TorchDispatchMode):
    """Within, counts the operators on tensors without values, by name; views and memory without values cost nothing.

    An operator on a list counts as one, of which a GPU makes a kernel for some dozens of tensors each.
    """

    FREE = ("_unsafe_view", "detach", "empty", "empty_like", "empty_strided", "new_empty", "new_empty_strided")

    def __init__(self):
        super().__init__()
        self.counted = Counter()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        name = function._schema.name.removeprefix("aten::")
        tensors = (t for t in tree_leaves((result, args, kwargs)) if isinstance(t, torch.Tensor))
        if not function.is_view and name not in self.FREE and any(t.is_meta for t in tensors):
            self.counted[name] += 1
        if name == "convolution" and args[0].is_contiguous(memory_format=torch.channels_last):
            return result.contiguous(memory_format=torch.channels_last)  # as cuDNN gives it
        return result


@pytest.fixture
def kernels(monkeypatch):
    def noise(g, count, part, rng):  # there are no random generators without values
        values = sum(height * width for height, width in g.synthesis.noise_shapes)
        return part.of(torch.randn(count, values, device=GPU))

    monkeypatch.setattr(steps, "draw_noise", noise)
    monkeypatch.setattr(torch.optim.Adam, "__init__", lambda self, parameters, **_: None)  # one kernel, and not here
    monkeypatch.setattr(networks.torch, "autocast", lambda *_, **__: contextlib.nullcontext())
    with Kernels() as counting:
        yield counting.counted


def test_reading_a_value_and_mixing_devices_are_found(kernels):
    x = torch.zeros(3, device=GPU)
    with pytest.raises((RuntimeError, NotImplementedError)):
        float(x.sum())
    with pytest.raises(RuntimeError, match="device"):
        x + torch.zeros(3)


@pytest.fixture
def kernels_of(kernels):
    """Of a step with one loss, named, of photos.yaml's networks at 64 px."""
    settings = GeneratorSettings(
        z_dim=64, w_dim=64, mapping_layers=2, channel_base=1024, channel_max=128, batch=16, precision="bfloat16"
    )
    values = defaults(settings, 64, 64)
    state = initial_state(settings, values, {"resolution": 64, "width": 64}, 0, GPU)
    batches = MicroBatches(ALONE, settings.batch, 4)
    real = from_uint8(np.zeros((settings.batch, 64, 64, 3), np.uint8), GPU)

    def step(name, p):
        losses = steps.Losses(state.g, state.d, settings, values.r1_gamma, p, real)
        rng = torch_generator(0, name)
        network = state.g if name in ("generator", "path_length") else state.d
        state.d.requires_grad_(network is state.d)
        of_path = losses.path_length(state.path_length_mean, batches, rng)
        loss_of = of_path if name == "path_length" else getattr(losses, name)
        adam = SimpleNamespace(param_groups=[{"params": list(network.parameters())}], step=lambda: None)
        for _ in range(2):  # the second time, as from then on, the matrices that blur are there
            kernels.clear()
            figures = steps.minimize(adam, batches, rng, loss_of)
            if "w_mean" in figures:
                state.g.mapping.track_w_avg(figures.pop("w_mean"))
            if name == "discriminator":
                AdaptiveStrength(0.6).update(figures["real_sign"], settings.batch)
                state.average(0.99)
            state.last_steps.note(figures)
        return kernels.total()

    return step


@pytest.mark.parametrize("p", KERNELS_A_STEP)
def test_a_step_of_the_generators_training_never_waits_and_asks_for_few_kernels(kernels_of, p):
    by_loss = {name: kernels_of(name, p) for name in ("generator", "discriminator", "r1", "path_length")}
    a_step = by_loss["generator"] + by_loss["discriminator"] + by_loss["r1"] / 16 + by_loss["path_length"] / 4
    assert a_step < KERNELS_A_STEP[p], by_loss


def test_augmentation_leaves_its_small_sums_to_the_cpu(kernels):
    images = torch.zeros(8, 3, 32, 32, device=GPU)
    kernels.clear()
    augment(images, 0.5, torch_generator("augmentation"))
    assert kernels.total() < 50, kernels


@pytest.mark.parametrize("head", ["edit", "image"])
def test_a_step_of_the_translators_training_never_waits(kernels, head):
    settings = TranslatorSettings(head=head, width=4, downsamplings=2, blocks=1, perceptual=0, batch=4)
    state = initial_translator(architecture(settings, 32), settings, 0, GPU)
    losses = translator_steps.Losses(state.translator, state.discriminator, settings, None, torch.float32)
    photos, targets = (from_uint8(np.zeros((4, 32, 32, 3), np.uint8), GPU) for _ in range(2))
    state.last_steps.note(losses.gradients(photos, targets, 1.0))
    assert kernels["convolution"] > 10
