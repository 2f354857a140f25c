"""Convolutions and their first two derivatives hold to finite differences."""

import contextlib

import pytest
import torch

from sceneshift.generator.double_backward import Geometry, convolve, inputs_only

GEOMETRIES = {
    "plain": (Geometry(), (4, 3, 3, 3), True),
    "same size": (Geometry(padding=1), (4, 3, 3, 3), True),
    "halving": (Geometry(stride=2, padding=1), (4, 3, 3, 3), True),
    "halving, 1×1": (Geometry(stride=2), (4, 3, 1, 1), True),
    "doubling": (Geometry(stride=2, transposed=True), (3, 4, 3, 3), False),
    "blur": (Geometry(padding=2, groups=3), (3, 1, 4, 4), False),
    "upsampling": (Geometry(stride=2, padding=1, groups=3, transposed=True), (3, 1, 4, 4), False),
}


@pytest.mark.parametrize("name", GEOMETRIES)
def test_both_derivatives_equal_finite_differences(name):
    geometry, shape, biased = GEOMETRIES[name]
    torch.manual_seed(0)
    x, weight = (torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in ((2, 3, 5, 6), shape))
    bias = torch.randn(4, dtype=torch.float64, requires_grad=True) if biased else None
    arguments = (x, weight, bias) if biased else (x, weight)

    def convolved(x, weight, bias=None):
        return convolve(x, weight, bias, geometry)

    assert torch.autograd.gradcheck(convolved, arguments)
    assert torch.autograd.gradgradcheck(convolved, arguments)


def test_inputs_only_leaves_penalties_on_gradients_their_weights():
    torch.manual_seed(0)
    x, weight, bias = (torch.randn(shape, requires_grad=True) for shape in ((2, 3, 5, 6), (4, 3, 3, 3), 4))

    def of_penalty(context):
        with context:
            output = convolve(x, weight, bias, Geometry()).square().sum()
            (gradient,) = torch.autograd.grad(output, x, create_graph=True)
        return torch.autograd.grad(gradient.square().sum(), (weight, bias))

    for spared, whole in zip(of_penalty(inputs_only()), of_penalty(contextlib.nullcontext()), strict=True):
        torch.testing.assert_close(spared, whole)
    with pytest.raises(RuntimeError), inputs_only():  # refused, not zero
        torch.autograd.grad(convolve(x, weight, bias, Geometry()).sum(), weight)
