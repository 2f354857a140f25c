"""What an edit did to the pixels themselves, in closed form, beside what scorers say."""

import numpy as np
import torch
from torch import nn

from sceneshift.evaluation.open_sky import MINIMUM
from sceneshift.images.luma import luminance
from sceneshift.images.ssim import ssim
from sceneshift.images.structure import structure
from sceneshift.scoring.kinds.photometric import green_view
from sceneshift.vision.backbone import enlarged

Facts = dict[str, tuple[np.ndarray, np.ndarray]]


def pixel_facts(before: np.ndarray, after: np.ndarray, skies: np.ndarray | None) -> Facts:
    """Per fact, its values [N] in the photos and in the edited photos, uint8 [N, H, W, 3] each.

    luminance, upper_luminance: mean luma, of the picture and of its upper third, in [0, 1].
    green_view: share of pixels that are green by Li et al.'s rule; a tint can fool it.
    structure, ssim: likeness to the photo, so 1 before.
    sky_red, sky_green, sky_blue: mean color in [0, 1] over `skies`, bool [N, H, W]; sky_shift: length of the change
        of that mean color relative to its length before, so 0 before. NaN where a photo shows hardly any sky.
    """
    upper = before.shape[1] // 3
    facts = {
        "luminance": tuple(luminance(images).mean((1, 2)) for images in (before, after)),
        "upper_luminance": tuple(luminance(images[:, :upper]).mean((1, 2)) for images in (before, after)),
        "green_view": tuple(green_view(images) for images in (before, after)),
    }
    ones = np.ones(len(before))
    facts["structure"] = (ones, structure(before, after))
    facts["ssim"] = (ones, ssim(before, after))
    if skies is not None:
        sky_before, sky_after = (_mean_color(images, skies) for images in (before, after))
        for channel, name in enumerate(("sky_red", "sky_green", "sky_blue")):
            facts[name] = (sky_before[:, channel], sky_after[:, channel])
        shift = np.linalg.norm(sky_after - sky_before, axis=1) / np.maximum(np.linalg.norm(sky_before, axis=1), 1e-6)
        facts["sky_shift"] = (np.where(np.isnan(shift), np.nan, 0.0), shift)
    return facts


def backbone_distance(before: np.ndarray, after: np.ndarray, backbone: nn.Module, size: int = 128) -> np.ndarray:
    """Perceptual distance like LPIPS (arXiv 1801.03924) on the backbone's stages, unweighted: [N], 0 for
    equal pictures.

    Squared difference of the feature maps, each position's vector brought to unit length, averaged over positions and
    over stages. Comparable between edits here, not with published LPIPS values.
    """
    device = next((tensor.device for tensor in backbone.buffers()), torch.device("cpu"))
    with torch.no_grad():
        stages_a, stages_b = (backbone.stages(enlarged(images, size).to(device)) for images in (before, after))
        distances = [
            (nn.functional.normalize(a.float()) - nn.functional.normalize(b.float())).square().sum(1).mean((1, 2))
            for a, b in zip(stages_a, stages_b, strict=True)
        ]
    return torch.stack(distances).mean(0).cpu().numpy()


def _mean_color(images: np.ndarray, skies: np.ndarray) -> np.ndarray:
    """Mean color over the sky, [N, 3] in [0, 1]; NaN where the sky is less than `MINIMUM` of the picture."""
    share = skies.mean((1, 2))
    total = (images * skies[..., None]).mean((1, 2), dtype=np.float64) / 255
    return np.where(share[:, None] >= MINIMUM, total / np.maximum(share, MINIMUM)[:, None], np.nan)
