"""StyleGAN2's networks in few kernels: what layers do not need each other for is computed for all of them at once.

At 64 px a GPU is done with a kernel sooner than with the asking for it, and a step of training takes thousands. So
weights are scaled and cast together, and so are styles, demodulations, noise and kernels to RGB computed; a layer is
left with its convolution and what follows on it. What is computed, `networks.py` says, which also runs on a CPU.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import FunctionCtx

from sceneshift.generator.convolutions import GAIN, Modulation, clamped, modulated, scaled_conv, upsample

if TYPE_CHECKING:
    from sceneshift.generator.networks import Conv, Discriminator, FullyConnected, Synthesis, SynthesisLayer, ToRGB


def synthesis(s: Synthesis, ws: Tensor, noises: Sequence[Tensor | None]) -> Tensor:
    """`s` of codes [N, num_ws, w_dim] and each layer's noise [N or 1, 1, H, W]: images [N, 3, H, W]."""
    blocks = [getattr(s, f"b{r}") for r in s.resolutions]
    convs, rgbs = [conv for block in blocks for conv in block.convs], [block.torgb for block in blocks]
    codes = [*range(len(convs)), *range(1, len(convs) + 1, 2)]  # a layer to RGB shares its code with the next layer
    styles = _styles(ws, [layer.affine for layer in (*convs, *rgbs)], codes)
    channels = [sum(layer.weight.shape[1] for layer in layers) for layers in (convs, rgbs)]
    of_convs, of_rgbs = styles.split(channels, dim=1)
    modulations = iter(_modulations(convs, of_convs, noises, s.compute_dtype))
    kernels = iter(_kernels_to_rgb(rgbs, of_rgbs, s.compute_dtype))
    x = blocks[0].const[None].to(s.compute_dtype, memory_format=torch.channels_last)
    image = None
    for block in blocks:
        for conv in block.convs:
            x = clamped(modulated(x, next(modulations), conv.upsampling), s.conv_clamp)
        rgb = x.permute(0, 2, 3, 1).flatten(1, 2) @ next(kernels).transpose(1, 2)  # [N, H·W, 3]
        rgb = clamped(rgb.transpose(1, 2).unflatten(2, x.shape[2:]) + block.torgb.bias[:, None, None], s.conv_clamp)
        image = rgb if image is None else upsample(image) + rgb
    return image


def features(d: Discriminator, images: Tensor) -> Tensor:
    """What the blocks of `d` make of images [N, 3, H, W]: [N, C, 4, k]."""
    convs, biased = d.convs, [conv for conv in d.convs if conv.bias is not None]
    gains = {conv: conv.gain if conv.bias is None else GAIN * conv.gain for conv in convs}
    factors = [conv.scale * gains[conv] for conv in convs]
    kernels = dict(zip(convs, _scaled([c.weight for c in convs], factors, d.compute_dtype), strict=True))
    offsets = _scaled([c.bias for c in biased], [gains[c] for c in biased], d.compute_dtype)
    offsets = dict(zip(biased, offsets, strict=True))

    def through(conv: Conv, x: Tensor) -> Tensor:
        return conv.limited(scaled_conv(x, kernels[conv], offsets.get(conv), conv.downsampling))

    x = images.to(d.compute_dtype, memory_format=torch.channels_last)
    for r in d.resolutions:
        block = getattr(d, f"b{r}")
        if hasattr(block, "fromrgb"):
            x = through(block.fromrgb, x)
        x = through(block.skip, x) + through(block.conv1, through(block.conv0, x))
    return x


def _styles(ws: Tensor, affines: list[FullyConnected], codes: list[int]) -> Tensor:
    """The styles of all layers side by side, [N, channels], each of its own of the codes `ws` [N, num_ws, w_dim].

    One product of all codes with all layers: most of it is not wanted, but it costs next to nothing.
    """
    weight, bias = torch.cat([layer.weight for layer in affines]), torch.cat([layer.bias for layer in affines])
    channels = tuple(len(layer.bias) for layer in affines)
    wanted = _wanted(tuple(codes), channels, tuple(ws.shape[1:]), ws.device)
    return (F.linear(ws, weight) * wanted).sum(dim=1) + bias


@functools.lru_cache(maxsize=8)
def _wanted(codes: tuple[int, ...], channels: tuple[int, ...], of: tuple[int, int], device: torch.device) -> Tensor:
    """[num_ws, all channels]: 1/√w_dim where the channel's layer takes that code, else 0. of: (num_ws, w_dim)"""
    own = torch.tensor(codes).repeat_interleave(torch.tensor(channels))
    return ((torch.arange(of[0])[:, None] == own) / math.sqrt(of[1])).to(device)


