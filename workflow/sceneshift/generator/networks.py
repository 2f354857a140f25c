"""The networks of StyleGAN2 (arXiv 1912.04958): mapping, skip generator, residual discriminator.

Parameters are named by role and resolution (`mapping.fc0.weight`, `synthesis.b64.conv0.affine.bias`, …) and shaped as
in NVIDIA's stylegan2-ada-pytorch, so that weights can be compared one by one. Weights are stored at unit variance and
scaled at run time (equalized learning rate, arXiv 1710.10196).

Images may be wider than high: all grows from a constant of 4×k, so `width` is k·resolution/4. A layer is still named by
its height, `resolution`, and has that height's channels.
"""

import math
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sceneshift.generator import at_once, convolutions
from sceneshift.generator.convolutions import GAIN, SLOPE, clamped


def channels_at(resolution: int, channel_base: int, channel_max: int) -> int:
    """Channels of the layers at `resolution`."""
    return min(channel_base // resolution, channel_max)


def columns_of_const(resolution: int, width: int) -> int:
    """k of the 4×k constant that `width` grows from. Raises ValueError if no whole k from 4 on does."""
    k, rest = divmod(4 * width, resolution)
    if rest or k < 4:
        raise ValueError(f"width {width} is not a multiple of resolution / 4 = {resolution // 4} from {resolution} on")
    return k


class FullyConnected(nn.Module):
    """Linear layer [N, inputs] -> [N, outputs] with equalized learning rate; with `activation` followed by leaky
    ReLU and gain √2."""

    def __init__(
        self, inputs: int, outputs: int, activation: bool = False, lr_multiplier: float = 1.0, bias_init: float = 0.0
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / lr_multiplier)
        self.bias = nn.Parameter(torch.full([outputs], bias_init))
        self.activation, self.lr_multiplier = activation, lr_multiplier

    def forward(self, x: Tensor) -> Tensor:
        scale = self.lr_multiplier / math.sqrt(self.weight.shape[1])
        if not convolutions.on_cpu(x):  # one product that scales
            gain = GAIN if self.activation else 1.0
            x = torch.addmm(self.bias, x, self.weight.T, beta=gain * self.lr_multiplier, alpha=gain * scale)
            return F.leaky_relu(x, SLOPE) if self.activation else x
        bias = self.bias if self.lr_multiplier == 1 else self.bias * self.lr_multiplier
        x = F.linear(x, self.weight * scale, bias)
        return convolutions.activate(x) if self.activation else x


class Mapping(nn.Module):
    """z [N, z_dim] -> w [N, w_dim]; holds `w_avg`, the moving average of w that truncation pulls towards."""

    def __init__(self, z_dim: int, w_dim: int, layers: int) -> None:
        super().__init__()
        self.layers = layers
        for index in range(layers):
            inputs = z_dim if index == 0 else w_dim
            setattr(self, f"fc{index}", FullyConnected(inputs, w_dim, activation=True, lr_multiplier=0.01))
        self.register_buffer("w_avg", torch.zeros(w_dim))

    def forward(self, z: Tensor, truncation_psi: float = 1.0) -> Tensor:
        x = z * (z.square().mean(dim=1, keepdim=True) + 1e-8).rsqrt()
        for index in range(self.layers):
            x = getattr(self, f"fc{index}")(x)
        return x if truncation_psi == 1.0 else self.w_avg.lerp(x, truncation_psi)

    @torch.no_grad()
    def track_w_avg(self, w_mean: Tensor, decay: float = 0.995) -> None:
        """Move `w_avg` towards the mean of a batch of codes, [w_dim]."""
        self.w_avg.copy_(w_mean.lerp(self.w_avg, decay))


class SynthesisLayer(nn.Module):
    """3×3 modulated convolution with noise, bias and leaky ReLU: [N, C, H, W], codes [N, w_dim] -> [N, C', H', W']."""

    def __init__(self, inputs: int, outputs: int, w_dim: int, resolution: int, width: int, upsampling: bool) -> None:
        super().__init__()
        self.affine = FullyConnected(w_dim, inputs, bias_init=1.0)
        self.weight = nn.Parameter(torch.randn(outputs, inputs, 3, 3))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.noise_strength = nn.Parameter(torch.zeros([]))
        self.register_buffer("noise_const", torch.randn(resolution, width))
        self.upsampling = upsampling

    def forward(self, x: Tensor, w: Tensor, noise: Tensor | None) -> Tensor:
        """`noise` [N or 1, 1, H, W] of unit variance, or None for none."""
        scaled = None if noise is None else noise * self.noise_strength
        return convolutions.modulated_conv(x, self.weight, self.affine(w), scaled, self.bias, self.upsampling)


class ToRGB(nn.Module):
    """1×1 modulated convolution to an image, without demodulation: [N, C, H, W], codes [N, w_dim] -> [N, 3, H, W]."""

    def __init__(self, inputs: int, w_dim: int) -> None:
        super().__init__()
        self.affine = FullyConnected(w_dim, inputs, bias_init=1.0)
        self.weight = nn.Parameter(torch.randn(3, inputs, 1, 1))
        self.bias = nn.Parameter(torch.zeros(3))

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        style = self.affine(w) / math.sqrt(self.weight.shape[1])
        return convolutions.to_rgb(x, self.weight, style, self.bias)


class SynthesisBlock(nn.Module):
    """The layers at one resolution; the first block starts from a learned constant."""

    def __init__(self, inputs: int, outputs: int, w_dim: int, resolution: int, width: int) -> None:
        super().__init__()
        if inputs:
            self.conv0 = SynthesisLayer(inputs, outputs, w_dim, resolution, width, upsampling=True)
        else:
            self.const = nn.Parameter(torch.randn(outputs, resolution, width))
        self.conv1 = SynthesisLayer(outputs, outputs, w_dim, resolution, width, upsampling=False)
        self.torgb = ToRGB(outputs, w_dim)

    @property
    def convs(self) -> list[SynthesisLayer]:
        return [self.conv0, self.conv1] if hasattr(self, "conv0") else [self.conv1]


class Synthesis(nn.Module):
    """Codes -> images: w [N, w_dim] or [N, num_ws, w_dim] -> [N, 3, H, W] float32, about [-1, 1].

    `compute_dtype` is the arithmetic of the convolutions; images and styles are always float32.
    """

    def __init__(
        self, w_dim: int, resolution: int, width: int, channel_base: int, channel_max: int, conv_clamp: float | None
    ) -> None:
        super().__init__()
        columns = columns_of_const(resolution, width)
        self.conv_clamp = conv_clamp
        self.resolutions = [2**power for power in range(2, int(math.log2(resolution)) + 1)]
        self.compute_dtype = torch.float32
        inputs = 0
        for r in self.resolutions:
            outputs = channels_at(r, channel_base, channel_max)
            setattr(self, f"b{r}", SynthesisBlock(inputs, outputs, w_dim, r, columns * r // 4))
            inputs = outputs

    @property
    def ws_resolutions(self) -> list[int]:
        """For each of the num_ws codes of an image, the resolution of the layer that it styles."""
        return [r for r in self.resolutions for _ in getattr(self, f"b{r}").convs] + [self.resolutions[-1]]

    @property
    def modulations(self) -> list[Tensor]:
        """For each of the num_ws codes, the weight [channels, w_dim] that makes the style of the layer it acts on.

        Of the layers to RGB, which share their code with the next convolution, only the last has a code of its own.
        """
        blocks = [getattr(self, f"b{r}") for r in self.resolutions]
        return [conv.affine.weight for block in blocks for conv in block.convs] + [blocks[-1].torgb.affine.weight]

    @property
    def noise_shapes(self) -> list[tuple[int, int]]:
        """Height and width of each layer's noise."""
        return [tuple(layer.noise_const.shape) for r in self.resolutions for layer in getattr(self, f"b{r}").convs]

    def forward(self, ws: Tensor, noise: str | Sequence[Tensor] = "const") -> Tensor:
        """`noise`: "const" the fixed inputs, "none", or one tensor for each layer, [N or 1, 1, H, W]."""
        count = len(self.ws_resolutions)
        if ws.ndim == 2:
            ws = ws[:, None].expand(-1, count, -1)
        if ws.ndim != 3 or ws.shape[1] != count:
            raise ValueError(f"codes have shape {tuple(ws.shape)}; expected [N, w_dim] or [N, {count}, w_dim]")
        if not convolutions.on_cpu(ws):
            return at_once.synthesis(self, ws, self._noises(noise))
        const = getattr(self, f"b{self.resolutions[0]}").const
        x = const.to(self.compute_dtype).expand(ws.shape[0], -1, -1, -1).contiguous(memory_format=torch.channels_last)
        noises = iter(self._noises(noise))
        codes = ws.unbind(dim=1)  # at once: the gradients of 14 slices would be 14 sums
        image, index = None, 0
        for r in self.resolutions:
            block = getattr(self, f"b{r}")
            for layer in block.convs:
                x = clamped(layer(x, codes[index], next(noises)), self.conv_clamp)
                index += 1
            rgb = clamped(block.torgb(x, codes[index]), self.conv_clamp)
            image = rgb if image is None else convolutions.upsample(image) + rgb
        return image

    def _noises(self, noise: str | Sequence[Tensor]) -> Sequence[Tensor | None]:
        if noise == "const":
            return [layer.noise_const[None, None] for r in self.resolutions for layer in getattr(self, f"b{r}").convs]
        if noise == "none":
            return [None] * len(self.noise_shapes)
        if isinstance(noise, str) or len(noise) != len(self.noise_shapes):
            raise ValueError(f"noise is {noise!r}; expected const, none or {len(self.noise_shapes)} tensors")
        return noise


class Generator(nn.Module):
    """StyleGAN2's generator: `g.mapping` z [N, z_dim] -> w [N, w_dim], `g.synthesis` w -> image [N, 3, H, W].

    `resolution` is the images' height, `width` (None: square) a multiple of a quarter of it, at least as wide as high.
    `conv_clamp` limits what every convolution gives (NVIDIA's networks with float16 layers; None: no limit).
    """

    kind = "stylegan2"
    truncated_layers: int | None = None  # ψ is for the codes of the first layers only; None: for all

    def __init__(
        self,
        *,
        z_dim: int,
        w_dim: int,
        resolution: int,
        channel_base: int,
        channel_max: int,
        mapping_layers: int,
        width: int | None = None,
        conv_clamp: float | None = None,
    ) -> None:
        super().__init__()
        self.z_dim, self.w_dim, self.resolution = z_dim, w_dim, resolution
        self.width = resolution if width is None else width
        self.channel_base, self.channel_max, self.mapping_layers = channel_base, channel_max, mapping_layers
        self.mapping, self.synthesis = self._networks(conv_clamp)

    def _networks(self, conv_clamp: float | None) -> tuple[nn.Module, nn.Module]:
        """The mapping and the synthesis of this kind. Raises ValueError for sizes that it cannot have."""
        sizes = self.resolution, self.width, self.channel_base, self.channel_max
        return Mapping(self.z_dim, self.w_dim, self.mapping_layers), Synthesis(self.w_dim, *sizes, conv_clamp)

    @property
    def w_avg(self) -> Tensor:
        """The mean code, [w_dim]."""
        return self.mapping.w_avg

    @property
    def ws_resolutions(self) -> list[int]:
        return self.synthesis.ws_resolutions

    @property
    def num_ws(self) -> int:
        """2·log2(resolution) − 2."""
        return len(self.ws_resolutions)

    def forward(self, z: Tensor, truncation_psi: float = 1.0, noise: str = "const") -> Tensor:
        return self.synthesis(self.mapping(z, truncation_psi), noise)

    @property
    def conv_clamp(self) -> float | None:
        return self.synthesis.conv_clamp

    @property
    def architecture(self) -> dict[str, Any]:
        """The arguments that build this network again."""
        names = ("z_dim", "w_dim", "resolution", "width", "channel_base", "channel_max", "mapping_layers", "conv_clamp")
        return {name: getattr(self, name) for name in names}


class Conv(nn.Module):
    """Convolution of the discriminator, [N, C, H, W] -> [N, C', H', W'], with equalized learning rate and `gain`; with
    bias also leaky ReLU and `conv_clamp`."""

    conv_clamp: float | None = None

    def __init__(
        self, inputs: int, outputs: int, size: int, bias: bool = True, downsampling: bool = False, gain: float = 1.0
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, size, size))
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None
        self.downsampling, self.gain = downsampling, gain
        self.scale = 1 / math.sqrt(inputs * size**2)

    def forward(self, x: Tensor) -> Tensor:
        return self.limited(convolutions.conv(x, self.weight * self.scale, self.bias, self.gain, self.downsampling))

    def limited(self, x: Tensor) -> Tensor:
        """What the convolution gives within its `conv_clamp`."""
        return x if self.bias is None or self.conv_clamp is None else clamped(x, self.conv_clamp * self.gain)


class DiscriminatorBlock(nn.Module):
    """Residual block [N, C, H, W] (or images [N, 3, H, W]) -> [N, C', H/2, W/2]; both branches carry √½ so that their
    sum keeps its variance."""

    def __init__(self, inputs: int, outputs: int, from_image: bool) -> None:
        super().__init__()
        if from_image:
            self.fromrgb = Conv(3, inputs, 1)
        self.conv0 = Conv(inputs, inputs, 3)
        self.conv1 = Conv(inputs, outputs, 3, downsampling=True, gain=math.sqrt(0.5))
        self.skip = Conv(inputs, outputs, 1, bias=False, downsampling=True, gain=math.sqrt(0.5))

    def forward(self, x: Tensor) -> Tensor:
        if hasattr(self, "fromrgb"):
            x = self.fromrgb(x)
        return self.skip(x) + self.conv1(self.conv0(x))


GROUP_SIZE = 4  # images that minibatch deviation compares, where a discriminator does not say otherwise


def minibatch_deviation(x: Tensor, group_size: int | None = GROUP_SIZE, batches: int = 1) -> Tensor:
    """Append a channel with the mean standard deviation over groups of images: [N, C, H, W] -> [N, C + 1, H, W].

    group_size: None for the whole batch, as for smaller batches. batches: N images are so many, one after the other,
    and groups are within them. Raises ValueError if a batch is not a multiple of group_size.
    """
    n, c, h, w = len(x) // batches, *x.shape[1:]
    group = min(group_size or n, n)
    if n % group:
        raise ValueError(f"{n} images are not whole groups of {group}")
    y = x.float().reshape(batches, group, -1, c, h, w)
    y = ((y - y.mean(dim=1, keepdim=True)).square().mean(dim=1) + 1e-8).sqrt().mean(dim=[2, 3, 4])
    y = y[:, None].repeat(1, group, 1).reshape(-1, 1, 1, 1).expand(-1, 1, h, w)  # of [batches, N / group]
    return torch.cat([x, y.to(x.dtype)], dim=1)


class DiscriminatorEpilogue(nn.Module):
    """Features [N, C, 4, k] -> logits [N, 1], in float32."""

    def __init__(self, channels: int, columns: int, group_size: int | None) -> None:
        super().__init__()
        self.group_size = group_size
        self.conv = Conv(channels + 1, channels, 3)
        self.fc = FullyConnected(channels * 4 * columns, channels, activation=True)
        self.out = FullyConnected(channels, 1)

    def forward(self, x: Tensor, batches: int) -> Tensor:
        x = self.conv(minibatch_deviation(x.float(), self.group_size, batches))
        return self.out(self.fc(x.flatten(1)))


class Discriminator(nn.Module):
    """Images [N, 3, H, W] in about [-1, 1] -> logits [N, 1] float32; `resolution` and `width` as the generator's.

    `group_size`: of minibatch deviation. N must be a multiple of it, or smaller. Images may be several `batches` of N,
    one after the other, that are not compared with each other.
    """

    def __init__(
        self,
        *,
        resolution: int,
        channel_base: int,
        channel_max: int,
        width: int | None = None,
        conv_clamp: float | None = None,
        group_size: int | None = GROUP_SIZE,
    ) -> None:
        super().__init__()
        self.columns = columns_of_const(resolution, resolution if width is None else width)
        self.resolutions = [2**power for power in range(int(math.log2(resolution)), 2, -1)]
        self.compute_dtype = torch.float32
        for r in self.resolutions:
            inputs, outputs = (channels_at(s, channel_base, channel_max) for s in (r, r // 2))
            setattr(self, f"b{r}", DiscriminatorBlock(inputs, outputs, from_image=r == resolution))
        self.b4 = DiscriminatorEpilogue(channels_at(4, channel_base, channel_max), self.columns, group_size)
        for layer in self.modules():
            if isinstance(layer, Conv):
                layer.conv_clamp = conv_clamp

    @property
    def group_size(self) -> int | None:
        return self.b4.group_size

    @property
    def convs(self) -> list[Conv]:
        """Those of its blocks, from the image on: the one from RGB, then three a resolution."""
        blocks = (getattr(self, f"b{r}") for r in self.resolutions)
        return [conv for block in blocks for conv in block.children()]

    def train_behind(self, frozen: int) -> None:
        """Have gradients for all weights but those of the first `frozen` of `convs` (Freeze-D, arXiv 2002.10964)."""
        self.requires_grad_(True)
        for conv in self.convs[:frozen]:
            conv.requires_grad_(False)

    def forward(self, images: Tensor, batches: int = 1) -> Tensor:
        if not convolutions.on_cpu(images):
            return self.b4(at_once.features(self, images), batches)
        x = images.to(self.compute_dtype).contiguous(memory_format=torch.channels_last)
        for r in self.resolutions:
            x = getattr(self, f"b{r}")(x)
        return self.b4(x, batches)
