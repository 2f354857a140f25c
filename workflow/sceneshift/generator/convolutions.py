"""The convolutions of StyleGAN2, in the form that runs fast everywhere in plain PyTorch.

Modulation is applied to activations instead of per-sample weights: with style s, weight k and demodulation
d = 1/√(Σ(s·k)² + ε), conv(x; d·s·k) = d · conv(s·x; k) (Karras et al. 2020, Appendix B), so one shared-weight
convolution serves the batch. `reference.py` holds the plain forms that these are tested against.

All functions take and return activations [N, C, H, W]; arithmetic follows the dtype of `x`, parameters stay float32.
"""

import functools
import math

import torch
import torch.nn.functional as F
from torch import Tensor

BLUR = (1.0, 3.0, 3.0, 1.0)  # the 4-tap low-pass filter of StyleGAN2
SLOPE, GAIN = 0.2, math.sqrt(2.0)  # leaky ReLU and the gain that keeps its output's variance


@functools.cache
def blur_kernel(gain: float, device: torch.device, dtype: torch.dtype) -> Tensor:
    """The 2-D blur filter [4, 4], summing to `gain`."""
    taps = torch.tensor(BLUR, device=device, dtype=torch.float64)
    return (torch.outer(taps, taps) * (gain / taps.sum() ** 2)).to(dtype)


def blur(x: Tensor, padding: int, gain: float = 1.0) -> Tensor:
    """Low-pass each channel, with zero padding on all sides."""
    kernel = blur_kernel(gain, x.device, x.dtype).expand(x.shape[1], 1, 4, 4)
    return F.conv2d(x, kernel, padding=padding, groups=x.shape[1])


def upsample(x: Tensor) -> Tensor:
    """Twice the size, zero insertion followed by the blur: [N, C, H, W] -> [N, C, 2H, 2W]."""
    kernel = blur_kernel(4.0, x.device, x.dtype).expand(x.shape[1], 1, 4, 4)
    return F.conv_transpose2d(x, kernel, stride=2, padding=1, groups=x.shape[1])


def activate(x: Tensor, gain: float = 1.0) -> Tensor:
    """Leaky ReLU 0.2 times √2·gain."""
    return F.leaky_relu(x, SLOPE) * (GAIN * gain)


def modulated_conv(
    x: Tensor, weight: Tensor, style: Tensor, noise: Tensor | None, bias: Tensor, upsampling: bool
) -> Tensor:
    """Demodulated 3×3 convolution, noise, bias and leaky ReLU of one synthesis layer.

    x [N, C, H, W], weight [O, C, 3, 3], style [N, C], noise [N or 1, 1, H', W'] or None, bias [O] -> [N, O, H', W'],
    where H' = 2H with `upsampling`. √2·lrelu(y) = lrelu(√2·y), so the gain is folded into the small factors.
    """
    demodulation = GAIN * (style.square() @ weight.square().sum(dim=[2, 3]).T + 1e-8).rsqrt()  # [N, O]
    x = x * style.to(x.dtype)[:, :, None, None]
    kernel = weight.to(x.dtype)
    if upsampling:
        x = blur(F.conv_transpose2d(x, kernel.transpose(0, 1), stride=2), padding=1, gain=4.0)
    else:
        x = F.conv2d(x, kernel, padding=1)
    x = x * demodulation.to(x.dtype)[:, :, None, None]
    # in place from here on: the passes over memory, not the arithmetic, are what costs time
    if noise is not None:
        x = x.add_((noise * GAIN).to(x.dtype))
    return F.leaky_relu_(x.add_((bias * GAIN).to(x.dtype)[:, None, None]), SLOPE)


def to_rgb(x: Tensor, weight: Tensor, style: Tensor, bias: Tensor) -> Tensor:
    """1×1 modulated convolution to 3 channels without demodulation, in float32: [N, C, H, W] -> [N, 3, H, W]."""
    n, c, h, w = x.shape
    kernel = (weight[:, :, 0, 0] * style[:, None, :]).to(x.dtype)  # [N, 3, C]: few channels, so per sample is cheap
    rgb = x.permute(0, 2, 3, 1).reshape(n, h * w, c) @ kernel.transpose(1, 2)
    return rgb.float().transpose(1, 2).reshape(n, 3, h, w) + bias[:, None, None]


def conv(x: Tensor, weight: Tensor, bias: Tensor | None, gain: float = 1.0, downsampling: bool = False) -> Tensor:
    """Convolution of the discriminator; with a bias also leaky ReLU. `downsampling` halves the size through the blur."""
    kernel = weight * (GAIN * gain if bias is not None else gain)
    size = weight.shape[-1]
    if downsampling and size == 1:
        # one dense 4×4 convolution: the backward pass of a strided depthwise one has no fast path on CPUs
        kernel = kernel * blur_kernel(1.0, x.device, kernel.dtype)
        x = F.conv2d(x, kernel.to(x.dtype), stride=2, padding=1)
    elif downsampling:
        x = F.conv2d(blur(x, padding=2), kernel.to(x.dtype), stride=2)
    else:
        x = F.conv2d(x, kernel.to(x.dtype), padding=size // 2)
    if bias is None:
        return x
    return F.leaky_relu_(x.add_((bias * (GAIN * gain)).to(x.dtype)[:, None, None]), SLOPE)
