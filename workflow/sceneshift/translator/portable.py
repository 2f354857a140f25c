"""A translator as one graph of tensor operations, photo in, photo out: what ONNX and TorchScript files hold.

The same steps as `Translator`, but sizes are tensors, so that a trace of it takes photos of any size, and batches of
them. Memory grows with the photo: about 150 bytes a pixel, where `Translator` works in strips.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sceneshift.images.luma import network_luminance
from sceneshift.translator.architecture import TranslatorNetwork
from sceneshift.translator.checkpoints import TranslatorFacts
from sceneshift.translator.guided import guided_maps
from sceneshift.translator.heads import EditMaps, apply_edit

LANCZOS = 3  # the kernel's half width, in pixels of the smaller picture


class PortableTranslator(nn.Module):
    """Photos [N, 3, H, W], RGB in [0, 1], any H and W -> edited photos, same shape and range."""

    def __init__(self, network: TranslatorNetwork, facts: TranslatorFacts) -> None:
        super().__init__()
        self.network, self.multiple, self.resolution = network, facts.sizes.multiple, facts.resolution

    def forward(self, photos: Tensor) -> Tensor:
        photos = photos * 2 - 1
        edited = self._edited(photos) if self.network.sizes.head == "edit" else self._image(photos)
        return (edited + 1) / 2

    def _image(self, photos: Tensor) -> Tensor:
        height, width = _sides(photos)
        return self.network(self._padded(photos))[:, :, :height, :width]

    def _edited(self, photos: Tensor) -> Tensor:
        """The maps of a small copy, carried up by the guided filter (guided.py)."""
        height, width = _sides(photos)
        scale = self.resolution / torch.minimum(height, width).double()
        low, narrow = (torch.clamp((side * scale).round(), min=1).long() for side in (height, width))
        small = _lanczos(height, low) @ (photos @ _lanczos(width, narrow).transpose(0, 1))
        small = small.clamp(-1, 1)
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
        return apply_edit(photos, EditMaps(gain.clamp(0, 2), offset.clamp(-1, 1), mask.clamp(0, 1)))

    def _padded(self, photos: Tensor) -> Tensor:
        """`translating.padded`: mirrored, or where photos are too narrow for that, repeated."""
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


def _sides(photos: Tensor) -> tuple[Tensor, Tensor]:
    """Height and width as tensors, which a trace follows."""
    shape = torch._shape_as_tensor(photos).to(photos.device)
    return shape[2], shape[3]


def _lanczos(size: Tensor, target: Tensor) -> Tensor:
    """[target, size]: the matrix that resamples `size` pixels to `target`, as Pillow's LANCZOS does."""
    scale = size.float() / target.float()
    stretch = scale.clamp(min=1)
    centre = (torch.arange(target, device=size.device).float() + 0.5) * scale
    place = torch.arange(size, device=size.device).float() + 0.5
    angle = (place[None] - centre[:, None]) / stretch * torch.pi
    kernel = LANCZOS * torch.sin(angle) * torch.sin(angle / LANCZOS) / angle.square().clamp(min=1e-8)
    kernel = torch.where(angle.abs() < 1e-3, torch.ones_like(kernel), kernel)
    kernel = torch.where(angle.abs() < LANCZOS * torch.pi, kernel, torch.zeros_like(kernel))
    return kernel / kernel.sum(dim=1, keepdim=True)
