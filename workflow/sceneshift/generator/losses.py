"""The losses of StyleGAN2 (arXiv 1912.04958), one function per equation.

Logistic losses are the non-saturating pair of Goodfellow et al. (arXiv 1406.2661): softplus(−D(G(z))) for the
generator, and softplus(D(G(z))) + softplus(−D(x)) for the discriminator.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from sceneshift.generator.double_backward import inputs_only


def generator_loss(fake_logits: Tensor) -> Tensor:
    """E[softplus(−D(G(z)))], a scalar, from logits [N, 1]."""
    return F.softplus(-fake_logits).mean()


def discriminator_loss(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """E[softplus(D(G(z)))] + E[softplus(−D(x))], a scalar, from logits [N, 1] of either."""
    return F.softplus(fake_logits).mean() + F.softplus(-real_logits).mean()


def r1_penalty(real_logits: Tensor, real_images: Tensor, gamma: float) -> Tensor:
    """γ/2 · E‖∇ₓ D(x)‖² (arXiv 1801.04406); `real_images` [N, 3, H, W] must require gradients."""
    with inputs_only():
        (gradient,) = torch.autograd.grad(real_logits.sum(), real_images, create_graph=True)
    return gamma / 2 * gradient.float().square().sum(dim=[1, 2, 3]).mean()


def path_lengths(images: Tensor, ws: Tensor, noise: Tensor) -> Tensor:
    """√(mean over layers of Σ (∂⟨image, y⟩/∂w)²), y = `noise`/√(HW): images [N, 3, H, W], ws [N, num_ws, D] -> [N]."""
    projection = (images * noise / math.sqrt(images.shape[2] * images.shape[3])).sum()
    with inputs_only():
        (gradient,) = torch.autograd.grad(projection, ws, create_graph=True)
    return gradient.square().sum(dim=2).mean(dim=1).sqrt()


def path_length_penalty(lengths: Tensor, mean: Tensor, batch_mean: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """(E[(length − a)²], a): `a`, the running mean, is first moved by 0.01 of the way to this batch's mean length.

    lengths: [N]; the others are scalars. `batch_mean`: where `lengths` are a part of the batch only.
    """
    mean = mean.lerp(lengths.detach().mean() if batch_mean is None else batch_mean, 0.01)
    return (lengths - mean).square().mean(), mean
