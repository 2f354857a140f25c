"""pix2pixHD's losses (arXiv 1711.11585, section 3): LSGAN over scales and feature matching."""

import torch
from torch import Tensor

Verdicts = list[list[Tensor]]  # per scale the feature maps of a discriminator; the last is the verdict per patch


def least_squares(verdicts: Verdicts, target: float) -> Tensor:
    """LSGAN (Mao et al. 2017): Σ over scales of mean (D(x) − target)²."""
    return sum((scale[-1].float() - target).square().mean() for scale in verdicts)


def discriminator_loss(real: Verdicts, fake: Verdicts) -> Tensor:
    """½·[Σ (D(real) − 1)² + Σ D(fake)²]."""
    return 0.5 * (least_squares(real, 1.0) + least_squares(fake, 0.0))


def feature_matching(real: Verdicts, fake: Verdicts) -> Tensor:
    """Σ over scales and hidden layers of 1/num_D · 4/(n_layers + 1) · mean |D_i(real) − D_i(fake)|; real is held fixed.

    n_layers + 1 counts a discriminator's hidden layers: four with the published n_layers of 3, all of them matched.
    """
    total = 0.0
    for real_maps, fake_maps in zip(real, fake, strict=True):
        hidden = len(fake_maps) - 1
        for r, f in zip(real_maps[:-1], fake_maps[:-1], strict=True):
            total = total + (4.0 / hidden / len(fake)) * absolute_difference(f, r.detach())
    return total


def absolute_difference(a: Tensor, b: Tensor) -> Tensor:
    """Mean |a − b|, summed in float32 whatever the inputs' precision."""
    return (a - b).abs().mean(dtype=torch.float32)
