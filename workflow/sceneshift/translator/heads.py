"""What a translator's last convolution means: pix2pixHD's own image, or gain, offset and mask of an edit."""

from typing import Literal, NamedTuple

import torch
from torch import Tensor

Head = Literal["edit", "image"]
OUTPUT_CHANNELS = {"image": 3, "edit": 7}


class EditMaps(NamedTuple):
    """What the edit head predicts, all float32: `gain` [N, 3, H, W] in (0, 2), `offset` [N, 3, H, W] in (-1, 1),
    `mask` [N, 1, H, W] in (0, 1)."""

    gain: Tensor
    offset: Tensor
    mask: Tensor


def edit_maps(output: Tensor) -> EditMaps:
    """gain = 1 + tanh(o[0:3]), offset = tanh(o[3:6]), mask = sigmoid(o[6] − 2); `output` is [N, 7, H, W]."""
    output = output.float()
    return EditMaps(
        gain=1 + torch.tanh(output[:, 0:3]),
        offset=torch.tanh(output[:, 3:6]),
        mask=torch.sigmoid(output[:, 6:7] - 2),
    )


def apply_edit(photo: Tensor, maps: EditMaps) -> Tensor:
    """((x + 1)·gain − 1)·(1 − m) + offset·m, clamped to [-1, 1]; `photo` is [N, 3, H, W] in [-1, 1]."""
    gained = (photo + 1) * maps.gain - 1
    return torch.lerp(gained, maps.offset, maps.mask).clamp(-1, 1)


def as_image(output: Tensor) -> Tensor:
    """pix2pixHD's output: tanh(o), [N, 3, H, W] in (-1, 1), float32."""
    return torch.tanh(output.float())
