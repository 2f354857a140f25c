"""How unlike two pictures look: distances between a frozen network's features at several scales (LPIPS's form)."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

LARGEST = 256  # px: larger pictures are averaged down to it, as in StyleGAN2's projector and path length
Stages = Callable[[Tensor], list[Tensor]]  # images [N, 3, H, W] in [0, 1] -> feature maps


def likeness_features(images: Tensor, stages: Stages) -> Tensor:
    """Features [N, D] of images [N, 3, H, W] in [-1, 1], differentiable: of two pictures, the squared distance is
    Σ over stages of the mean over places of |f − g|², f and g of unit length at each place (arXiv 1801.03924, eq. 1,
    all channels of equal weight)."""
    maps = []
    for x in stages(shrunk(images) / 2 + 0.5):
        x = x.float()
        x = x / (x.square().sum(1, keepdim=True) + 1e-10).sqrt()
        maps.append(x.flatten(1) / (x.shape[2] * x.shape[3]) ** 0.5)
    return torch.cat(maps, dim=1)


def shrunk(images: Tensor) -> Tensor:
    """Images [N, C, H, W], averaged over whole blocks until they are at most LARGEST px high."""
    factor = images.shape[2] // LARGEST
    return F.avg_pool2d(images, factor) if factor > 1 else images
