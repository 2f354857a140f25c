"""pix2pixHD's networks (arXiv 1711.11585): global generator, local enhancer, multi-scale discriminator.

Modules are registered in the order of the published code and have its shapes, so its weights map onto these one to one,
in order. Normalization is instance norm without parameters throughout.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sceneshift.training.deterministic import pad_mirrored


def instance_norm(x: Tensor) -> Tensor:
    """Each channel of each image to mean 0 and variance 1 (arXiv 1607.08022), ε 1e-5; [N, C, H, W] -> the same.

    A group norm with one channel a group. In training on a CPU it is a batch norm of each image instead: the same
    formula, and on channels-last maps its gradient takes a quarter of the time in float32 and a sixth in bf16.
    """
    if x.device.type == "cpu" and x.requires_grad:
        return torch.cat([F.batch_norm(image, None, None, training=True) for image in x.split(1)])
    with torch.autocast(x.device.type, enabled=False):  # which on a GPU widens to float32, and leaves it so
        return F.group_norm(x, int(x.shape[1]))  # int: a constant in traces too


def norm_relu(x: Tensor) -> Tensor:
    """relu(instance_norm(x)), [N, C, H, W]."""
    return F.relu(instance_norm(x), inplace=True)


def reflect(x: Tensor, margin: int) -> Tensor:
    """Mirror `margin` pixels beyond each border: [N, C, H, W] -> [N, C, H + 2·margin, W + 2·margin]."""
    # autocast would widen bf16 to float32 for this copy on a CPU and narrow it again, at a third of a block's time
    with torch.autocast(x.device.type, enabled=False):
        return pad_mirrored(x, margin, margin)


class ResidualBlock(nn.Module):
    """x + norm(conv(relu(norm(conv(x))))), 3×3, reflected borders: [N, C, H, W] -> the same."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3)
        self.conv2 = nn.Conv2d(channels, channels, 3)

    def forward(self, x: Tensor) -> Tensor:
        y = norm_relu(self.conv1(reflect(x, 1)))
        return x + instance_norm(self.conv2(reflect(y, 1)))


def _halving(channels: int) -> nn.Conv2d:
    return nn.Conv2d(channels, 2 * channels, 3, stride=2, padding=1)


