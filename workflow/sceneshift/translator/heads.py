"""What a translator's last convolution means: pix2pixHD's own image, or gain, offset and mask of an edit."""

from typing import Literal, NamedTuple

import torch
from torch import Tensor

from sceneshift.runtime.errors import SceneshiftError

Head = Literal["edit", "image"]
OUTPUT_CHANNELS = {"image": 3, "edit": 7}
MOST_STRENGTH = {"image": 1.0, "edit": 3.0}


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


def at_strength(maps: EditMaps, strength: float | Tensor) -> EditMaps:
    """The edit at another strength s than the 1 of `maps`: gain^s, mask 1 − (1 − m)^s, offset as it is.

    s edits of strength 1 on each other would multiply by gain s times and leave (1 − m)^s of the photo. Unlike
    x + s·(y − x), this leads to black and white only in the limit. gain must be ≥ 0; strength: a number, or a tensor
    of no axes.
    """
    return EditMaps(maps.gain**strength, maps.offset, 1 - (1 - maps.mask) ** strength)


def check_strength(strength: float, head: Head) -> None:
    """Raise SceneshiftError unless edits of this head have such a strength: up to 3, of the image head up to 1."""
    if not 0 <= strength <= MOST_STRENGTH[head]:
        why = ", as head: image predicts no more than its image" if head == "image" else ""
        raise SceneshiftError(f"strength: found {strength:g}; it must be from 0 to {MOST_STRENGTH[head]:g}{why}.")


def apply_edit(photo: Tensor, maps: EditMaps) -> Tensor:
    """((x + 1)·gain − 1)·(1 − m) + offset·m, clamped to [-1, 1]; `photo` is [N, 3, H, W] in [-1, 1]."""
    gained = (photo + 1) * maps.gain - 1
    return torch.lerp(gained, maps.offset, maps.mask).clamp(-1, 1)


def as_image(output: Tensor) -> Tensor:
    """pix2pixHD's output: tanh(o), [N, 3, H, W] in (-1, 1), float32."""
    return torch.tanh(output.float())
