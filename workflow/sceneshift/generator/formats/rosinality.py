"""rosinality/stylegan2-pytorch: *.pt, a dict with the state dicts g_ema and d, and sometimes latent_avg.

Layers are numbered from the smallest resolution on. Its blur filters are buffers. Convolutions are scaled by 1/√fan-in
before they are demodulated, which only shifts the ε within the square root.
"""

import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sceneshift.generator.convolutions import blur_kernel
from sceneshift.generator.formats.checkpoint import Checkpoint, part_of, tensors_of
from sceneshift.generator.networks import GROUP_SIZE, Discriminator, Generator
from sceneshift.runtime.errors import SceneshiftError

NAME = "rosinality"
OUTPUT = "torgb.weight"  # which each resolution has
COMPUTES_W_AVG = True  # generate.py averages mapped codes where a file has no latent_avg
FILTER = "kernel"
SYNTHESIS = {
    "weight": "conv.weight",
    "affine.weight": "conv.modulation.weight",
    "affine.bias": "conv.modulation.bias",
}
LAYER = SYNTHESIS | {"bias": "activate.bias", "noise_strength": "noise.weight"}
RGB = SYNTHESIS | {"bias": "bias"}
DISCRIMINATOR_LAYER = {
    "conv0.weight": "conv1.0.weight",
    "conv0.bias": "conv1.1.bias",
    "conv1.weight": "conv2.1.weight",
    "conv1.bias": "conv2.2.bias",
    "skip.weight": "skip.1.weight",
}
DISCRIMINATOR_END = {
    "conv.weight": "final_conv.0.weight",
    "conv.bias": "final_conv.1.bias",
    "fc.weight": "final_linear.0.weight",
    "fc.bias": "final_linear.0.bias",
    "out.weight": "final_linear.1.weight",
    "out.bias": "final_linear.1.bias",
}


def recognizes(content: Any) -> bool:
    """Whether a file's content is of this code base."""
    return isinstance(content, dict) and "g_ema" in content


def read(path: Path | str, content: Any) -> Checkpoint:
    """Take a checkpoint apart."""
    generator = tensors_of(path, "g_ema", part_of(path, content, "g_ema", NAME), FILTER)
    if isinstance(average := content.get("latent_avg"), Tensor):
        generator["latent_avg"] = average
    return Checkpoint(generator, tensors_of(path, "d", content["d"], FILTER) if "d" in content else None)


def generator_name(name: str) -> str:
    """`synthesis.b8.conv1.weight` -> `convs.1.conv.weight`, and so on."""
    network, block, *rest = name.split(".")
    if name == "mapping.w_avg":
        return "latent_avg"
    if network == "mapping":
        return f"style.{int(block.removeprefix('fc')) + 1}.{rest[0]}"
    if rest == ["const"]:
        return "input.input"
    step, (layer, *part) = int(math.log2(int(block[1:]))) - 3, rest  # b4: -1, b8: 0, …
    if layer == "torgb":
        return f"{'to_rgb1' if step < 0 else f'to_rgbs.{step}'}.{RGB['.'.join(part)]}"
    number = 2 * step + int(layer == "conv1")  # b4.conv1: -1, b8.conv0: 0, b8.conv1: 1, …
    if part == ["noise_const"]:
        return f"noises.noise_{number + 1}"
    return f"{'conv1' if number < 0 else f'convs.{number}'}.{LAYER['.'.join(part)]}"


def discriminator_name(name: str, resolution: int) -> str:
    """`b8.conv0.weight` -> `convs.4.conv1.0.weight` in a discriminator of 64 px, and so on."""
    block, part = name.split(".", 1)
    if block == "b4":
        return DISCRIMINATOR_END[part]
    if part.startswith("fromrgb"):
        return "convs.0.0.weight" if part.endswith("weight") else "convs.0.1.bias"
    return f"convs.{int(math.log2(resolution // int(block[1:]))) + 1}.{DISCRIMINATOR_LAYER[part]}"


def to_ours(name: str, tensor: Tensor) -> Tensor:
    """A tensor of any shape, as it is."""
    return tensor


def written(g: Generator, d: Discriminator | None) -> dict[str, Any]:
    """What its generate.py and train.py load, filters included."""
    _require_its_channels(g)
    if g.conv_clamp is not None:
        print(f"{NAME} does not clamp: images differ where a layer exceeds ±{g.conv_clamp:g}.", flush=True)
    tensors = {generator_name(name): _shaped(name, tensor) for name, tensor in g.state_dict().items()}
    kernel = blur_kernel(1.0, torch.device("cpu"), torch.float32)
    for step in range(len(g.synthesis.resolutions) - 1):
        tensors[f"convs.{2 * step}.conv.blur.{FILTER}"] = kernel * 4
        tensors[f"to_rgbs.{step}.upsample.{FILTER}"] = kernel * 4
    content = {"latent_avg": tensors.pop("latent_avg"), "g_ema": tensors}
    if d is not None:
        if d.group_size != GROUP_SIZE:
            print(f"{NAME}'s discriminator compares {GROUP_SIZE} images, this one {d.group_size or 'all'}.", flush=True)
        content["d"] = {discriminator_name(name, g.resolution): tensor for name, tensor in d.state_dict().items()}
        for number in range(1, len(d.resolutions) + 1):
            content["d"] |= {f"convs.{number}.{part}.0.{FILTER}": kernel.clone() for part in ("conv2", "skip")}
    return content


def _shaped(name: str, tensor: Tensor) -> Tensor:
    """The dimensions of 1 that its tensors have."""
    if name.endswith("torgb.bias"):
        return tensor[None, :, None, None]
    if name.endswith("noise_const"):
        return tensor[None, None]
    modulated = name.endswith((".conv0.weight", ".conv1.weight", ".torgb.weight", ".const", "noise_strength"))
    return tensor[None] if modulated else tensor


def _require_its_channels(g: Generator) -> None:
    """Its generator has z as wide as w, 512 channels up to 32 px, and from 64 px on channel_multiplier·16384/r."""
    found = {r: min(g.channel_base // r, g.channel_max) for r in g.synthesis.resolutions}
    possible = [{r: min(512, m * 16384 // r) for r in found} for m in (1, 2)]
    if found not in possible or g.z_dim != g.w_dim:
        raise SceneshiftError(
            f"{NAME} cannot build this generator: its channels are {found} by resolution, z_dim {g.z_dim}, w_dim"
            f" {g.w_dim}; there they are {possible[1]} (or {possible[0]} with channel_multiplier 1), z_dim = w_dim."
            " Export to stylegan2-ada-pytorch instead."
        )
