"""Between stored pixels, uint8 in 0 … 255, and what the networks see, [-1, 1]."""

import numpy as np
import torch
from torch import Tensor

from sceneshift.runtime.devices import to_device


def from_uint8(images: np.ndarray | Tensor, device: torch.device | str = "cpu") -> Tensor:
    """uint8 [N, H, W, 3] -> float32 [N, 3, H, W] in [-1, 1]."""
    return to_device(torch.as_tensor(images), device).permute(0, 3, 1, 2).float().div_(127.5).sub_(1)


def to_uint8(x: Tensor) -> np.ndarray:
    """Images of a generator, [N, 3, H, W] in about [-1, 1], clamped -> uint8 [N, H, W, 3], as StyleGAN2 writes them."""
    return _stored((x.detach().float() * 127.5 + 128).clamp(0, 255))


def rounded(x: Tensor) -> np.ndarray:
    """Edited photos, float32 [N, 3, H, W] in [-1, 1] -> the nearest uint8 [N, H, W, 3]; `x` is overwritten.

    `to_uint8` differs by one level where the arithmetic rounds, in one value of 10⁵.
    """
    return _stored(x.add_(1).mul_(127.5).round_().clamp_(0, 255))


def _stored(levels: Tensor) -> np.ndarray:
    """Whole levels [N, 3, H, W] in 0 … 255 -> uint8 [N, H, W, 3]."""
    return levels.to(torch.uint8).permute(0, 2, 3, 1).contiguous().cpu().numpy()
