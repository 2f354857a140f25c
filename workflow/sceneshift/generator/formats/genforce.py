"""genforce and the models of HiGAN: *.pth, a generator's state dict, or one under generator_smooth (in `models`).

Its layers are numbered: `layer0` at 4 px, then two a resolution, and an `output` each. Style biases are stored without
the 1 that is added to them, and kernels of layers that double the size are flipped when used.
"""

import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sceneshift.generator.convolutions import blur_kernel
from sceneshift.generator.formats.checkpoint import (
    Checkpoint,
    part_of,
    refuse_conditional,
    say_what_differs,
    tensors_of,
)
from sceneshift.generator.networks import Discriminator, Generator
from sceneshift.generator.state import State

NAME = "genforce"
OUTPUT = "torgb.weight"  # which each resolution has
COMPUTES_W_AVG = False
FILTER = "kernel"
PARTS = {
    "weight": "weight",
    "bias": "bias",
    "noise_strength": "noise_strength",
    "noise_const": "noise",
    "affine.weight": "style.weight",
    "affine.bias": "style.bias",
}


def recognizes(content: Any) -> bool:
    """Whether a file's content is of this code base."""
    return isinstance(content, dict) and any(
        name in content for name in ("generator_smooth", "models", "synthesis.early_layer.const")
    )


def read(path: Path | str, content: Any) -> Checkpoint:
    """Take a checkpoint apart."""
    if isinstance(content, dict) and isinstance(content.get("models"), dict):
        content = content["models"]
    plain = isinstance(content, dict) and "synthesis.early_layer.const" in content
    generator = content if plain else part_of(path, content, "generator_smooth", NAME)
    discriminator = None if plain else content.get("discriminator")
    tensors = _of_one_layout(tensors_of(path, "generator_smooth", generator, FILTER))
    if "mapping.label_weight" in tensors:
        refuse_conditional(path, "mapping.label_weight")
    if discriminator is not None:
        discriminator = _of_one_layout(tensors_of(path, "discriminator", discriminator, FILTER))
    return Checkpoint(tensors, discriminator)


def _of_one_layout(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Without DataParallel's prefix; HiGAN's dense layers (`.fc.`) and kernels [H, W, I, O] as in genforce."""
    tensors = {name.removeprefix("module."): tensor for name, tensor in tensors.items()}
    tensors.pop("truncation.truncation", None)  # ψ by layer: HiGAN's choice when it samples
    if not any(".fc." in name for name in tensors):
        return tensors
    return {
        name.replace(".fc.", "."): tensor.permute(3, 2, 0, 1)
        if tensor.ndim == 4 and name.endswith(".weight")
        else tensor
        for name, tensor in tensors.items()
    }


def generator_name(name: str) -> str:
    """`synthesis.b8.conv1.weight` -> `synthesis.layer2.weight`, and so on."""
    network, block, *rest = name.split(".")
    if name == "mapping.w_avg":
        return "truncation.w_avg"
    if network == "mapping":
        return f"mapping.{block.replace('fc', 'dense')}.{rest[0]}"
    if rest == ["const"]:
        return "synthesis.early_layer.const"
    step, (layer, *part) = int(math.log2(int(block[1:]))) - 2, rest
    place = f"output{step}" if layer == "torgb" else f"layer{2 * step - (layer == 'conv0')}"
    return f"synthesis.{place}.{PARTS['.'.join(part)]}"


def discriminator_name(name: str, resolution: int) -> str:
    """`b8.conv0.weight` -> `layer6.weight` in a discriminator of 64 px, and so on."""
    block, layer, part = name.split(".")
    step = int(math.log2(resolution // int(block[1:])))
    place = {
        "fromrgb": "input0", "conv0": f"layer{2 * step}", "conv1": f"layer{2 * step + 1}", "skip": f"skip_layer{step}",
        "conv": f"layer{2 * step}", "fc": f"layer{2 * step + 1}", "out": f"layer{2 * step + 2}",
    }  # fmt: skip
    return f"{place[layer]}.{part}"


def to_ours(name: str, tensor: Tensor) -> Tensor:
    """By our name: add the 1 of style biases, flip kernels [O, I, 3, 3] of layers that double the size."""
    if name.endswith("affine.bias"):
        return tensor + 1
    return tensor.flip(-2, -1) if name.startswith("synthesis.") and name.endswith("conv0.weight") else tensor


def written(g: Generator, training: State | None) -> dict[str, Any]:
    """State dicts as in its published files, filters included, of the average `g` and the networks in training."""
    say_what_differs(NAME, g, training)
    content = {"generator_smooth": _generator(g)}
    if training:
        content |= {"generator": _generator(training.g), "discriminator": _discriminator(training.d, g.resolution)}
    return content


def _generator(g: Generator) -> dict[str, Tensor]:
    tensors = {generator_name(name): _to_theirs(name, tensor) for name, tensor in g.state_dict().items()}
    kernel = 4 * blur_kernel(1.0, torch.device("cpu"), torch.float32)[None, None]
    doubling = range(1, 2 * len(g.synthesis.resolutions) - 1, 2)
    return tensors | {f"synthesis.{p}.{FILTER}": kernel for p in ("upsample", *(f"layer{i}.filter" for i in doubling))}


def _to_theirs(name: str, tensor: Tensor) -> Tensor:
    """The inverse of `to_ours`, and dimensions of 1."""
    if name.endswith("affine.bias"):
        return tensor - 1
    if name.endswith("const"):  # the constant and the noise
        return tensor[None] if tensor.ndim == 3 else tensor[None, None]
    return to_ours(name, tensor)


def _discriminator(d: Discriminator, resolution: int) -> dict[str, Tensor]:
    tensors = {discriminator_name(name, resolution): tensor for name, tensor in d.state_dict().items()}
    kernel = blur_kernel(1.0, torch.device("cpu"), torch.float32)[None, None]
    places = (place for step in range(len(d.resolutions)) for place in (f"layer{2 * step + 1}", f"skip_layer{step}"))
    return tensors | {f"{place}.filter.{FILTER}": kernel for place in places}
