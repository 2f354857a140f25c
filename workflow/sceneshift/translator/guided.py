"""An edit predicted on a small copy of a photo, applied to the photo at its own size.

The maps are carried up by the fast guided filter (arXiv 1505.00996): near each pixel a map is
taken to be an affine function of the photo's luminance, so what follows an edge in the small photo follows the same
edge, sharp, in the large one.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from sceneshift.images.luma import network_luminance
from sceneshift.images.pixels import from_uint8, rounded
from sceneshift.translator.heads import EditMaps, apply_edit, at_strength

RADIUS = 3  # of the filter's windows, in pixels of the small photo
EPSILON = 1e-3  # variance of luminance (0 to 1) below which a window counts as flat
STRIP_PIXELS = 2**17  # a photo is edited in strips of rows of about this size, which bounds the memory


class GuidedMaps(NamedTuple):
    """map(pixel) = slope·luminance(pixel) + level, both [..., 7, h, w]: gain (3), offset (3), mask (1)."""

    slope: Tensor
    level: Tensor


def guided_maps(maps: Tensor, guide: Tensor) -> GuidedMaps:
    """The filter's coefficients: a = cov(I, p)/(var(I) + ε), b = mean p − a·mean I, both averaged over the windows.

    maps: p, [..., C, h, w]; guide: I, [..., h, w]. Windows are cut at the border.
    """
    guide = guide.unsqueeze(-3).expand_as(maps)
    mean_guide, mean_maps = _window_mean(guide), _window_mean(maps)
    covariance = _window_mean(guide * maps) - mean_guide * mean_maps
    variance = _window_mean(guide * guide) - mean_guide * mean_guide
    slope = covariance / (variance + EPSILON)
    return GuidedMaps(_window_mean(slope), _window_mean(mean_maps - slope * mean_guide))


def edit_in_strips(photo: np.ndarray, maps: EditMaps, small: Tensor, strength: float) -> tuple[np.ndarray, np.ndarray]:
    """Apply the `maps` predicted for `small` to `photo`: (edited uint8 [H, W, 3], mask uint8 [H, W]).

    photo: uint8 [H, W, 3]; maps: [1, ·, h, w]; small: the same photo, [3, h, w] in [-1, 1]; strength: of `at_strength`.
    Beside the results it takes memory for a strip of rows, however large the photo.

    The strength acts on the full-size maps, pixel by pixel: what a pixel becomes at s then follows from its own gain
    and mask at 1. Raised to a power before they are carried up, the maps would be fitted to the guide again for each s,
    and where that overshoots, the power would have made it worse.
    """
    edited, mask = np.empty_like(photo), np.empty(photo.shape[:2], np.uint8)
    for rows, strip, pixels in full_size_maps(photo, maps, small):
        strip = strip if strength == 1 else at_strength(strip, strength)
        edited[rows] = rounded(apply_edit(pixels[None], strip))[0]
        mask[rows] = strip.mask[0, 0].mul(255).round_().to(torch.uint8).numpy()
    return edited, mask


def full_size_maps(photo: np.ndarray, maps: EditMaps, small: Tensor) -> Iterator[tuple[slice, EditMaps, Tensor]]:
    """The maps at the photo's own size, strip by strip: (rows, maps [1, ·, rows, W], pixels [3, rows, W] in [-1, 1]).

    A photo no larger or smaller than `small` takes the maps as they are.
    """
    height, width = photo.shape[:2]
    same_size = small.shape[1:] == (height, width)
    stacked = torch.cat(list(maps), dim=1)[0]
    guided = None if same_size else torch.cat(list(guided_maps(stacked, network_luminance(small))))
    step = max(1, STRIP_PIXELS // width)
    for top in range(0, height, step):
        rows = slice(top, min(top + step, height))
        pixels = from_uint8(photo[None, rows].copy())[0].contiguous()
        if guided is None:
            strip = stacked[:, rows]
        else:
            slope, level = _enlarged_rows(guided, rows, height, width).chunk(2)
            strip = torch.addcmul(level, slope, network_luminance(pixels))
        # an affine function may leave the range that its map had
        gain, offset, mask = strip[None].split((3, 3, 1), dim=1)
        yield rows, EditMaps(gain.clamp(0, 2), offset.clamp(-1, 1), mask.clamp(0, 1)), pixels


def _enlarged_rows(x: Tensor, rows: slice, height: int, width: int) -> Tensor:
    """These rows of the bilinear enlargement of [C, h, w] to [C, height, width] (pixel centers aligned)."""
    last = x.shape[1] - 1
    position = ((torch.arange(rows.start, rows.stop) + 0.5) * (x.shape[1] / height) - 0.5).clamp(0, last)
    above = position.floor().long()
    below = (above + 1).clamp(max=last)
    lines = torch.lerp(x[:, above], x[:, below], (position - above).to(x.dtype)[None, :, None])
    return F.interpolate(lines, size=width, mode="linear", align_corners=False)


def _window_mean(x: Tensor) -> Tensor:
    """Mean over the window around each pixel, what lies outside not counted: [N, C, H, W] -> the same."""
    return F.avg_pool2d(x, 2 * RADIUS + 1, stride=1, padding=RADIUS, count_include_pad=False)