def _modulations(
    convs: list[SynthesisLayer], styles: Tensor, noises: Sequence[Tensor | None], dtype: torch.dtype
) -> list[Modulation]:
    """Of each layer, in `dtype`, from the styles of all, [N, channels]."""
    weights, biases = [conv.weight for conv in convs], [conv.bias for conv in convs]
    scaled = _scaled([*weights, *biases], [GAIN] * (2 * len(convs)), dtype)
    outputs, inputs = zip(*(weight.shape[:2] for weight in weights), strict=True)
    demodulations = _demodulations(weights, styles.square().split(inputs, dim=1)).to(dtype).split(outputs, dim=1)
    return [
        Modulation(*of_layer)
        for of_layer in zip(
            scaled[: len(convs)],
            styles.to(dtype).split(inputs, dim=1),
            demodulations,
            _scaled_noises(convs, noises, dtype),
            scaled[len(convs) :],
            strict=True,
        )
    ]


def _demodulations(weights: list[Tensor], squares: Sequence[Tensor]) -> Tensor:
    """1/√(Σ (s·k)² + ε) of all layers side by side, [N, all outputs]: weights [O, C, 3, 3], squared styles [N, C]."""
    energies = torch.cat([weight.flatten(0, 1).flatten(1) for weight in weights]).square().sum(dim=1)
    energies = energies.split([weight[:, :, 0, 0].numel() for weight in weights])
    products = [s @ e.unflatten(0, w.shape[:2]).T for s, e, w in zip(squares, energies, weights, strict=True)]
    return (torch.cat(products, dim=1) + 1e-8).rsqrt()


def _scaled_noises(
    convs: list[SynthesisLayer], noises: Sequence[Tensor | None], dtype: torch.dtype
) -> Sequence[Tensor | None]:
    """Each layer's noise [N or 1, 1, H, W] times its strength and the gain; None as it is."""
    if noises[0] is None:
        return noises
    shapes = [noise.shape[1:] for noise in noises]
    sizes = [shape.numel() for shape in shapes]
    strengths = torch.cat([conv.noise_strength.expand(size) for conv, size in zip(convs, sizes, strict=True)])
    scaled = (torch.cat([noise.flatten(1) for noise in noises], dim=1) * (strengths * GAIN)).to(dtype)
    return [noise.unflatten(1, shape) for noise, shape in zip(scaled.split(sizes, dim=1), shapes, strict=True)]


def _kernels_to_rgb(rgbs: list[ToRGB], styles: Tensor, dtype: torch.dtype) -> Sequence[Tensor]:
    """Each image's kernels [N, 3, C] of the layers to RGB, from the styles of all, [N, all channels]."""
    channels = [rgb.weight.shape[1] for rgb in rgbs]
    weights = _scaled([rgb.weight for rgb in rgbs], [1 / math.sqrt(c) for c in channels], styles.dtype)
    return (torch.cat(weights, dim=1)[:, :, 0, 0] * styles[:, None]).to(dtype).split(channels, dim=2)


def _scaled(tensors: Sequence[Tensor], factors: Sequence[float], dtype: torch.dtype) -> tuple[Tensor, ...]:
    """Tensors of any shapes, each times its factor, in `dtype`."""
    return _Scaled.apply(factors, dtype, *tensors)


class _Scaled(torch.autograd.Function):
    """`_scaled`, whose gradients are scaled together too. Where there is no gradient there stays none, since Adam
    passes over weights without one."""

    @staticmethod
    def forward(ctx: FunctionCtx, factors: Sequence[float], dtype: torch.dtype, *tensors: Tensor) -> tuple[Tensor, ...]:
        ctx.set_materialize_grads(False)
        ctx.factors, ctx.dtype = factors, tensors[0].dtype
        exact = _cast(tensors, torch.promote_types(ctx.dtype, dtype))
        return tuple(_cast(torch._foreach_mul(exact, factors), dtype))

    @staticmethod
    def backward(ctx: FunctionCtx, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        there = [index for index, gradient in enumerate(gradients) if gradient is not None]
        scaled = _scaled([gradients[i] for i in there], [ctx.factors[i] for i in there], ctx.dtype)
        found = dict(zip(there, scaled, strict=True))
        return None, None, *(found.get(index) for index in range(len(gradients)))


def _cast(tensors: Sequence[Tensor], dtype: torch.dtype) -> Sequence[Tensor]:
    if tensors[0].dtype == dtype:
        return tensors
    cast = [torch.empty_like(tensor, dtype=dtype) for tensor in tensors]
    torch._foreach_copy_(cast, tensors)
    return cast
