"""The losses of StyleGAN2 (arXiv 1912.04958), one function per equation.

Logistic losses are the non-saturating pair of Goodfellow et al. (arXiv 1406.2661): softplus(−D(G(z))) for the
generator, and softplus(D(G(z))) + softplus(−D(x)) for the discriminator.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from sceneshift.generator.double_backward import inputs_only

DECAY = 0.01  # of the running mean of path lengths


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


def path_length_penalty(lengths: Tensor, mean: Tensor, batch_mean: Tensor) -> tuple[Tensor, Tensor]:
    """(E[(length − a)²], a): `a`, the running mean, is first moved by 0.01 of the way to the batch's mean length.

    lengths: [N], of the batch or a part of it; batch_mean: of the whole batch, without gradient. The penalty's gradient
    goes through `a` as well, as in the authors' code: over the batch it is −2·(mean length − a)·∂a.
    """
    moved = mean.lerp(batch_mean, DECAY)
    through_a = lengths.mean() - lengths.mean().detach()  # zero, with the gradient of the mean length
    return (lengths - moved).square().mean() - 2 * DECAY * (batch_mean - moved) * through_a, moved
