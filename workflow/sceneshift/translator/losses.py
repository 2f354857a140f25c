"""pix2pixHD's losses (arXiv 1711.11585, section 3): LSGAN over scales, feature matching, perceptual; L1 on pixels.

The translator minimizes all of `LOSSES`, each weighted by the setting of its name. A new one takes its function and its
line there, and its weight in TranslatorSettings: the history's column, the report's plot and the check for NaN follow.
"""

import dataclasses
from collections.abc import Callable

import torch
from torch import Tensor

from sceneshift.translator.perceptual import Stages

Verdicts = list[list[Tensor]]  # per scale the feature maps of a discriminator; the last is the verdict per patch
STAGE_WEIGHTS = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1.0)


@dataclasses.dataclass(frozen=True)
class Judged:
    """A batch that the networks have worked on: what a loss may look at.

    edited, targets: [N, 3, H, W] in [-1, 1]; fake, real: what the discriminators see in them, given the photos;
    stages: of the perceptual loss, None where it is off
    """

    edited: Tensor
    targets: Tensor
    fake: Verdicts
    real: Verdicts
    stages: Stages | None


def least_squares(verdicts: Verdicts, target: float) -> Tensor:
    """LSGAN (arXiv 1611.04076): Σ over scales of mean (D(x) − target)², maps [N, 1, h, w], a scalar."""
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


def perceptual_loss(stages: Stages, image: Tensor, target: Tensor) -> Tensor:
    """Σ w_i · mean |φ_i(image) − φ_i(target)| with w = 1/32, 1/16, 1/8, 1/4, 1 (arXiv 1711.11585, appendix).

    image, target: [N, 3, H, W] in [-1, 1]; `stages` maps images in [0, 1] to five feature maps.
    """
    with torch.no_grad():
        wanted = stages((target + 1) / 2)
    found = stages((image + 1) / 2)
    return sum(w * absolute_difference(f, t) for w, f, t in zip(STAGE_WEIGHTS, found, wanted, strict=True))


def absolute_difference(a: Tensor, b: Tensor) -> Tensor:
    """Mean |a − b| of two tensors [...] of one shape, summed in float32: a scalar."""
    return (a - b).abs().mean(dtype=torch.float32)


LOSSES: dict[str, Callable[[Judged], Tensor]] = {
    "adversarial": lambda judged: least_squares(judged.fake, 1.0),
    "feature_matching": lambda judged: feature_matching(judged.real, judged.fake),
    "pixel": lambda judged: absolute_difference(judged.edited, judged.targets),
    "perceptual": lambda judged: perceptual_loss(judged.stages, judged.edited, judged.targets),
}
