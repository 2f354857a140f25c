"""Convolutions whose second derivatives are as fast and as exact as the first ones.

PyTorch's own double backward computes weight gradients as convolutions with kernels as large as the images, also for
constant weights, and in bfloat16 got them wrong by half on a CPU with AMX. R1 and the path lengths are differentiated
twice; so here the derivatives of a convolution are convolutions, and their weight gradients, again.
"""

import contextlib
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx

aten = torch.ops.aten


class Geometry(NamedTuple):
    """How the kernel moves; `output_padding` as in `conv_transpose2d`."""

    stride: int = 1
    padding: int = 0
    groups: int = 1
    transposed: bool = False
    output_padding: tuple[int, int] = (0, 0)

    @property
    def arguments(self) -> tuple[object, ...]:
        """In ATen's order."""
        pairs = [self.stride] * 2, [self.padding] * 2, [1, 1]
        return *pairs, self.transposed, list(self.output_padding), self.groups

    def adjoint(self, x: Tensor, kernel: int) -> "Geometry":
        """That of the gradient with respect to the input `x`, [N, C, H, W], for a kernel of this side."""
        if self.transposed:
            return self._replace(transposed=False, output_padding=(0, 0))
        height, width = ((side + 2 * self.padding - kernel) % self.stride for side in x.shape[2:])
        return self._replace(transposed=True, output_padding=(height, width))


def convolve(x: Tensor, weight: Tensor, bias: Tensor | None, geometry: Geometry) -> Tensor:
    """`conv2d`, or `conv_transpose2d` where the geometry is transposed, with a square kernel.

    x [N, C, H, W]; weight [O, C/groups, K, K], transposed [C, O/groups, K, K]; bias [O] or None -> [N, O, H', W'].
    """
    return _Convolution.apply(x, weight, bias, geometry)


_weights_wanted = True


@contextlib.contextmanager
def inputs_only() -> Iterator[None]:
    """Within, gradients of weights and biases are not computed: autograd cannot tell that nobody asked for them."""
    global _weights_wanted
    _weights_wanted = False
    try:
        yield
    finally:
        _weights_wanted = True


class _Convolution(torch.autograd.Function):
    """`convolve` of x [N, C, H, W] with weights [O, I, k, k]; its gradient with respect to x is one again, that with
    respect to the weights a `_WeightGradient`."""

    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor, weight: Tensor, bias: Tensor | None, geometry: Geometry) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.geometry, ctx.biased = geometry, bias is not None
        return aten.convolution(x, weight, bias, *geometry.arguments)

    @staticmethod
    def backward(ctx: FunctionCtx, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        of_x = of_weight = of_bias = None
        if ctx.needs_input_grad[0]:
            of_x = convolve(gradient, weight, None, ctx.geometry.adjoint(x, weight.shape[-1]))
        if ctx.needs_input_grad[1] and _weights_wanted:
            of_weight, of_bias = _WeightGradient.apply(gradient, x, weight, ctx.biased, ctx.geometry)
        return of_x, of_weight, of_bias, None


class _WeightGradient(torch.autograd.Function):
    """Gradient [N, O, H', W'] of the output, input x [N, C, H, W] -> gradients of weight and bias; its own gradients
    are convolutions."""

    @staticmethod
    def forward(
        ctx: FunctionCtx, gradient: Tensor, x: Tensor, weight: Tensor, biased: bool, geometry: Geometry
    ) -> tuple[Tensor, Tensor | None]:
        ctx.save_for_backward(gradient, x)
        ctx.geometry = geometry
        bias_sizes = [weight.shape[0]] if biased else None
        wanted = (False, True, biased)
        return aten.convolution_backward(gradient, x, weight, bias_sizes, *geometry.arguments, wanted)[1:]

    @staticmethod
    def backward(ctx: FunctionCtx, change: Tensor, bias_change: Tensor | None) -> tuple[Tensor | None, ...]:
        gradient, x = ctx.saved_tensors
        of_gradient = convolve(x, change, bias_change, ctx.geometry)
        of_x = convolve(gradient, change, None, ctx.geometry.adjoint(x, change.shape[-1]))
        return of_gradient, of_x, None, None, None
