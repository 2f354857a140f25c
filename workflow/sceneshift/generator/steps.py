"""What one training step minimizes, for any part of its batch.

Each loss first draws from `rng`, for the whole batch and in an order that the result depends on, and keeps what belongs
to its part; so parts can be computed by several processes, or one after the other. What is then computed depends on
nothing else, so that a GPU can record it. It is the loss, and what is measured on the way by name, both as means over
the part. Names of single numbers become columns of the history.
"""

import dataclasses
import functools
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from sceneshift.generator import convolutions
from sceneshift.generator.augmentation import Transformations, draw_transformations, transformed
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
from sceneshift.training.recording import Work

Figures = dict[str, Tensor]
Inputs = dict[str, Tensor]
Margins = tuple[int, int]


@dataclasses.dataclass(frozen=True)
class Drawn:
    """The loss of one part of a batch: a function of the `inputs` that were drawn for it, and of `constants`."""

    loss: Callable[[Inputs], tuple[Tensor, Figures]]
    inputs: Inputs
    constants: tuple = ()

    def work(self, part: Part) -> Work:
        """What adds the gradients of `part`'s share of the batch's loss."""

        def run(inputs: Inputs) -> Figures:
            loss, figures = self.loss(inputs)
            (loss / part.count).backward()
            return {name: figure.detach() / part.count for name, figure in figures.items()}

        return Work(run, self.inputs, (self.loss.__qualname__, *self.constants))


