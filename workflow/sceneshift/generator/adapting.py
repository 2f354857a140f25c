"""Trained networks at another shape, for transfer: resolutions added or dropped, wider or narrower images.

StyleGAN2's image is a sum over resolutions, and its discriminator's blocks are residual (arXiv 1912.04958, section
4.2), so resolutions can be added with both networks' results unchanged at first: the generator's new layers add nothing
to the image until they are trained, and the discriminator's new block passes on what it is given at half the size.
"""

import math

import torch
from torch import Tensor

from sceneshift.generator.networks import Conv, Discriminator, DiscriminatorBlock, Generator, channels_at
from sceneshift.runtime.errors import SceneshiftError

COLORS = 3
LEAK = 0.2  # slope of leaky ReLU for negative values


@torch.no_grad()
def adapted_generator(g: Generator, resolution: int, width: int) -> Generator:
    """A new generator for images [3, resolution, width] with g's weights; what has no equal there is fresh.

    Higher images are g's, upsampled, until the new layers are trained; lower ones its own sum up to that resolution.
    Of another shape, the constant is resized across.
    """
    new = Generator(**g.architecture | {"resolution": resolution, "width": width})
    tensors = g.state_dict()
    const, columns = tensors["synthesis.b4.const"], new.synthesis.b4.const.shape[-1]
    if columns != const.shape[-1]:
        tensors["synthesis.b4.const"] = const @ (overlap(const.shape[-1], columns) * columns)
    for added in (r for r in new.synthesis.resolutions if r > g.resolution):
        getattr(new.synthesis, f"b{added}").torgb.weight.zero_()
    _fill(new, tensors)
    return new


@torch.no_grad()
def adapted_discriminator(d: Discriminator, channels: dict[str, int], resolution: int, width: int) -> Discriminator:
    """A new discriminator for images [3, resolution, width] with d's weights; what has no equal there is fresh.

    channels: its `channel_base` and `channel_max`. Of higher images it says what d says of them at half the size,
    until it is trained. Of lower ones it has d's blocks below. Raises SceneshiftError where an added resolution has
    under six channels, too few to carry the image.
    """
    first = d.resolutions[0]
    tensors, fromrgb = d.state_dict(), getattr(d, f"b{first}").fromrgb
    limits = {"conv_clamp": fromrgb.conv_clamp, "group_size": d.group_size}
    new = Discriminator(resolution=resolution, width=width, **channels, **limits)
    for added in (r for r in reversed(new.resolutions) if r > first):
        if (count := channels_at(added, **channels)) < 2 * COLORS:
            raise SceneshiftError(
                f"The warm start's discriminator would have {count} channels at {added} px, of which it needs "
                f"{2 * COLORS} to take over what was learned at {first} px. Choose a smaller photos.resolution, or "
                "generator.warm_start: null."
            )
        block = _passing_on(fromrgb, count)
        tensors |= {f"b{added}.{name}": tensor for name, tensor in block.state_dict().items()}
        fromrgb = block.fromrgb
    if new.columns != d.columns:  # its sums over columns stay; at run time they are divided by √inputs
        spread = overlap(d.columns, new.columns) * d.columns * math.sqrt(new.columns / d.columns)
        tensors["b4.fc.weight"] = (tensors["b4.fc.weight"].unflatten(1, (-1, d.columns)) @ spread).flatten(1)
    _fill(new, tensors)
    return new


def _passing_on(fromrgb: Conv, channels: int) -> DiscriminatorBlock:
    """A block [N, 3, H, W] -> [N, C, H/2, W/2] that gives what `fromrgb` gives of the images at half the size.

    Leaky ReLU is odd enough: two times, with gain √2, it makes of x and −x two values whose difference is
    2(1 + 0.2²)·x. So six channels carry the colors and their negatives to the last convolution, which does what
    `fromrgb` does. Channels beyond them start at random with no say.
    """
    outputs = fromrgb.weight.shape[0]
    block = DiscriminatorBlock(channels, outputs, from_image=True)
    carried, center = 2 * COLORS, math.sqrt(9 * channels)  # weights are divided by √inputs at run time
    block.fromrgb.weight[:carried, :, 0, 0] = torch.cat([torch.eye(COLORS), -torch.eye(COLORS)]) * math.sqrt(COLORS)
    block.conv0.weight[:carried] = 0
    block.conv0.weight[range(carried), range(carried), 1, 1] = center
    last = fromrgb.weight[:, :, 0, 0] / math.sqrt(COLORS) * center / (2 * (1 + LEAK**2))
    block.conv1.weight.zero_()  # √2 makes up for the √½ of a branch
    block.conv1.weight[:, :carried, 1, 1] = torch.cat([last, -last], dim=1) * math.sqrt(2)
    block.conv1.bias.copy_(fromrgb.bias * math.sqrt(2))
    block.skip.weight.zero_()
    for layer in (block.fromrgb, block.conv0, block.conv1, block.skip):
        layer.conv_clamp = fromrgb.conv_clamp
    return block


def overlap(before: int, after: int) -> Tensor:
    """[before, after]: how much of a picture's width each of its `before` columns shares with each of `after` ones."""
    old, new = torch.arange(before + 1)[:, None] / before, torch.arange(after + 1) / after
    return (torch.minimum(old[1:], new[1:]) - torch.maximum(old[:-1], new[:-1])).clamp(min=0)


def _fill(network: torch.nn.Module, tensors: dict[str, Tensor]) -> None:
    """Copy the tensors that the network has, in its shape: fixed noise of another width stays its own."""
    own = network.state_dict()
    network.load_state_dict(own | {n: t for n, t in tensors.items() if n in own and t.shape == own[n].shape})
