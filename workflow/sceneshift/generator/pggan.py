"""The generator of PGGAN (Karras et al. 2018, arXiv:1710.10196), for use, not for training.

It has one code for all layers, z itself: what stands for the mapping brings z to length √z_dim, and W is that sphere.
The network does so again, so truncation changes nothing. No noise, no styles; pixel norm behind every layer. Kernels of
layers that double the size are stored as they act after nearest-neighbour enlargement.
"""

import math
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sceneshift.generator.networks import Generator, channels_at
from sceneshift.generator.stylegan import ToRGB


def pixel_norm(x: Tensor) -> Tensor:
    """x [N, C, …], at every place of unit mean square over its channels (section 4.2)."""
    return x * (x.square().mean(dim=1, keepdim=True) + 1e-8).rsqrt()


class Sphere(nn.Module):
    """z [N, z_dim] -> the same at length √z_dim. `w_avg` is 0, and ψ is taken for the interface's sake alone."""

    def __init__(self, z_dim: int) -> None:
        super().__init__()
        self.register_buffer("w_avg", torch.zeros(z_dim))

    def forward(self, z: Tensor, truncation_psi: float = 1.0) -> Tensor:
        return pixel_norm(z) * truncation_psi


class Layer(nn.Module):
    """[doubling] 3×3 convolution, bias, leaky ReLU, pixel norm: [N, C, H, W] -> [N, O, H', W']."""

    def __init__(self, inputs: int, outputs: int, doubling: bool) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, 3, 3))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.doubling = doubling

    def forward(self, x: Tensor) -> Tensor:
        if self.doubling:
            x = F.interpolate(x, scale_factor=2, mode="nearest")
        weight = self.weight * math.sqrt(2 / self.weight[0].numel())
        x = F.conv2d(x, weight.to(x.dtype), padding=1)
        return pixel_norm(F.leaky_relu(x + self.bias[:, None, None].to(x.dtype), 0.2))


class FirstLayer(nn.Module):
    """The code, spread over 4×4 places: [N, z_dim] -> [N, C, 4, 4]."""

    def __init__(self, z_dim: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, 4, 4, z_dim))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, z: Tensor) -> Tensor:
        scale = math.sqrt(2) / 4 / math.sqrt(z.shape[1])
        x = F.linear(z, self.weight.flatten(0, 2) * scale).unflatten(1, self.weight.shape[:3])
        return pixel_norm(F.leaky_relu(x + self.bias[:, None, None], 0.2))


class Block(nn.Module):
    """The two layers at one resolution."""

    def __init__(self, inputs: int, outputs: int, first: nn.Module | None) -> None:
        super().__init__()
        self.conv0 = first or Layer(inputs, outputs, doubling=True)
        self.conv1 = Layer(outputs, outputs, doubling=False)


class PGGANSynthesis(nn.Module):
    """Codes [N, z_dim] or [N, 1, z_dim] -> images [N, 3, H, W] float32, about [-1, 1].

    What `networks.Synthesis` offers: `compute_dtype`, `ws_resolutions`, `modulations`, `noise_shapes`.
    """

    conv_clamp = None

    def __init__(self, z_dim: int, resolution: int, channel_base: int, channel_max: int) -> None:
        super().__init__()
        self.resolutions = [2**power for power in range(2, int(math.log2(resolution)) + 1)]
        self.compute_dtype = torch.float32
        inputs = 0
        for r in self.resolutions:
            outputs = channels_at(r, channel_base, channel_max)
            setattr(self, f"b{r}", Block(inputs, outputs, None if inputs else FirstLayer(z_dim, outputs)))
            inputs = outputs
        self.torgb = ToRGB(inputs)

    @property
    def ws_resolutions(self) -> list[int]:
        """The one code acts on the layer at 4 px."""
        return [4]

    @property
    def modulations(self) -> list[Tensor]:
        """The weight [16·channels, z_dim] of the layer that takes the code, as SeFa factorizes PGGAN."""
        return [self.b4.conv0.weight.flatten(0, 2)]

    @property
    def noise_shapes(self) -> list[tuple[int, int]]:
        return []

    def forward(self, ws: Tensor, noise: str | Sequence[Tensor] = "const") -> Tensor:
        """`noise` is taken for the interface's sake: there is none."""
        if ws.ndim not in (2, 3) or (ws.ndim == 3 and ws.shape[1] != 1):
            raise ValueError(f"codes have shape {tuple(ws.shape)}; expected [N, z_dim] or [N, 1, z_dim]")
        x = pixel_norm(ws.flatten(1))
        for r in self.resolutions:
            block = getattr(self, f"b{r}")
            x = block.conv1(block.conv0(x).to(self.compute_dtype))
        return self.torgb(x)


class PGGAN(Generator):
    """PGGAN's generator, used as StyleGAN2's; square images."""

    kind = "pggan"

    def _networks(self, conv_clamp: float | None) -> tuple[nn.Module, nn.Module]:
        if self.width != self.resolution or conv_clamp is not None or self.w_dim != self.z_dim:
            raise ValueError(f"width is {self.width}, conv_clamp {conv_clamp}, w_dim {self.w_dim}, which no PGGAN has")
        return Sphere(self.z_dim), PGGANSynthesis(self.z_dim, self.resolution, self.channel_base, self.channel_max)

    @property
    def architecture(self) -> dict[str, Any]:
        return {"kind": self.kind, **super().architecture}
