"""The convolutions of StyleGAN2 (arXiv 1912.04958), in the form that runs fast everywhere in plain PyTorch.

Modulation is applied to activations instead of per-sample weights: with style s, weight k and demodulation
d = 1/√(Σ(s·k)² + ε), conv(x; d·s·k) = d · conv(s·x; k) (Appendix B), so one convolution of shared weights serves the
batch. `reference.py` holds the plain forms that these are tested against.

All functions take and return activations [N, C, H, W]; arithmetic follows the dtype of `x`, parameters stay float32.
"""

import functools
import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from sceneshift.generator.double_backward import Geometry, convolve

BLUR = (1.0, 3.0, 3.0, 1.0)  # the 4-tap low-pass filter of StyleGAN2
SLOPE, GAIN = 0.2, math.sqrt(2.0)  # leaky ReLU and the gain that keeps its output's variance


@functools.cache
def blur_kernel(gain: float, device: torch.device, dtype: torch.dtype) -> Tensor:
    """The 2-D blur filter [4, 4], summing to `gain`."""
    taps = torch.tensor(BLUR, device=device, dtype=torch.float64)
    return (torch.outer(taps, taps) * (gain / taps.sum() ** 2)).to(dtype)


@functools.lru_cache(maxsize=256)
def blur_matrix(size: int, stride: int, padding: int, gain: float, device: torch.device, dtype: torch.dtype) -> Tensor:
    """The blur along one axis of H = `size` values, zeros around, at every `stride`th place: [H', H], of sum `gain`."""
    taps = torch.tensor(BLUR, dtype=torch.float64) * (gain / sum(BLUR))
    places = stride * torch.arange((size + 2 * padding - 4) // stride + 1)[:, None] - padding + torch.arange(4)
    inside = (places >= 0) & (places < size)
    matrix = torch.zeros(len(places), size, dtype=torch.float64)
    return matrix.scatter_add_(1, places.clamp(0, size - 1), taps * inside).to(device, dtype)


def _blur_by_products(x: Tensor, padding: int, gain: float, stride: int) -> Tensor:
    """`blur` on a GPU, where convolutions of one channel each take ten times as long: two products with banded
    matrices, the channels last."""
    n, c, h, w = x.shape
    rows, columns = (blur_matrix(size, stride, padding, math.sqrt(gain), x.device, x.dtype) for size in (h, w))
    x = torch.bmm(rows.expand(n, -1, -1), x.permute(0, 2, 3, 1).reshape(n, h, w * c))
    x = torch.bmm(columns.expand(n * len(rows), -1, -1), x.reshape(-1, w, c))
    return x.reshape(n, len(rows), len(columns), c).permute(0, 3, 1, 2)


def blur(x: Tensor, padding: int, gain: float = 1.0, stride: int = 1) -> Tensor:
    """Low-pass each channel, zeros around, and keep every `stride`th row and column: [N, C, H, W] -> [N, C, H', W'].

    H' = H + 2·padding - 3 with stride 1.
    """
    if not on_cpu(x):
        return _blur_by_products(x, padding, gain, stride)
    kernel = blur_kernel(gain, x.device, x.dtype).expand(x.shape[1], 1, 4, 4)
    return convolve(x, kernel, None, Geometry(stride=stride, padding=padding, groups=x.shape[1]))


def upsample(x: Tensor) -> Tensor:
    """Twice the size, zero insertion followed by the blur: [N, C, H, W] -> [N, C, 2H, 2W]."""
    if not on_cpu(x):  # zero insertion and blur are the transpose of blurring and dropping every other
        rows, columns = (blur_matrix(2 * size, 2, 1, 2.0, x.device, x.dtype) for size in x.shape[2:])
        images = x.flatten(0, 1)  # [N·C, H, W]
        return (rows.T.expand(len(images), -1, -1) @ (images @ columns)).unflatten(0, x.shape[:2])
    kernel = blur_kernel(4.0, x.device, x.dtype).expand(x.shape[1], 1, 4, 4)
    return convolve(x, kernel, None, Geometry(stride=2, padding=1, groups=x.shape[1], transposed=True))


def clamped(x: Tensor, limit: float | None) -> Tensor:
    """x, of any shape, between ±`limit`; None: as it is."""
    return x if limit is None else x.clamp(-limit, limit)


def activate(x: Tensor, gain: float = 1.0) -> Tensor:
    """Leaky ReLU 0.2 times √2·gain, of any shape [...]."""
    return F.leaky_relu(x, SLOPE) * (GAIN * gain)


def modulated_conv(
    x: Tensor, weight: Tensor, style: Tensor, noise: Tensor | None, bias: Tensor, upsampling: bool
) -> Tensor:
    """Demodulated 3×3 convolution, noise, bias and leaky ReLU of one synthesis layer.

    x [N, C, H, W], weight [O, C, 3, 3], style [N, C], noise [N or 1, 1, H', W'] or None, bias [O] -> [N, O, H', W'],
    where H' = 2H with `upsampling`. √2·lrelu(y) = lrelu(√2·y), so the gain is folded into the small factors.
    """
    demodulation = GAIN * (style.square() @ weight.square().sum(dim=[2, 3]).T + 1e-8).rsqrt()  # [N, O]
    scaled = None if noise is None else noise * GAIN
    return modulated(x, Modulation(weight, style, demodulation, scaled, bias * GAIN), upsampling)


class Modulation(NamedTuple):
    """What a modulated convolution is made of, the gain in it: kernel [O, C, 3, 3], style [N, C], demodulation [N, O],
    noise [N or 1, 1, H', W'] or None, bias [O]."""

    kernel: Tensor
    style: Tensor
    demodulation: Tensor
    noise: Tensor | None
    bias: Tensor


def modulated(x: Tensor, by: Modulation, upsampling: bool) -> Tensor:
    """`modulated_conv` of x [N, C, H, W], all factors known."""
    x = _scale(x, by.style)
    kernel = by.kernel.to(x.dtype)
    if upsampling:
        x = convolve(x, kernel.transpose(0, 1), None, Geometry(stride=2, transposed=True))
        x = blur(x, padding=1, gain=4.0)
    else:
        x = convolve(x, kernel, None, Geometry(padding=1))
    return _add_and_activate(_scale(x, by.demodulation), by.noise, by.bias)


def on_cpu(x: Tensor) -> bool:
    """Whether the forms for a CPU's loops and caches are used; a GPU gets the plain ones, of fewer kernels."""
    return x.device.type == "cpu"


def _scale(x: Tensor, factors: Tensor) -> Tensor:
    """x [N, C, H, W] times factors [N, C].

    On a CPU per-channel factors make inner loops of length C, which are slow for few channels; so the factors are
    repeated over a run of pixels that fills about 1024 values, and the loop runs over that.
    """
    if not on_cpu(x):
        return x * factors.to(x.dtype)[:, :, None, None]
    n, c, h, w = x.shape
    run = math.gcd(h * w, 2 ** int(math.log2(max(1024 // c, 1))))
    rows = x.permute(0, 2, 3, 1).reshape(n, h * w // run, run * c)
    scaled = rows * factors.to(x.dtype).repeat(1, run)[:, None]
    return scaled.reshape(n, h, w, c).permute(0, 3, 1, 2)


def _add_and_activate(x: Tensor, noise: Tensor | None, bias: Tensor) -> Tensor:
    """Leaky ReLU of x [N, C, H, W] + noise [N or 1, 1, H, W] + bias [C]: x plus the product [noise, 1]·[1; bias].

    Its backward pass is a product too, where broadcast additions would need reductions over pixels, slow on a CPU.
    """
    if not on_cpu(x):
        x = x if noise is None else x + noise.to(x.dtype)
        return F.leaky_relu_(x + bias.to(x.dtype)[:, None, None], SLOPE)
    n, c, h, w = x.shape
    ones = x.new_ones(n * h * w)
    pixels = torch.zeros_like(ones) if noise is None else noise.to(x.dtype).expand(n, 1, h, w).reshape(-1)
    channels = torch.stack([torch.ones_like(bias), bias]).to(x.dtype)
    rows = torch.addmm(x.permute(0, 2, 3, 1).reshape(-1, c), torch.stack([pixels, ones], dim=1), channels)
    rows = F.leaky_relu_(rows, SLOPE)  # in place before the view: on a view, autograd would copy
    return rows.reshape(n, h, w, c).permute(0, 3, 1, 2)


def to_rgb(x: Tensor, weight: Tensor, style: Tensor, bias: Tensor) -> Tensor:
    """1×1 modulated convolution to 3 channels without demodulation, in float32: [N, C, H, W] -> [N, 3, H, W]."""
    n, c, h, w = x.shape
    kernel = (weight[:, :, 0, 0] * style[:, None, :]).to(x.dtype)  # [N, 3, C]: few channels, so per sample is cheap
    rgb = x.permute(0, 2, 3, 1).reshape(n, h * w, c) @ kernel.transpose(1, 2)
    return rgb.float().transpose(1, 2).reshape(n, 3, h, w) + bias[:, None, None]


def conv(x: Tensor, weight: Tensor, bias: Tensor | None, gain: float = 1.0, downsampling: bool = False) -> Tensor:
    """Convolution of the discriminator; with a bias also leaky ReLU. `downsampling` halves the size, blurred first.

    x [N, C, H, W], weight [O, C, K, K], bias [O] or None -> [N, O, H, W], or [N, O, H/2, W/2].
    """
    gain = gain if bias is None else GAIN * gain
    kernel, offset = (weight * gain).to(x.dtype), (None if bias is None else (bias * gain).to(x.dtype))
    return scaled_conv(x, kernel, offset, downsampling)


def scaled_conv(x: Tensor, kernel: Tensor, offset: Tensor | None, downsampling: bool) -> Tensor:
    """`conv`, the gain being in the kernel [O, C, K, K] and the offset [O]."""
    size = kernel.shape[-1]
    if downsampling and size == 1 and not on_cpu(x):
        x = convolve(blur(x, padding=1, stride=2), kernel, offset, Geometry())
    elif downsampling:
        x = convolve(blur(x, padding=size // 2 + 1), kernel, offset, Geometry(stride=2))
    else:
        x = convolve(x, kernel, offset, Geometry(padding=size // 2))
    return x if offset is None else F.leaky_relu_(x, SLOPE)
