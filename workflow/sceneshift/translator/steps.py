"""One training step of a translator and its discriminators, for any part of its batch."""

import dataclasses

import torch
from torch import Tensor, nn

from sceneshift.runtime.devices import autocast
from sceneshift.settings import TranslatorSettings
from sceneshift.training.microbatches import MicroBatches, Part
from sceneshift.training.recording import Work
from sceneshift.translator.losses import LOSSES, Judged, discriminator_loss
from sceneshift.translator.networks import MultiscaleDiscriminator
from sceneshift.translator.perceptual import Stages
from sceneshift.translator.state import State

Figures = dict[str, Tensor]


@dataclasses.dataclass(frozen=True)
class Losses:
    """The losses of every step. `dtype`: arithmetic of the convolutions."""

    translator: nn.Module
    discriminator: MultiscaleDiscriminator
    settings: TranslatorSettings
    stages: Stages | None
    dtype: torch.dtype

    @property
    def weights(self) -> dict[str, float]:
        """Of each of the translator's losses that is on; the adversarial one has no setting."""
        weights = {name: 1.0 if name == "adversarial" else getattr(self.settings, name) for name in LOSSES}
        return {name: weight for name, weight in weights.items() if weight}

    def gradients(self, photos: Tensor, targets: Tensor, share: float) -> Figures:
        """Add a batch's gradients to both networks' `.grad`; return its losses by name.

        photos, targets: [N, 3, H, W] in [-1, 1]; `share`: of the gradients, where they are a part of the whole batch.

        The translator minimizes the weighted sum of `LOSSES`, the discriminators LSGAN. Both gradients come from the
        same forward passes, taken before either network moves, as in the published code; the discriminators therefore
        see each picture once.
        """
        with autocast(self.dtype, photos.device):
            edited = self.translator(photos)
            fake, real = self.discriminator(photos, edited), self.discriminator(photos, targets)
            judged = Judged(edited, targets, fake, real, self.stages)
            losses = {name: LOSSES[name](judged) for name in self.weights}
            total = sum(weight * losses[name] for name, weight in self.weights.items())
            losses["discriminator"] = discriminator_loss(real, fake)
            # each loss for its own network's weights alone: the other's gradients are not even computed
            judging = list(self.discriminator.parameters())
            (losses["discriminator"] * share).backward(retain_graph=True, inputs=judging)
            (total * share).backward(inputs=[p for p in self.translator.parameters() if p.requires_grad])
        return {name: loss.detach() for name, loss in losses.items()}


def minimize(
    state: State, batches: MicroBatches, losses: Losses, held: list[Tensor], count: int, rate: float
) -> Figures:
    """One step of both optimizers on the whole batch of `count` pairs; its mean losses by name.

    held: what this process has of the photos and of the targets, [N, 3, H, W]; rate: of learning
    """

    networks = state.translator, state.discriminator
    parameters = [p for network in networks for p in network.parameters() if p.requires_grad]

    def work_of(part: Part) -> Work:
        photos, targets = (part.of_own(side) for side in held)
        share = len(photos) / count

        def backward(inputs: dict[str, Tensor]) -> Figures:
            if not share:  # the last batch may be smaller than there are parts
                return {name: torch.zeros([], device=photos.device) for name in (*losses.weights, "discriminator")}
            figures = losses.gradients(inputs["photos"], inputs["targets"], share)
            return {name: loss * share for name, loss in figures.items()}

        return Work(backward, {"photos": photos, "targets": targets}, (share, len(parameters)))

    figures = batches.gradients(parameters, torch.Generator(), work_of)
    for optimizer in (state.optimizer_translator, state.optimizer_discriminator):
        optimizer.param_groups[0]["lr"] = rate
        optimizer.step()
    return figures


def learning_rate(initial: float, seen: int, images: int, constant: float = 0.5) -> float:
    """Constant for a share of training, then linear to zero at its end."""
    return initial * min(1.0, (1.0 - seen / images) / (1.0 - constant)) if constant < 1 else initial
