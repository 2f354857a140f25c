"""A translator as one graph of tensor operations, photo in, photo out: what ONNX and TorchScript files hold.

The same steps as `Translator`, but sizes are tensors, so that a trace of it takes photos of any size, and batches of
them. Memory grows with the photo: about 150 bytes a pixel, where `Translator` works in strips. Of the small copy even
Pillow's rounding is written out here: one level in it may become several in the edit.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sceneshift.images.luma import network_luminance
from sceneshift.translator.architecture import TranslatorNetwork
from sceneshift.translator.checkpoints import TranslatorFacts
from sceneshift.translator.guided import guided_maps
from sceneshift.translator.heads import EditMaps, apply_edit, at_strength
from sceneshift.translator.translator import REDUCING_GAP

LANCZOS = 3  # the kernel's half width, in pixels of the smaller picture
BITS = 22  # behind the point of Pillow's weights


class PortableTranslator(nn.Module):
    """Photos [N, 3, H, W], RGB in [0, 1], any H and W, and strength, float32 [] -> edited photos, as the photos."""

    def __init__(self, network: TranslatorNetwork, facts: TranslatorFacts) -> None:
        super().__init__()
        self.network, self.multiple, self.resolution = network, facts.sizes.multiple, facts.resolution

    def forward(self, photos: Tensor, strength: Tensor) -> Tensor:
        photos = photos * 2 - 1
        edited = (self._edited if self.network.sizes.head == "edit" else self._image)(photos, strength)
        return (edited + 1) / 2

    def _image(self, photos: Tensor, strength: Tensor) -> Tensor:
        """The image head, [N, 3, H, W] in [-1, 1] -> the same."""
        height, width = _sides(photos)
        return torch.lerp(photos, self.network(self._padded(photos))[:, :, :height, :width], strength)

    def _edited(self, photos: Tensor, strength: Tensor) -> Tensor:
        """[N, 3, H, W] in [-1, 1], edited by the maps of a small copy, carried up by the guided filter (guided.py)."""
        height, width = _sides(photos)
        scale = self.resolution / _exact(torch.minimum(height, width))
        low, narrow = (torch.clamp((_exact(side) * scale).round(), min=1).long()[0] for side in (height, width))
        levels = ((photos + 1) * 127.5).round()  # a photo's pixels have 8 bits, and so has its small copy
        small = shrunk(levels, low, narrow) / 127.5 - 1
        maps = torch.cat(list(self.network.maps(self._padded(small))), dim=1)[:, :, :low, :narrow]
        slope, level = guided_maps(maps, network_luminance(small))
        # a photo of the training size takes the maps as they are
        same_size = (low == height) & (narrow == width)
        slope = torch.where(same_size, torch.zeros_like(slope), slope)
        level = torch.where(same_size, maps, level)
        enlarged = F.interpolate(
            torch.cat([slope, level], dim=1), size=photos.shape[2:], mode="bilinear", align_corners=False
        )
        slope, level = enlarged.split(7, dim=1)
        gain, offset, mask = (level + slope * network_luminance(photos).unsqueeze(1)).split((3, 3, 1), dim=1)
        full_size = EditMaps(gain.clamp(0, 2), offset.clamp(-1, 1), mask.clamp(0, 1))
        return apply_edit(photos, at_strength(full_size, strength))

    def _padded(self, photos: Tensor) -> Tensor:
        """`translator.padded` of [N, 3, H, W]: mirrored, or where photos are too narrow for that, repeated."""
        sides = _sides(photos)
        targets = [
            torch.clamp((side + self.multiple - 1) // self.multiple * self.multiple, min=2 * self.multiple)
            for side in sides
        ]
        mirrors = (targets[0] < 2 * sides[0]) & (targets[1] < 2 * sides[1])
        for axis, side, target in zip((2, 3), sides, targets, strict=True):
            last, place = side - 1, torch.arange(target, device=photos.device)
            source = torch.where(mirrors, last - (last - place).abs(), torch.minimum(place, last))
            photos = photos.index_select(axis, source)
        return photos


class AnyStrength(nn.Module):
    """A traced `PortableTranslator`, whose strength is a number that may be left out. TorchScript compiles it."""

    def __init__(self, graph: nn.Module) -> None:
        super().__init__()
        self.graph = graph

    def forward(self, photos: Tensor, strength: float = 1.0) -> Tensor:
        return self.graph(photos, torch.tensor(strength))


def _sides(photos: Tensor) -> tuple[Tensor, Tensor]:
    """Height and width of [N, 3, H, W] as tensors, which a trace follows."""
    shape = torch._shape_as_tensor(photos).to(photos.device)
    return shape[2], shape[3]


def _exact(side: Tensor) -> Tensor:
    """A whole number without axes as float64 [1]: ONNX would calculate in float32 with what has no axes."""
    return side.double()[None]


def shrunk(levels: Tensor, low: Tensor, narrow: Tensor) -> Tensor:
    """`translator.shrunk` to the bit: [N, 3, H, W] -> [N, 3, low, narrow].

    levels: whole numbers in 0 … 255, float32. Pillow works with integers; float64 holds them exactly.
    """
    sides, targets = _sides(levels), (low, narrow)
    factors = [
        (_exact(side) / _exact(target) / REDUCING_GAP).floor().clamp(min=1).long()[0]
        for side, target in zip(sides, targets, strict=True)
    ]
    reduced = _block_means(levels, factors)
    for axis in (3, 2):  # first across, then down, each rounded
        # Pillow keeps where the last pixel ends in float32
        end = (_exact(sides[axis - 2]) / _exact(factors[axis - 2])).float().double()
        weights = _lanczos(_sides(reduced)[axis - 2], end, targets[axis - 2])
        sums = reduced @ weights.transpose(0, 1) if axis == 3 else weights @ reduced
        reduced = ((sums + 2 ** (BITS - 1)) / 2**BITS).floor().clamp(0, 255)
    return reduced.float()


def _block_means(levels: Tensor, factors: list[Tensor]) -> Tensor:
    """Pillow's `reduce`: the rounded mean of blocks of factors[0] × factors[1] pixels, cut at the border; float64."""
    counts = []
    for axis, factor in zip((3, 2), factors[::-1], strict=True):
        side = _sides(levels)[axis - 2]
        ends = torch.arange((side + factor - 1) // factor + 1, device=levels.device) * factor
        ends = torch.minimum(ends, side)
        # in float64 where the numbers may exceed 2²⁴, up to which float32 is exact
        sums = levels.cumsum(axis, dtype=torch.float32 if axis == 3 else torch.float64)
        sums = torch.cat([torch.zeros_like(sums.narrow(axis, 0, 1)), sums], dim=axis)
        levels = sums.index_select(axis, ends[1:]) - sums.index_select(axis, ends[:-1])
        counts.append((ends[1:] - ends[:-1]).double())
    pixels = counts[1][:, None] * counts[0]
    return ((levels + (pixels / 2).floor()) * (2**24 / pixels).floor() / 2**24).floor()


def _lanczos(size: Tensor, end: Tensor, target: Tensor) -> Tensor:
    """[target, size]: Pillow's weights that resample pixels 0 … end (≤ size) to `target`, whole numbers of 2^−BITS.

    end: float64 [1]
    """
    scale = end / _exact(target)
    stretch = scale.clamp(min=1)
    center = (torch.arange(target, device=size.device).double() + 0.5) * scale
    place = torch.arange(size, device=size.device).double() + 0.5
    x = (place[None] - center[:, None]) / stretch
    angle = torch.where(x == 0, torch.ones_like(x), x * torch.pi)
    kernel = torch.sin(angle) / angle * (torch.sin(angle / LANCZOS) / (angle / LANCZOS))
    kernel = torch.where(x == 0, torch.ones_like(x), kernel)
    kernel = torch.where(x.abs() < LANCZOS, kernel, torch.zeros_like(kernel))
    kernel = kernel / kernel.sum(dim=1, keepdim=True)
    return (kernel.abs() * 2**BITS + 0.5).floor() * kernel.sign()
