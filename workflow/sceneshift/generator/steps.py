"""What one training step minimizes, for any part of its batch.

Each loss draws from `rng` for the whole batch, in an order that the result depends on, and keeps what belongs to its
part; so parts can be computed by several processes, or one after the other. It returns the loss and what is measured
on the way by name, both as means over the part. Names of single numbers become columns of the history.
"""

import dataclasses
import functools
from collections.abc import Callable

import torch
from torch import Tensor

from sceneshift.generator.augmentation import augment
from sceneshift.generator.losses import (
    discriminator_loss,
    generator_loss,
    path_length_penalty,
    path_lengths,
    r1_penalty,
)
from sceneshift.generator.networks import Discriminator, Generator
from sceneshift.runtime.devices import to_device
from sceneshift.settings import GeneratorSettings
from sceneshift.training.microbatches import MicroBatches, Part

Figures = dict[str, Tensor]
LossOf = Callable[[Part, torch.Generator], tuple[Tensor, Figures]]


@dataclasses.dataclass(frozen=True)
class Losses:
    """The losses of one step, methods that are a `LossOf`.

    p: strength of the augmentation; real: this process's photos, [N, 3, H, W] in [-1, 1]
    """

    g: Generator
    d: Discriminator
    settings: GeneratorSettings
    r1_gamma: float
    p: float
    real: Tensor

    def generator(self, part: Part, rng: torch.Generator) -> tuple[Tensor, Figures]:
        """The generator's logistic loss; also the mean of w [w_dim], for `w_avg`."""
        fake, w_mean = self._fake(part, rng)
        loss = generator_loss(self.d(augment(fake, self.p, rng, part)))
        return loss, {"loss_g": loss, "w_mean": w_mean}

    def discriminator(self, part: Part, rng: torch.Generator) -> tuple[Tensor, Figures]:
        """The discriminator's logistic loss; also E[sign D(real)] and the mean of w [w_dim]."""
        with torch.no_grad():
            fake, w_mean = self._fake(part, rng)
        fake_logits = self.d(augment(fake, self.p, rng, part))
        real_logits = self.d(augment(part.of_own(self.real), self.p, rng, part))
        loss = discriminator_loss(real_logits, fake_logits)
        return loss, {"loss_d": loss, "real_sign": real_logits.sign().mean(), "w_mean": w_mean}

    def r1(self, part: Part, rng: torch.Generator) -> tuple[Tensor, Figures]:
        """R1 on the photos `real`, a scalar, weighted for being taken every few steps only."""
        real = part.of_own(self.real).detach().requires_grad_(True)
        penalty = r1_penalty(self.d(augment(real, self.p, rng, part)), real, self.r1_gamma)
        return penalty * self.settings.r1_interval, {"r1": penalty}

    def path_length(self, mean: Tensor, batches: MicroBatches, rng: torch.Generator) -> LossOf:
        """Path-length regularization on half a batch; also the new running mean. `mean`: the one so far.

        Lengths are compared with a running mean that the whole batch moves first: a part of a batch is not enough, so
        the lengths of all parts are then measured before.
        """
        count, start = max(self.settings.batch // 2, 1), rng.get_state()

        def lengths_of(part: Part) -> Tensor:
            rng.set_state(start)
            ws, _ = _codes(self.g, count, self.settings.style_mixing, part, rng)
            fake = self.g.synthesis(ws, noise=_noise(self.g, count, part, rng))
            directions = to_device(part.of(torch.randn(count, *fake.shape[1:], generator=rng)), fake.device)
            return path_lengths(fake, ws, directions)

        @functools.cache
        def batch_mean() -> Tensor:
            shares = batches.each(rng, lambda part: lengths_of(part).detach().mean() / part.count)
            total = torch.stack(shares).sum()
            batches.world.add_up([total])
            return total

        def loss_of(part: Part, _: torch.Generator) -> tuple[Tensor, Figures]:
            of_batch = batch_mean() if part.count > 1 else None
            lengths = lengths_of(part)
            penalty, moved = path_length_penalty(lengths, mean, of_batch)
            weighted = penalty * self.settings.path_length_weight * self.settings.path_length_interval
            return weighted, {"path_length": lengths.mean(), "path_length_mean": moved}

        return loss_of

    def _fake(self, part: Part, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        ws, w_mean = _codes(self.g, self.settings.batch, self.settings.style_mixing, part, rng)
        return self.g.synthesis(ws, noise=_noise(self.g, self.settings.batch, part, rng)), w_mean


def minimize(optimizer: torch.optim.Adam, batches: MicroBatches, rng: torch.Generator, loss_of: LossOf) -> Figures:
    """One step of the optimizer on the whole batch; the means over the batch of what `loss_of` measures."""

    def backward(part: Part) -> Figures:
        loss, figures = loss_of(part, rng)
        (loss / part.count).backward()
        return {name: figure.detach() / part.count for name, figure in figures.items()}

    figures = batches.gradients(optimizer.param_groups[0]["params"], rng, backward)
    optimizer.step()
    return figures


def _codes(g: Generator, count: int, style_mixing: float, part: Part, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """(ws [N, num_ws, w_dim], mean of w [w_dim]) of the part's share of `count` images.

    With probability `style_mixing` the layers from a random one on get a second code.
    """
    z = to_device(part.of(torch.randn(2, count, g.z_dim, generator=rng), axis=1), g.w_avg.device)
    w = g.mapping(z.flatten(0, 1)).unflatten(0, z.shape[:2])  # [2, N, w_dim]
    crossover = torch.randint(1, g.num_ws, [count], generator=rng)
    crossover[torch.rand(count, generator=rng) >= style_mixing] = g.num_ws
    second = to_device(torch.arange(g.num_ws)[None, :] >= part.of(crossover)[:, None], w.device)
    return torch.where(second[:, :, None], w[1][:, None], w[0][:, None]), w[0].detach().float().mean(dim=0)


def _noise(g: Generator, count: int, part: Part, rng: torch.Generator) -> list[Tensor]:
    """Fresh noise [N, 1, H, W] for each layer, drawn on the generator's own device."""
    device = g.w_avg.device
    if device.type != "cpu":
        rng = torch.Generator(device).manual_seed(int(torch.randint(2**62, [1], generator=rng)))
    return [
        part.of(torch.randn(count, 1, *shape, device=device, generator=rng)).contiguous()
        for shape in g.synthesis.noise_shapes
    ]