LossOf = Callable[[Part, torch.Generator], Drawn]


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

    def generator(self, part: Part, rng: torch.Generator) -> Drawn:
        """The generator's logistic loss; also the mean of w [w_dim], for `w_avg`."""
        inputs = self._draw_codes(self.settings.batch, part, rng)
        margins = self._draw_augmentation("fake", inputs, part, rng)

        def loss(inputs: Inputs) -> tuple[Tensor, Figures]:
            fake, w_mean = self._fake(inputs)
            loss = generator_loss(self.d(_augmented(fake, "fake", inputs, margins)))
            return loss, {"loss_g": loss, "w_mean": w_mean}

        return Drawn(loss, inputs, (margins,))

    def discriminator(self, part: Part, rng: torch.Generator) -> Drawn:
        """The discriminator's logistic loss; also E[sign D(real)] and the mean of w [w_dim]."""
        inputs = self._draw_codes(self.settings.batch, part, rng) | {"real": part.of_own(self.real)}
        margins = {images: self._draw_augmentation(images, inputs, part, rng) for images in ("fake", "real")}

        def loss(inputs: Inputs) -> tuple[Tensor, Figures]:
            with torch.no_grad():
                fake, w_mean = self._fake(inputs)
            images = {"fake": fake, "real": inputs["real"]}
            fake_logits, real_logits = self._logits(
                [_augmented(images[name], name, inputs, margins[name]) for name in ("fake", "real")]
            )
            loss = discriminator_loss(real_logits, fake_logits)
            return loss, {"loss_d": loss, "real_sign": real_logits.sign().mean(), "w_mean": w_mean}

        return Drawn(loss, inputs, tuple(margins.values()))

    def r1(self, part: Part, rng: torch.Generator) -> Drawn:
        """R1 on the photos `real`, a scalar, weighted for being taken every few steps only."""
        inputs = {"real": part.of_own(self.real)}
        margins = self._draw_augmentation("real", inputs, part, rng)

        def loss(inputs: Inputs) -> tuple[Tensor, Figures]:
            real = inputs["real"].detach().requires_grad_(True)
            penalty = r1_penalty(self.d(_augmented(real, "real", inputs, margins)), real, self.r1_gamma)
            return penalty * self.settings.r1_interval, {"r1": penalty}

        return Drawn(loss, inputs, (margins,))

    def path_length(self, mean: Tensor, batches: MicroBatches, rng: torch.Generator) -> LossOf:
        """Path-length regularization on half a batch; also the new running mean, and the mean of w. `mean`: so far.

        Lengths are compared with a running mean that the whole batch moves first: a part of a batch is not enough, so
        the lengths of all parts are then measured before.
        """
        count, start = max(self.settings.batch // 2, 1), rng.get_state()

        def draw(part: Part) -> Inputs:
            rng.set_state(start)
            inputs = self._draw_codes(count, part, rng)
            shape = (count, 3, *self.g.synthesis.noise_shapes[-1])
            directions = to_device(part.of(torch.randn(shape, generator=rng)), mean.device)
            return inputs | {"directions": directions, "mean": mean}

        def lengths_of(inputs: Inputs) -> tuple[Tensor, Tensor]:
            ws, w_mean = _codes(self.g, inputs)
            fake = self.g.synthesis(ws, noise=_noise(self.g, inputs))
            return path_lengths(fake, ws, inputs["directions"]), w_mean

        @functools.cache
        def batch_mean() -> Tensor:
            shares = batches.each(rng, lambda part: lengths_of(draw(part))[0].detach().mean() / part.count)
            total = torch.stack(shares).sum()
            batches.world.add_up([total])
            return total

        def loss_of(part: Part, _: torch.Generator) -> Drawn:
            of_batch = {"batch_mean": batch_mean()} if part.count > 1 else {}
            return Drawn(loss, draw(part) | of_batch)

        def loss(inputs: Inputs) -> tuple[Tensor, Figures]:
            lengths, w_mean = lengths_of(inputs)
            of_batch = inputs.get("batch_mean", lengths.detach().mean())
            penalty, moved = path_length_penalty(lengths, inputs["mean"], of_batch)
            weighted = penalty * self.settings.path_length_weight * self.settings.path_length_interval
            return weighted, {"path_length": lengths.mean(), "path_length_mean": moved, "w_mean": w_mean}

        return loss_of

    def _draw_codes(self, count: int, part: Part, rng: torch.Generator) -> Inputs:
        return draw_codes(self.g, count, self.settings.style_mixing, part, rng)

    def _fake(self, inputs: Inputs) -> tuple[Tensor, Tensor]:
        ws, w_mean = _codes(self.g, inputs)
        return self.g.synthesis(ws, noise=_noise(self.g, inputs)), w_mean

    def _logits(self, batches: list[Tensor]) -> Sequence[Tensor]:
        """D's of each batch of images; on a GPU of all in one pass, which is half the kernels."""
        if convolutions.on_cpu(batches[0]):
            return [self.d(images) for images in batches]
        return self.d(torch.cat(batches), len(batches)).chunk(len(batches))

    def _draw_augmentation(self, images: str, inputs: Inputs, part: Part, rng: torch.Generator) -> Margins | None:
        """Add what was drawn for `images` to the inputs; the margins that they need, None without augmentation."""
        if not self.p:
            return None
        n, _, height, width = part.of_own(self.real).shape
        pipe = self.settings.augment_pipe
        drawn = draw_transformations((n, height, width), self.p, rng, part, self.real.device, pipe)
        inputs |= {f"{images}_{name}": tensor for name, tensor in drawn.tensors.items()}
        return drawn.margins


def minimize(optimizer: torch.optim.Adam, batches: MicroBatches, rng: torch.Generator, loss_of: LossOf) -> Figures:
    """One step of the optimizer on the whole batch; the means over the batch of what `loss_of` measures."""

    parameters = optimizer.param_groups[0]["params"]
    figures = batches.gradients(parameters, rng, lambda part: loss_of(part, rng).work(part))
    optimizer.step()
    return figures


def _augmented(x: Tensor, images: str, inputs: Inputs, margins: Margins | None) -> Tensor:
    """x [N, 3, H, W] under what was drawn for `images`."""
    if margins is None:
        return x
    drawn = {key.removeprefix(f"{images}_"): value for key, value in inputs.items() if key.startswith(f"{images}_")}
    return transformed(x, Transformations(margins, **drawn))


def draw_codes(g: Generator, count: int, style_mixing: float, part: Part, rng: torch.Generator) -> Inputs:
    """What the part's share of `count` images is made of: z [2, N, z_dim], `second` [N, num_ws] and `noise` [N, …].

    With probability `style_mixing` the layers from a random one on get a second code. The layer is drawn for each
    image, where the authors' code draws one for all images of a GPU: here a batch may be shared in any way.
    """
    device = g.w_avg.device
    z = to_device(part.of(torch.randn(2, count, g.z_dim, generator=rng), axis=1), device)
    crossover = torch.randint(1, g.num_ws, [count], generator=rng)
    crossover[torch.rand(count, generator=rng) >= style_mixing] = g.num_ws
    second = to_device(torch.arange(g.num_ws)[None, :] >= part.of(crossover)[:, None], device)
    return {"z": z, "second": second, "noise": draw_noise(g, count, part, rng)}


def draw_noise(g: Generator, count: int, part: Part, rng: torch.Generator) -> Tensor:
    """The noise of all layers side by side, [N, …], drawn on the generator's own device."""
    device, sizes = g.w_avg.device, [height * width for height, width in g.synthesis.noise_shapes]
    if device.type == "cpu":
        return torch.cat([part.of(torch.randn(count, size, generator=rng)) for size in sizes], dim=1)
    rng = torch.Generator(device).manual_seed(int(torch.randint(2**62, [1], generator=rng)))
    return part.of(torch.randn(count, sum(sizes), device=device, generator=rng))


def _codes(g: Generator, inputs: Inputs) -> tuple[Tensor, Tensor]:
    """(ws [N, num_ws, w_dim], mean of w [w_dim]) of what was drawn."""
    z = inputs["z"]
    w = g.mapping(z.flatten(0, 1)).unflatten(0, z.shape[:2])  # [2, N, w_dim]
    return torch.where(inputs["second"][:, :, None], w[1][:, None], w[0][:, None]), w[0].detach().float().mean(dim=0)


def _noise(g: Generator, inputs: Inputs) -> list[Tensor]:
    """The noise of each layer, [N, 1, H, W]."""
    shapes = g.synthesis.noise_shapes
    layers = inputs["noise"].split([height * width for height, width in shapes], dim=1)
    return [layer.unflatten(1, (1, *shape)) for layer, shape in zip(layers, shapes, strict=True)]
