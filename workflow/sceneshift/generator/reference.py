"""The plain forms of `convolutions.py`: per-sample weights, explicit zero insertion, one step at a time.

They mirror the paper's formulas and NumPy-style reading, and are slow. Tests hold the fast forms to them and the
benchmark measures against them.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from sceneshift.generator.convolutions import activate, blur_kernel

FORMS = ("conv", "modulated_conv", "to_rgb", "upsample")  # of `convolutions`, which the networks are made of


def upfirdn(x: Tensor, up: int = 1, down: int = 1, padding: tuple[int, int] = (0, 0), gain: float = 1.0) -> Tensor:
    """Insert zeros (`up`), pad, blur, keep every `down`-th pixel: [N, C, H, W] -> [N, C, H', W']."""
    n, c, h, w = x.shape
    if up > 1:
        spread = x.new_zeros(n, c, h, up, w, up)
        spread[:, :, :, 0, :, 0] = x
        x = spread.reshape(n, c, h * up, w * up)
    x = F.pad(x, (*padding, *padding))
    kernel = blur_kernel(gain, x.device, x.dtype).expand(c, 1, 4, 4)
    return F.conv2d(x, kernel, groups=c)[:, :, ::down, ::down]


def upsample(x: Tensor) -> Tensor:
    """As `convolutions.upsample`: [N, C, H, W] -> [N, C, 2H, 2W]."""
    return upfirdn(x, up=2, padding=(2, 1), gain=4.0)


def modulated_conv(
    x: Tensor, weight: Tensor, style: Tensor, noise: Tensor | None, bias: Tensor, upsampling: bool
) -> Tensor:
    """As `convolutions.modulated_conv`, with modulated, demodulated kernels [N, O, C, 3, 3] (eq. 1 and 3)."""
    n, c, h, w = x.shape
    kernels = weight[None] * style[:, None, :, None, None]  # [N, O, C, 3, 3]
    kernels = kernels * (kernels.square().sum(dim=[2, 3, 4], keepdim=True) + 1e-8).rsqrt()
    outputs = weight.shape[0]
    grouped = x.reshape(1, n * c, h, w)
    if upsampling:
        kernels = kernels.transpose(1, 2).reshape(n * c, outputs, 3, 3)
        grouped = F.conv_transpose2d(grouped, kernels, stride=2, groups=n)
        x = upfirdn(grouped.reshape(n, outputs, 2 * h + 1, 2 * w + 1), padding=(1, 1), gain=4.0)
    else:
        grouped = F.conv2d(grouped, kernels.reshape(n * outputs, c, 3, 3), padding=1, groups=n)
        x = grouped.reshape(n, outputs, h, w)
    if noise is not None:
        x = x + noise
    return activate(x + bias[None, :, None, None])


def to_rgb(x: Tensor, weight: Tensor, style: Tensor, bias: Tensor) -> Tensor:
    """As `convolutions.to_rgb`: [N, C, H, W] -> [N, 3, H, W]."""
    kernels = weight[None] * style[:, None, :, None, None]
    return torch.einsum("nchw,noc->nohw", x, kernels[..., 0, 0]) + bias[None, :, None, None]


def conv(x: Tensor, weight: Tensor, bias: Tensor | None, gain: float = 1.0, downsampling: bool = False) -> Tensor:
    """As `convolutions.conv`: [N, C, H, W] -> [N, O, H, W], or half the size."""
    size = weight.shape[-1]
    if downsampling:
        x = upfirdn(x, padding=(size // 2 + 1, size // 2 + 1))
        x = F.conv2d(x, weight, stride=2)
    else:
        x = F.conv2d(x, weight, padding=size // 2)
    return x * gain if bias is None else activate(x + bias[None, :, None, None], gain)
