"""A generator checkpoint of another code base, taken apart but still in that code base's names and shapes."""

import dataclasses
from typing import Any

import torch
from torch import Tensor

from sceneshift.generator.convolutions import BLUR
from sceneshift.generator.networks import GROUP_SIZE, Generator
from sceneshift.generator.state import State
from sceneshift.runtime.errors import SceneshiftError


@dataclasses.dataclass
class Checkpoint:
    """Tensors by the file's own names, filters left out; `conv_clamp` holds for both networks (None: no clamping).

    `group_size`: of the discriminator's minibatch deviation, None for the whole batch.
    """

    generator: dict[str, Tensor]
    discriminator: dict[str, Tensor] | None = None
    conv_clamp: float | None = None
    group_size: int | None = GROUP_SIZE
    kind: str = "stylegan2"  # of `checkpoints.KINDS`
    code_width: int | None = None  # of z, where there is no mapping network to tell it


def tensors_of(path: Any, part: str, content: Any, filters: str) -> dict[str, Tensor]:
    """The tensors of a state dict, without the low-pass filters (names that end in `filters`), which are checked.

    Raises SceneshiftError if `content` is not a state dict or a filter is another than StyleGAN2's [1, 3, 3, 1].
    """
    whole = isinstance(content, dict) and all(
        isinstance(name, str) and isinstance(tensor, Tensor) for name, tensor in content.items()
    )
    if not whole:
        raise SceneshiftError(f"{path}: {part} is not a state dict (tensors by their names).")
    taps = torch.tensor(BLUR, dtype=torch.float64)
    expected = torch.outer(taps, taps) / taps.sum() ** 2
    tensors = {}
    for name, tensor in content.items():
        if not name.endswith(filters):
            tensors[name] = tensor
            continue
        kernel = tensor.double().reshape(-1) if tensor.numel() == 16 else None
        if kernel is None or not torch.allclose(kernel / kernel.sum(), expected.reshape(-1), atol=1e-5):
            raise SceneshiftError(f"{path}: the filter {name} is not StyleGAN2's [1, 3, 3, 1]; only that one is read.")
    return tensors


def state_dict_of(content: Any) -> dict[str, Any]:
    """The generator's state dict in what genforce and HiGAN write with torch.save; empty if there is none."""
    for key in ("models", "generator_smooth"):
        if isinstance(content, dict) and key in content:
            content = content[key]
    if not isinstance(content, dict):
        return {}
    return {name.removeprefix("module."): value for name, value in content.items() if isinstance(name, str)}


def part_of(path: Any, content: Any, key: str, code_base: str) -> Any:
    """What a checkpoint has under `key`."""
    if not isinstance(content, dict) or key not in content:
        raise SceneshiftError(f"{path} has no {key}, as checkpoints of {code_base} have; it holds {held(content)}.")
    return content[key]


def held(content: Any) -> str:
    """A word on what is in a file that is not what it should be."""
    if not isinstance(content, dict):
        return f"one {type(content).__name__}"
    return f"the keys {', '.join(repr(key) for key in list(content)[:6])}{', …' if len(content) > 6 else ''}"


def refuse_conditional(path: Any, name: str) -> None:
    """Say that a generator with class labels is not read."""
    raise SceneshiftError(f"{path} is a conditional generator ({name}): only those without class labels are read.")


def leave_out(path: Any, why: str) -> None:
    """Say that a file's discriminator is not taken over."""
    print(f"{path}: its discriminator differs from ours ({why}) and is left out.", flush=True)


def say_what_differs(name: str, g: Generator, training: State | None) -> None:
    """Say what a code base whose sizes are fixed in its code does otherwise with networks exported to it."""
    if g.conv_clamp is not None:
        print(f"{name} does not clamp: images differ where a layer exceeds ±{g.conv_clamp:g}.", flush=True)
    if training and (group := training.d.group_size) != GROUP_SIZE:
        print(f"{name}'s discriminator compares {GROUP_SIZE} images, this one {group or 'all'}.", flush=True)


def group_of(path: Any, value: Any) -> int | None:
    """A file's size of minibatch deviation's groups, None for the whole batch."""
    if value is not None and (type(value) is not int or value < 1):
        raise SceneshiftError(f"{path}: minibatch deviation compares {value!r} images; expected a number from 1.")
    return value
