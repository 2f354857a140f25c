"""rosinality/stylegan2-pytorch: *.pt, a dict with the state dicts g_ema and d, and sometimes latent_avg.

Its train.py goes on from a file that also holds the trained generator g and Adam's states, g_optim and d_optim: by the
numbers of the parameters, in the order in which its modules make them.

Layers are numbered from the smallest resolution on. Its blur filters are buffers. Convolutions are scaled by 1/√fan-in
before they are demodulated, which only shifts the ε within the square root.
"""

import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sceneshift.generator.convolutions import blur_kernel
from sceneshift.generator.formats.checkpoint import Checkpoint, part_of, say_what_differs, tensors_of
from sceneshift.generator.networks import Discriminator, Generator
from sceneshift.generator.state import State
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
LAYER = SYNTHESIS | {"noise_strength": "noise.weight", "bias": "activate.bias"}
RGB = SYNTHESIS | {"bias": "bias"}
MODULES = ("style", "input", "conv1", "to_rgb1", "convs", "to_rgbs")  # in the order of its parameters …
PARAMETERS = ("weight", "bias", "input", *LAYER.values())  # … and, within one, a module's own before those inside
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


def written(g: Generator, training: State | None) -> dict[str, Any]:
    """What its generate.py loads of the average `g`, and its train.py of a training; filters included."""
    _require_its_channels(g)
    say_what_differs(NAME, g, training)
    tensors = _generator(g)
    content = {"latent_avg": tensors.pop("latent_avg"), "g_ema": tensors}
    if training:
        trained = tensors if training.g is g else _generator(training.g)
        trained.pop("latent_avg", None)
        content |= {"g": trained, "d": _discriminator(training.d, g.resolution)}
        names = [generator_name(name) for name, _ in g.named_parameters()]
        content["g_optim"] = _adam(training.optimizer_g, names, sorted(names, key=_place), content["g"])
        names = [discriminator_name(name, g.resolution) for name, _ in training.d.named_parameters()]
        content["d_optim"] = _adam(training.optimizer_d, names, names, content["d"])
    return content


def _generator(g: Generator) -> dict[str, Tensor]:
    tensors = {generator_name(name): _shaped(name, tensor) for name, tensor in g.state_dict().items()}
    kernel = blur_kernel(1.0, torch.device("cpu"), torch.float32)
    for step in range(len(g.synthesis.resolutions) - 1):
        tensors[f"convs.{2 * step}.conv.blur.{FILTER}"] = kernel * 4
        tensors[f"to_rgbs.{step}.upsample.{FILTER}"] = kernel * 4
    return tensors


def _discriminator(d: Discriminator, resolution: int) -> dict[str, Tensor]:
    tensors = {discriminator_name(name, resolution): tensor for name, tensor in d.state_dict().items()}
    kernel = blur_kernel(1.0, torch.device("cpu"), torch.float32)
    for number in range(1, len(d.resolutions) + 1):
        tensors |= {f"convs.{number}.{part}.0.{FILTER}": kernel.clone() for part in ("conv2", "skip")}
    return tensors


def _place(name: str) -> tuple[int, int, int]:
    """What its generator's parameters are in order by: `convs.3.noise.weight` -> (4, 3, 6)."""
    module, *rest = name.split(".")
    number = int(rest.pop(0)) if rest[0].isdigit() else 0
    return MODULES.index(module), number, PARAMETERS.index(".".join(rest))


def _adam(
    optimizer: torch.optim.Adam, names: list[str], order: list[str], tensors: dict[str, Tensor]
) -> dict[str, Any]:
    """The optimizer's state dict over the parameters in their `order`, moments in the shapes of `tensors`.

    names: of the optimizer's own parameters, in its order
    """
    ours = optimizer.state_dict()
    kept = {key: ours["param_groups"][0][key] for key in ("lr", "betas", "eps")}
    state = {}
    for number, name in enumerate(order):
        if of_one := ours["state"].get(names.index(name)):  # frozen ones have none
            moments = {key: of_one[key].reshape(tensors[name].shape) for key in ("exp_avg", "exp_avg_sq")}
            state[number] = {"step": of_one["step"]} | moments
    return torch.optim.Adam([torch.empty(0) for _ in order], **kept).state_dict() | {"state": state}


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
