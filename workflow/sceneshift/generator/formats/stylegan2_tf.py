"""NVIDIA's TensorFlow code, stylegan2 and stylegan2-ada: *.pkl, a pickled tuple of the networks G, D and Gs.

Each network is the state of a `dnnlib.tflib.network.Network`: its source, which is not run, the arguments that built
it, and variables named within it; mapping and synthesis are networks within Gs, the moving average. Kernels are stored
[H, W, I, O], matrices [I, O], style biases without the 1 that is added to them; the kernels of layers that double the
size are flipped when used.
"""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sceneshift.foreign.pickles import State
from sceneshift.generator.formats import genforce
from sceneshift.generator.formats.checkpoint import Checkpoint, group_of, held, leave_out, refuse_conditional
from sceneshift.generator.networks import GROUP_SIZE
from sceneshift.runtime.errors import SceneshiftError

NAME = "stylegan2"
OUTPUT = "torgb.weight"  # which each resolution has
COMPUTES_W_AVG = False
CLASS = "dnnlib.tflib.network.Network"
ADA = 5  # version of stylegan2-ada's files; stylegan2's have 4
# what the arguments must be where they are given; all other values make another network
ARGUMENTS = {
    "fmap_decay": 1.0, "mapping_lrmul": 0.01, "mapping_nonlinearity": "lrelu", "nonlinearity": "lrelu",
    "normalize_latents": True, "use_noise": True, "resample_kernel": [1, 3, 3, 1],
}  # fmt: skip
CONV = {"weight": "weight", "bias": "bias", "affine.weight": "mod_weight", "affine.bias": "mod_bias"}

to_ours = genforce.to_ours  # converted from these files: the same biases and kernels


def recognizes(content: Any) -> bool:
    """Whether a file's content is of this code base."""
    return holds_networks(content, CLASS)


def holds_networks(content: Any, class_name: str) -> bool:
    """Whether a file's content is one network of that class, or several."""
    networks = content if isinstance(content, tuple | list) else [content]
    return bool(networks) and all(isinstance(n, State) and n.class_name == class_name for n in networks)


def read(path: Path | str, content: Any) -> Checkpoint:
    """Take a checkpoint apart: Gs, or a network alone. A discriminator of another architecture is left out."""
    if not recognizes(content):
        raise SceneshiftError(f"{path} holds no network of {CLASS}: it holds {held(content)}.")
    networks = list(content) if isinstance(content, tuple | list) else [content]
    g, d = networks[-1], networks[1] if len(networks) == 3 else None
    builder, version = g.fields.get("build_func_name"), g.fields.get("version")
    parts = g.fields.get("components")
    parts = parts if isinstance(parts, dict) else {}
    synthesis = parts.get("synthesis")
    made = synthesis.fields.get("build_func_name") if isinstance(synthesis, State) else None
    if builder != "G_main" or made != ("G_synthesis" if version == ADA else "G_synthesis_stylegan2"):
        raise SceneshiftError(
            f"{path} was built by {builder} and {made}; of this code base StyleGAN2's skip generator is read."
        )
    tensors, clamp = {}, None
    for prefix, network in (("", g), *((f"{name}/", part) for name, part in parts.items())):
        arguments = check_arguments(path, network, ARGUMENTS)
        if arguments.get("architecture", "skip") != "skip":
            raise SceneshiftError(f"{path}: its architecture is {arguments['architecture']!r}; only skip is read.")
        clamp = arguments.get("conv_clamp", clamp)
        tensors |= {prefix + name: tensor for name, tensor in variables_of(path, network)}
    tensors.pop("lod", None)  # left over from growing, always 0
    if d is None:
        return Checkpoint(tensors, None, clamp)
    group = group_of(path, _arguments(path, d).get("mbstd_group_size", GROUP_SIZE))
    return Checkpoint(tensors, _discriminator(path, d, clamp), clamp, group)


def generator_name(name: str) -> str:
    """`synthesis.b8.conv0.affine.weight` -> `synthesis/8x8/Conv0_up/mod_weight`, and so on."""
    network, block, *rest = name.split(".")
    if name == "mapping.w_avg":
        return "dlatent_avg"
    if network == "mapping":
        return f"mapping/{block.replace('fc', 'Dense')}/{rest[0]}"
    r = int(block[1:])
    if rest == ["const"]:
        return "synthesis/4x4/Const/const"
    layer, part = rest[0], ".".join(rest[1:])
    if part == "noise_const":
        return f"synthesis/noise{2 * int(math.log2(r)) - (5 if layer == 'conv0' else 4)}"
    place = {"torgb": "ToRGB", "conv0": "Conv0_up", "conv1": "Conv1" if r > 4 else "Conv"}[layer]
    return f"synthesis/{r}x{r}/{place}/{CONV.get(part, part)}"


def discriminator_name(name: str, resolution: int) -> str:
    """`b8.conv1.weight` -> `8x8/Conv1_down/weight`, and so on."""
    block, layer, part = name.split(".")
    place = {
        "fromrgb": "FromRGB", "conv0": "Conv0", "conv1": "Conv1_down", "skip": "Skip", "conv": "Conv", "fc": "Dense0",
    }.get(layer)  # fmt: skip
    return f"Output/{part}" if layer == "out" else f"{block[1:]}x{block[1:]}/{place}/{part}"


def _discriminator(path: Path | str, d: Any, clamp: float | None) -> dict[str, Tensor] | None:
    arguments = _arguments(path, d)
    ours = {"architecture": "resnet", "conv_clamp": clamp, "label_size": 0, "mbstd_num_features": 1}
    unlike = [f"{name} {arguments[name]!r}" for name, value in ours.items() if arguments.get(name, value) != value]
    if unlike:
        leave_out(path, ", ".join(unlike))
        return None
    return dict(variables_of(path, d))


def check_arguments(path: Path | str, network: Any, wanted: dict[str, Any]) -> dict[str, Any]:
    """The arguments that built a generator's network. Raises SceneshiftError for labels and others than `wanted`."""
    arguments = _arguments(path, network)
    if arguments.get("label_size"):
        refuse_conditional(path, f"label_size {arguments['label_size']}")
    unlike = [f"{name} {arguments[name]!r}" for name, value in wanted.items() if arguments.get(name, value) != value]
    if unlike:
        raise SceneshiftError(f"{path}: {', '.join(unlike)}; only the published generators' own values are read.")
    return arguments


def _arguments(path: Path | str, network: Any) -> dict[str, Any]:
    arguments = network.fields.get("static_kwargs") if isinstance(network, State) else None
    if not isinstance(arguments, dict):
        raise SceneshiftError(f"{path}: a network in it has no static_kwargs, the arguments that built it.")
    return arguments


def variables_of(path: Path | str, network: State) -> Iterator[tuple[str, Tensor]]:
    """A network's own variables by name, kernels as [O, I, H, W] and matrices as [O, I]."""
    for entry in network.fields.get("variables") or ():
        name, value = entry if isinstance(entry, tuple | list) and len(entry) == 2 else (None, None)
        if not isinstance(name, str) or not isinstance(value, np.ndarray | np.generic):
            raise SceneshiftError(f"{path}: a variable in it is not a name with an array.")
        tensor = torch.from_numpy(np.array(value))
        if name.endswith("weight"):
            tensor = tensor.permute(3, 2, 0, 1) if tensor.ndim == 4 else tensor.T if tensor.ndim == 2 else tensor
        yield name, tensor
