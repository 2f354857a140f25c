"""Finding the code of a photo: StyleGAN2's projector (arXiv 1912.04958, appendix D), on the backbone's features."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from sceneshift.generator.networks import Generator

CODES = 10_000  # whose mean and spread the search starts from
LEARNING_RATE, RAMP_UP, RAMP_DOWN = 0.1, 0.05, 0.25  # shares of the steps
CODE_NOISE, CODE_NOISE_UNTIL = 0.05, 0.75
NOISE_WEIGHT = 1e5
SMALLEST = 8  # px, of the noise maps' pyramids


@dataclass(frozen=True)
class Projection:
    """What was found of one photo."""

    w: Tensor  # [num_ws, w_dim], in W equal in all rows
    noises: list[Tensor]  # [1, 1, H, W] each
    distance: float  # squared, of features of the photo and of the projection
    start: float  # the same of the mean code's image


def project(
    g: Generator,
    target: Tensor,
    features: Callable[[Tensor], Tensor],
    rng: torch.Generator,
    *,
    steps: int = 1000,
    extended: bool = False,
) -> Projection:
    """The code and the noise whose image is nearest to `target`, [1, 3, H, W] in [-1, 1].

    features: images -> [1, D], differentiable. rng: on the CPU. extended: W+, a code for each layer, in place of W.
    """
    device = target.device
    with torch.no_grad():
        codes = g.mapping(torch.randn(CODES, g.z_dim, generator=rng).to(device))
        mean = codes.mean(0)
        spread = (codes - mean).square().sum(1).mean().sqrt()
        wanted = features(target)
        noises = [torch.randn(1, 1, *shape, generator=rng).to(device) for shape in g.synthesis.noise_shapes]
        start = _squared(features(g.synthesis(mean[None], noises)) - wanted)
    w = mean.repeat(g.num_ws if extended else 1, 1).requires_grad_()
    for noise in noises:
        noise.requires_grad_()
    optimizer = torch.optim.Adam([w, *noises], betas=(0.9, 0.999))
    for step in range(steps):
        time = step / steps
        optimizer.param_groups[0]["lr"] = LEARNING_RATE * rate_at(time)
        deviation = CODE_NOISE * spread * max(0.0, 1 - time / CODE_NOISE_UNTIL) ** 2
        shaken = w + deviation * torch.randn(w.shape, generator=rng).to(device)
        image = g.synthesis(shaken.expand(g.num_ws, -1)[None], noises)
        loss = _squared(features(image) - wanted) + NOISE_WEIGHT * sum(map(noise_loss, noises))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        _normalize(noises)
    with torch.no_grad():
        found = w.expand(g.num_ws, -1).clone()
        distance = _squared(features(g.synthesis(found[None], noises)) - wanted)
    return Projection(found, [noise.detach() for noise in noises], float(distance), float(start))


def rate_at(time: float) -> float:
    """Share of the learning rate at a share of the steps: up in a line, down as a cosine."""
    down = min(1.0, (1 - time) / RAMP_DOWN)
    return (0.5 - 0.5 * math.cos(math.pi * down)) * min(1.0, time / RAMP_UP)


def noise_loss(noise: Tensor) -> Tensor:
    """How far a noise map [1, 1, H, W] is from having no structure, at every scale down to 8 px.

    The squared mean products of neighbors along both axes, of the map and of its halvings, each kept at unit variance.
    """
    total = noise.new_zeros([])
    while True:
        total = total + sum((noise * noise.roll(1, axis)).mean().square() for axis in (2, 3))
        if min(noise.shape[2:]) <= SMALLEST:
            return total
        noise = 2 * F.avg_pool2d(noise, 2)


@torch.no_grad()
def _normalize(noises: Sequence[Tensor]) -> None:
    for noise in noises:
        noise -= noise.mean()
        noise *= noise.square().mean().rsqrt()


def _squared(difference: Tensor) -> Tensor:
    return difference.square().sum()