def _doubling(channels: int) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(channels, channels // 2, 3, stride=2, padding=1, output_padding=1)


class GlobalFeatures(nn.Module):
    """The global generator without its last convolution: [N, input_channels, H, W] -> [N, width, H, W].

    H and W must be multiples of 2^downsamplings.
    """

    def __init__(self, input_channels: int, width: int, downsamplings: int, blocks: int) -> None:
        super().__init__()
        self.enter = nn.Conv2d(input_channels, width, 7)
        self.down = nn.ModuleList(_halving(width * 2**i) for i in range(downsamplings))
        self.blocks = nn.ModuleList(ResidualBlock(width * 2**downsamplings) for _ in range(blocks))
        self.up = nn.ModuleList(_doubling(width * 2**i) for i in range(downsamplings, 0, -1))

    def forward(self, x: Tensor) -> Tensor:
        x = norm_relu(self.enter(reflect(x, 3)))
        for down in self.down:
            x = norm_relu(down(x))
        for block in self.blocks:
            x = block(x)
        for up in self.up:
            x = norm_relu(up(x))
        return x


class GlobalGenerator(nn.Module):
    """pix2pixHD's G1: [N, 3, H, W] -> [N, output_channels, H, W], before the output head's nonlinearity.

    With width 64, 4 downsamplings, 9 blocks and 3 output channels it has the published 182,443,267 parameters.
    """

    def __init__(self, output_channels: int, width: int = 64, downsamplings: int = 4, blocks: int = 9) -> None:
        super().__init__()
        self.features = GlobalFeatures(3, width, downsamplings, blocks)
        self.out = nn.Conv2d(width, output_channels, 7)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(reflect(self.features(x), 3))


class LocalEnhancer(nn.Module):
    """pix2pixHD's G2 around G1: `coarse` sees the picture at half size, the enhancer adds the detail.

    [N, 3, H, W] -> [N, output_channels, H, W].

    width: of the enhancer; the global generator inside has twice as many channels (32 and 64 in the paper).
    """

    def __init__(
        self,
        output_channels: int,
        width: int = 32,
        downsamplings: int = 4,
        blocks: int = 9,
        local_blocks: int = 3,
    ) -> None:
        super().__init__()
        self.coarse = GlobalFeatures(3, 2 * width, downsamplings, blocks)
        self.enter = nn.Conv2d(3, width, 7)
        self.down = _halving(width)
        self.blocks = nn.ModuleList(ResidualBlock(2 * width) for _ in range(local_blocks))
        self.up = _doubling(2 * width)
        self.out = nn.Conv2d(width, output_channels, 7)

    def forward(self, x: Tensor) -> Tensor:
        fine = norm_relu(self.enter(reflect(x, 3)))
        y = norm_relu(self.down(fine)) + self.coarse(halved(x))
        for block in self.blocks:
            y = block(y)
        return self.out(reflect(norm_relu(self.up(y)), 3))


def halved(x: Tensor) -> Tensor:
    """The next level of pix2pixHD's pyramids: 3×3 average, stride 2, borders not counted; [N, C, H/2, W/2]."""
    return F.avg_pool2d(x, 3, stride=2, padding=1, count_include_pad=False)


class PatchDiscriminator(nn.Module):
    """PatchGAN: 4×4 convolutions, `layers` of stride 2 then two of stride 1; with 3, it judges patches of 70×70."""

    def __init__(self, input_channels: int, width: int, layers: int = 3) -> None:
        super().__init__()
        channels = [input_channels, width, *(min(width * 2**i, 512) for i in range(1, layers + 1)), 1]
        self.convs = nn.ModuleList(
            nn.Conv2d(channels[i], channels[i + 1], 4, stride=2 if i < layers else 1, padding=2)
            for i in range(layers + 2)
        )

    def forward(self, x: Tensor) -> list[Tensor]:
        """The feature maps after each of the convolutions; the last is the verdict per patch, [N, 1, h, w]."""
        maps = [F.leaky_relu(self.convs[0](x), 0.2)]
        for conv in self.convs[1:-1]:
            maps.append(F.leaky_relu(instance_norm(conv(maps[-1])), 0.2, inplace=True))
        return [*maps, self.convs[-1](maps[-1])]


class MultiscaleDiscriminator(nn.Module):
    """PatchGANs on a pyramid of the input: with 6 channels, width 64 and two scales, 5,535,618 parameters."""

    def __init__(self, input_channels: int = 6, width: int = 64, scales: int = 2, layers: int = 3) -> None:
        super().__init__()
        # registered from the coarsest scale to the full one, as published
        self.scales = nn.ModuleList(PatchDiscriminator(input_channels, width, layers) for _ in range(scales))

    def forward(self, photo: Tensor, image: Tensor) -> list[list[Tensor]]:
        """Feature maps per scale, full size first, of `image` [N, 3, H, W] given the `photo` it was made from."""
        x = torch.cat([photo, image], dim=1)
        verdicts = []
        for index, discriminator in enumerate(reversed(self.scales)):
            x = halved(x) if index else x
            verdicts.append(discriminator(x))
        return verdicts


def initialize(network: nn.Module, generator: torch.Generator) -> None:
    """Weights from N(0, 0.02), biases as PyTorch's convolutions draw them: uniform within ±1/√fan_in."""
    for conv in _convolutions(network):
        nn.init.normal_(conv.weight, 0.0, 0.02, generator=generator)
        # fan_in as nn.Conv2d counts it, from the weight's second dimension, for transposed convolutions too
        bound = (conv.weight.shape[1] * conv.weight[0, 0].numel()) ** -0.5
        nn.init.uniform_(conv.bias, -bound, bound, generator=generator)


def _convolutions(network: nn.Module) -> Iterator[nn.Conv2d | nn.ConvTranspose2d]:
    return (module for module in network.modules() if isinstance(module, nn.Conv2d | nn.ConvTranspose2d))
