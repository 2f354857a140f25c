"""The synthesis network of the first StyleGAN (Karras et al. 2019, arXiv:1812.04948): adaptive instance normalization.

For use, not for training: HiGAN's own generators are of this kind. The mapping is StyleGAN2's. Two layers a resolution,
each with a code of its own; the layer at 4 px named conv0 has no convolution, only what follows one. Kernels of layers
that double the size are stored as they act after nearest-neighbour enlargement.
"""

import math
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sceneshift.generator.networks import FullyConnected, Generator, Mapping, channels_at

BLUR = (1.0, 2.0, 1.0)
TRUNCATED_LAYERS = 8  # 4 to 32 px: the published generators truncate only these codes


class Layer(nn.Module):
    """[doubling] 3×3 convolution [blur], noise, bias, leaky ReLU, instance normalization, style."""

    def __init__(self, inputs: int, outputs: int, w_dim: int, resolution: int, doubling: bool) -> None:
        """inputs: 0 for the layer that starts from the constant and has no convolution."""
        super().__init__()
        if inputs:
            self.weight = nn.Parameter(torch.randn(outputs, inputs, 3, 3))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.noise_strength = nn.Parameter(torch.zeros(outputs))
        self.register_buffer("noise_const", torch.randn(resolution, resolution))
        self.affine = FullyConnected(w_dim, 2 * outputs)
        self.doubling = doubling

    def forward(self, x: Tensor, w: Tensor, noise: Tensor | None) -> Tensor:
        """x [N, C, H, W], w [N, w_dim], noise [N or 1, 1, H', W'] of unit variance or None -> [N, O, H', W']."""
        if hasattr(self, "weight"):
            if self.doubling:
                x = F.interpolate(x, scale_factor=2, mode="nearest")
            weight = self.weight * math.sqrt(2 / self.weight[0].numel())
            x = F.conv2d(x, weight.to(x.dtype), padding=1)
            if self.doubling:
                x = _blur(x)
        if noise is not None:
            x = x + (noise * self.noise_strength[:, None, None]).to(x.dtype)
        x = F.leaky_relu(x + self.bias[:, None, None].to(x.dtype), 0.2)
        scale, offset = self.affine(w).to(x.dtype)[:, :, None, None].chunk(2, dim=1)
        return F.instance_norm(x, eps=1e-8) * (scale + 1) + offset


class Block(nn.Module):
    """The two layers at one resolution; the first block starts from a learned constant."""

    def __init__(self, inputs: int, outputs: int, w_dim: int, resolution: int) -> None:
        super().__init__()
        if not inputs:
            self.const = nn.Parameter(torch.ones(outputs, resolution, resolution))
        self.conv0 = Layer(inputs, outputs, w_dim, resolution, doubling=bool(inputs))
        self.conv1 = Layer(outputs, outputs, w_dim, resolution, doubling=False)

    @property
    def convs(self) -> list[Layer]:
        return [self.conv0, self.conv1]


class ToRGB(nn.Module):
    """1×1 convolution to the image, without a style: [N, C, H, W] -> [N, 3, H, W]."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(3, inputs, 1, 1))
        self.bias = nn.Parameter(torch.zeros(3))

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x.float(), self.weight / math.sqrt(self.weight.shape[1]), self.bias)


class PartTruncation(Mapping):
    """The mapping, with truncation of the first layers' codes only."""

    num_ws: int

    def forward(self, z: Tensor, truncation_psi: float = 1.0) -> Tensor:
        """z [N, z_dim] -> w [N, w_dim]; truncated: [N, num_ws, w_dim]."""
        w = super().forward(z)
        if truncation_psi == 1.0:
            return w
        ws = w[:, None].repeat(1, self.num_ws, 1)
        ws[:, :TRUNCATED_LAYERS] = self.w_avg.lerp(ws[:, :TRUNCATED_LAYERS], truncation_psi)
        return ws


