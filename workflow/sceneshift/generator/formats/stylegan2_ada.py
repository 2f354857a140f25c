"""NVIDIA's stylegan2-ada-pytorch, and the stylegan2 configurations of stylegan3: network-snapshot-*.pkl.

A pickled dict with the modules G, D and G_ema, each with its source in the file (which is not run), or with their plain
state dicts, as export-generator writes them. Our networks have its names, shapes and formulas.
"""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sceneshift.foreign.pickles import State
from sceneshift.generator.convolutions import blur_kernel
from sceneshift.generator.formats.checkpoint import (
    Checkpoint,
    group_of,
    leave_out,
    part_of,
    refuse_conditional,
    tensors_of,
)
from sceneshift.generator.networks import GROUP_SIZE, Discriminator, Generator
from sceneshift.generator.state import State as Training
from sceneshift.runtime.errors import SceneshiftError

NAME = "stylegan2-ada-pytorch"
OUTPUT = "torgb.weight"  # which each resolution has
COMPUTES_W_AVG = False
FILTER = "resample_filter"
MOST_MODULES = 2000  # a network of 1024 px has some 100


def recognizes(content: Any) -> bool:
    """Whether a file's content is of this code base."""
    return isinstance(content, dict) and "G_ema" in content


def read(path: Path | str, content: Any) -> Checkpoint:
    """Take a checkpoint apart. A discriminator of another architecture is left out, with a message."""
    g, d = part_of(path, content, "G_ema", NAME), content.get("D")
    if isinstance(g, dict):  # plain state dicts
        clamp = _within(content, "G_kwargs", "synthesis_kwargs", "conv_clamp")
        group = _within(content, "D_kwargs", "epilogue_kwargs", "mbstd_group_size", default=GROUP_SIZE)
        return Checkpoint(
            tensors_of(path, "G_ema", g, FILTER),
            None if d is None else tensors_of(path, "D", d, FILTER),
            _clamp(path, clamp),
            group_of(path, group),
        )
    modules = _modules(path, "G_ema", g)
    tensors = tensors_of(path, "G_ema", _state_dict(path, modules), FILTER)
    if "synthesis.input.freqs" in tensors:
        raise SceneshiftError(f"{path} is an alias-free StyleGAN3 generator; only stylegan2 configurations are read.")
    if (found := _values(modules, "c_dim") - {0}) and "mapping.embed.weight" not in tensors:
        refuse_conditional(path, f"c_dim {found}")
    mapping = {name: module for name, module in modules.items() if name.startswith("mapping.fc")}
    for key, allowed, where in (
        ("architecture", {"skip"}, modules),
        ("activation", {"lrelu", "linear"}, modules),
        ("bias_gain", {0.01}, mapping),  # the learning-rate multiplier
    ):
        if unlike := _values(where, key) - allowed:
            raise SceneshiftError(f"{path}: {key} is {unlike} in G_ema; only {allowed} is read.")
    clamps = _values(modules, "conv_clamp")
    if len(clamps) > 1:
        raise SceneshiftError(f"{path}: conv_clamp is {clamps} in G_ema; expected one value for all layers.")
    clamp = _clamp(path, next(iter(clamps), None))
    if d is None:
        return Checkpoint(tensors, None, clamp)
    group = next(iter(_values(_modules(path, "D", d), "group_size")), GROUP_SIZE)
    return Checkpoint(tensors, _discriminator(path, d, clamp), clamp, group_of(path, group))


def fix_class(path: Path | str, tensors: dict[str, Tensor], label: int | None) -> None:
    """Make a conditional generator's tensors those of one without labels that draws the class `label` alone.

    Its first layer takes z beside the class's embedding y, of unit mean square; W·[z, y] + b is W_z·z + (W_y·y + b).
    """
    weight, bias = (tensors.pop(f"mapping.embed.{part}", None) for part in ("weight", "bias"))
    if weight is None or bias is None:
        if label is not None:
            raise SceneshiftError(f"{path} has no class labels: give no class.")
        return
    first = tensors.get("mapping.fc0.weight", torch.zeros([]))
    fits = weight.ndim == first.ndim == 2 and 0 < len(weight) == len(bias) < first.shape[1] and weight.shape[1]
    if not fits or tensors.get("mapping.fc0.bias", torch.zeros([])).shape != first.shape[:1]:
        raise SceneshiftError(f"{path}: mapping.embed has shape {list(weight.shape)}, which mapping.fc0 does not take.")
    classes, inputs = weight.shape[1], first.shape[1]
    if label is None or label >= classes:
        raise SceneshiftError(
            f"{path} is a conditional generator of {classes} classes, 0 to {classes - 1}; found"
            f" {'no class' if label is None else label}. Give generator.class_label, or --class-label."
        )
    y = weight[:, label] / classes**0.5 + bias
    y = y * (y.square().mean() + 1e-8).rsqrt()
    width = inputs - len(y)
    tensors["mapping.fc0.weight"] = first[:, :width] * (width / inputs) ** 0.5
    tensors["mapping.fc0.bias"] = tensors["mapping.fc0.bias"] + first[:, width:] @ y / inputs**0.5


