"""The deterministic forms give what the fast ones give, forward and backward."""

import pytest
import torch
import torch.nn.functional as F

from sceneshift.generator.augmentation import augment
from sceneshift.runtime.randomness import torch_generator
from sceneshift.training.deterministic import pad_mirrored


@pytest.fixture
def deterministic():
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(False)


def test_mirrored_borders(deterministic):
    x = torch.randn(2, 3, 5, 7, dtype=torch.float64, requires_grad=True)
    wanted = F.pad(x, (6, 6, 4, 4), mode="reflect")  # the widest margins that there are
    found = pad_mirrored(x, columns=6, rows=4)
    assert torch.equal(found, wanted)
    weights = torch.randn_like(wanted)
    of_wanted, of_found = (torch.autograd.grad((y * weights).sum(), x)[0] for y in (wanted, found))
    torch.testing.assert_close(of_found, of_wanted)


def test_the_augmentation_and_its_derivatives(deterministic):
    x = torch.randn(4, 3, 16, 24, requires_grad=True)

    def run():
        out = augment(x, 1.0, torch_generator("augmentation"))
        (slope,) = torch.autograd.grad(out.square().sum(), x, create_graph=True)
        return out, slope, torch.autograd.grad(slope.square().sum(), x)[0]

    found = run()
    torch.use_deterministic_algorithms(False)
    for one, other in zip(found, run(), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=2e-6 * other.abs().max().item())  # sums in another order