class StyleGANSynthesis(nn.Module):
    """Codes -> images: w [N, w_dim] or [N, num_ws, w_dim] -> [N, 3, H, W] float32, about [-1, 1].

    What `networks.Synthesis` offers: `compute_dtype`, `ws_resolutions`, `modulations`, `noise_shapes`.
    """

    conv_clamp = None

    def __init__(self, w_dim: int, resolution: int, channel_base: int, channel_max: int) -> None:
        super().__init__()
        self.resolutions = [2**power for power in range(2, int(math.log2(resolution)) + 1)]
        self.compute_dtype = torch.float32
        inputs = 0
        for r in self.resolutions:
            outputs = channels_at(r, channel_base, channel_max)
            setattr(self, f"b{r}", Block(inputs, outputs, w_dim, r))
            inputs = outputs
        self.torgb = ToRGB(inputs)

    @property
    def layers(self) -> list[Layer]:
        """All layers, in the order of their codes."""
        return [layer for r in self.resolutions for layer in getattr(self, f"b{r}").convs]

    @property
    def ws_resolutions(self) -> list[int]:
        """For each of the num_ws codes of an image, the resolution of the layer that it styles."""
        return [r for r in self.resolutions for _ in range(2)]

    @property
    def modulations(self) -> list[Tensor]:
        """For each of the num_ws codes, the weight [2·channels, w_dim] that makes its layer's scales and offsets."""
        return [layer.affine.weight for layer in self.layers]

    @property
    def noise_shapes(self) -> list[tuple[int, int]]:
        """Height and width of each layer's noise."""
        return [tuple(layer.noise_const.shape) for layer in self.layers]

    def forward(self, ws: Tensor, noise: str | Sequence[Tensor] = "const") -> Tensor:
        """`noise`: "const" the fixed inputs, "none", or one tensor for each layer, [N or 1, 1, H, W]."""
        count = len(self.ws_resolutions)
        ws = ws[:, None].expand(-1, count, -1) if ws.ndim == 2 else ws
        if ws.ndim != 3 or ws.shape[1] != count:
            raise ValueError(f"codes have shape {tuple(ws.shape)}; expected [N, w_dim] or [N, {count}, w_dim]")
        if isinstance(noise, str):
            noises = [layer.noise_const[None, None] if noise == "const" else None for layer in self.layers]
        else:
            noises = list(noise)
        x = self.b4.const.to(self.compute_dtype).expand(len(ws), -1, -1, -1)
        for index, (layer, own) in enumerate(zip(self.layers, noises, strict=True)):
            x = layer(x, ws[:, index], own)
        return self.torgb(x)


def _blur(x: Tensor) -> Tensor:
    """[1, 2, 1]⊗[1, 2, 1]/16 on each channel, zero padding."""
    taps = torch.tensor(BLUR, device=x.device, dtype=x.dtype)
    kernel = (torch.outer(taps, taps) / 16).expand(x.shape[1], 1, 3, 3)
    return F.conv2d(x, kernel, padding=1, groups=x.shape[1])


class StyleGAN(Generator):
    """The first StyleGAN's generator, used as StyleGAN2's; square images."""

    kind = "stylegan"
    truncated_layers = TRUNCATED_LAYERS

    def _networks(self, conv_clamp: float | None) -> tuple[nn.Module, nn.Module]:
        if self.width != self.resolution or conv_clamp is not None:
            raise ValueError(f"width is {self.width}, conv_clamp is {conv_clamp}, which no StyleGAN has")
        synthesis = StyleGANSynthesis(self.w_dim, self.resolution, self.channel_base, self.channel_max)
        mapping = PartTruncation(self.z_dim, self.w_dim, self.mapping_layers)
        mapping.num_ws = len(synthesis.ws_resolutions)
        return mapping, synthesis

    @property
    def architecture(self) -> dict[str, Any]:
        return {"kind": self.kind, **super().architecture}