def generator_name(name: str) -> str:
    """The same name."""
    return name


def discriminator_name(name: str, resolution: int) -> str:
    """The same name."""
    return name


def to_ours(name: str, tensor: Tensor) -> Tensor:
    """A tensor of any shape, as it is."""
    return tensor


def written(g: Generator, training: Training | None) -> dict[str, Any]:
    """State dicts with the filters that its modules register, and the arguments that build the networks.

    Its train.py resumes from a pickle of its own modules only, which nothing but its code can write; it has no state of
    optimizers.
    """
    synthesis = {"channel_base": g.channel_base, "channel_max": g.channel_max, "conv_clamp": g.conv_clamp}
    arguments = {
        "z_dim": g.z_dim, "c_dim": 0, "w_dim": g.w_dim, "img_resolution": g.resolution, "img_channels": 3,
        "mapping_kwargs": {"num_layers": g.mapping_layers}, "synthesis_kwargs": synthesis,
    }  # fmt: skip
    filtering = ["", "conv0.", "conv1."]
    filters = [f"synthesis.b{r}.{layer}" for r in g.synthesis.resolutions for layer in filtering]
    filters.remove("synthesis.b4.conv0.")
    content = {"G_ema": _with_filters(g, filters), "G_kwargs": arguments}
    if training:
        d = training.d
        content["G"] = content["G_ema"] if training.g is g else _with_filters(training.g, filters)
        filters = [f"b{r}.{layer}" for r in d.resolutions for layer in (*filtering, "skip.")]
        content["D"] = _with_filters(d, [*filters, f"b{g.resolution}.fromrgb.", "b4.conv."])
        same = {name: arguments[name] for name in ("c_dim", "img_resolution", "img_channels")}
        content["D_kwargs"] = same | synthesis | {"epilogue_kwargs": {"mbstd_group_size": d.group_size}}
    return content


def _with_filters(network: Generator | Discriminator, layers: list[str]) -> dict[str, Tensor]:
    kernel = blur_kernel(1.0, torch.device("cpu"), torch.float32)
    return network.state_dict() | {f"{layer}{FILTER}": kernel.clone() for layer in layers}


def _within(content: Any, *keys: str, default: Any = None) -> Any:
    """What lies in dicts within dicts."""
    for key in keys[:-1]:
        content = content.get(key) if isinstance(content, dict) else None
    return content.get(keys[-1], default) if isinstance(content, dict) else default


def _discriminator(path: Path | str, d: Any, clamp: float | None) -> dict[str, Tensor] | None:
    modules = _modules(path, "D", d)
    clamped = {name: module for name, module in modules.items() if not name.endswith("skip.")}
    unlike = {
        "architecture": _values(modules, "architecture") - {"resnet"},
        "c_dim": _values(modules, "c_dim") - {0},
        "conv_clamp": _values(clamped, "conv_clamp") - {clamp},
        "mbstd_num_channels": _values({n: m for n, m in modules.items() if n == "b4.mbstd."}, "num_channels") - {1},
    }
    if different := [f"{key} {found}" for key, found in unlike.items() if found]:
        leave_out(path, ", ".join(different))
        return None
    return tensors_of(path, "D", _state_dict(path, modules), FILTER)


def _modules(path: Path | str, part: str, module: Any) -> dict[str, State]:
    """A module and all within, by their names with a dot behind: "", "synthesis.", "synthesis.b4.", …"""
    found: dict[str, State] = {}
    pending = [("", module)]
    while pending:
        name, state = pending.pop()
        inner = state.fields.get("_modules") if isinstance(state, State) else None
        if not isinstance(inner, dict) or len(found) + len(pending) + len(inner) > MOST_MODULES:
            raise SceneshiftError(f"{path}: {part} is not a network of {NAME}.")
        found[name] = state
        pending += [(f"{name}{key}.", below) for key, below in inner.items() if below is not None]
    return found


def _values(modules: dict[str, State], key: str) -> set[Any]:
    """All values of an attribute of the modules; what is not a plain value counts as its type's name."""
    values = [module.fields[key] for module in modules.values() if key in module.fields]
    return {value if isinstance(value, int | float | str | None) else type(value).__name__ for value in values}


def _state_dict(path: Path | str, modules: dict[str, State]) -> dict[str, Any]:
    """Parameters and buffers by their full names."""
    tensors = {}
    for prefix, module in modules.items():
        for kind in ("_parameters", "_buffers"):
            held = module.fields.get(kind)
            if not isinstance(held, dict):
                raise SceneshiftError(f"{path}: the module {prefix or module.class_name} has no {kind}.")
            tensors |= {f"{prefix}{name}": tensor for name, tensor in held.items() if tensor is not None}
    return tensors


def _clamp(path: Path | str, value: Any) -> float | None:
    if value is not None and not (isinstance(value, int | float) and 0 < value < float("inf")):
        raise SceneshiftError(f"{path}: conv_clamp is not a positive number.")
    return None if value is None else float(value)
