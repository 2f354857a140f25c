"""Generator files: `.safetensors` with the averaged weights, w_avg and, to go on training, the discriminator."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sceneshift.generator.networks import GROUP_SIZE, Discriminator, Generator
from sceneshift.generator.pggan import PGGAN
from sceneshift.generator.stylegan import StyleGAN
from sceneshift.runtime.devices import compute_dtype
from sceneshift.runtime.model_files import ModelFormat, fill, on_no_device
from sceneshift.runtime.provenance import made_by

REMEDY = "Give a file that train-generator or import-generator made, or make it again."
FORMAT = ModelFormat("generator", REMEDY, "sceneshift generator", version=1)
DISCRIMINATOR = "discriminator."  # prefix of the discriminator's tensors
DISCRIMINATOR_ARCHITECTURE = ("resolution", "width", "channel_base", "channel_max", "conv_clamp")
ARCHITECTURE = ("z_dim", "w_dim", "mapping_layers", *DISCRIMINATOR_ARCHITECTURE)
KINDS: dict[str, type[Generator]] = {kind.kind: kind for kind in (Generator, StyleGAN, PGGAN)}
LARGEST, MOST_LAYERS = 2**24, 64  # of what metadata may claim


def save_generator(
    path: Path | str, generator: Generator, discriminator: Discriminator | None = None, **facts: Any
) -> None:
    """Write both networks; `facts` (images seen, settings digest, …) go into the metadata."""
    tensors, architecture = generator.state_dict(), generator.architecture
    if discriminator is not None:
        tensors |= {DISCRIMINATOR + name: tensor for name, tensor in discriminator.state_dict().items()}
        architecture |= {"group_size": discriminator.group_size}
    FORMAT.save(path, tensors, {"provenance": made_by(**facts), **architecture})


def load_generator(path: Path | str, device: torch.device | str = "cpu", precision: str = "float32") -> Generator:
    """Read a generator for use: frozen, in eval mode.

    `precision` is the arithmetic of its convolutions: float32, bfloat16, or auto (bfloat16 where the hardware is fast
    at it). Raises SceneshiftError that names the file if it is missing, truncated, of another format or version, or
    if tensors are missing, surplus or of other shapes.
    """
    facts, tensors = _read(path)
    with FORMAT.understood(path):
        network = KINDS[facts.get("kind", Generator.kind)]
    generator = _built(path, network, facts, ARCHITECTURE)
    fill(path, generator, {name: t for name, t in tensors.items() if not name.startswith(DISCRIMINATOR)})
    generator.synthesis.compute_dtype = compute_dtype(precision, torch.device(device))
    return generator.eval().requires_grad_(False).to(device)


def load_discriminator(path: Path | str) -> Discriminator | None:
    """The discriminator beside the generator in a file; None if the file has none."""
    facts, tensors = _read(path)
    own = {name.removeprefix(DISCRIMINATOR): t for name, t in tensors.items() if name.startswith(DISCRIMINATOR)}
    if not own:
        return None
    with FORMAT.understood(path):
        group = facts.get("group_size", GROUP_SIZE)
        group = None if group is None else int(group)
        if group is not None and not 0 < group <= LARGEST:
            raise ValueError(f"group_size is {group}")
    discriminator = _built(path, partial(Discriminator, group_size=group), facts, DISCRIMINATOR_ARCHITECTURE)
    fill(path, discriminator, own)
    return discriminator


def provenance_of(path: Path | str) -> dict[str, Any]:
    """What a generator file says of how it was made."""
    facts = FORMAT.facts(path)
    with FORMAT.understood(path):
        return dict(facts["provenance"])


def images_seen(path: Path | str) -> int:
    """Length of the training behind a generator file, in images; 0 if unknown."""
    with FORMAT.understood(path):
        return int(provenance_of(path).get("images_seen", 0))


def attribution_of(path: Path | str) -> str:
    """Credit and licence of the photos that a generator was trained on; empty if they are not known."""
    with FORMAT.understood(path):
        return str(provenance_of(path).get("photos", ""))


def shape_of(path: Path | str) -> tuple[int, int]:
    """Height and width in pixels of a generator file's images."""
    with FORMAT.understood(path):
        facts = FORMAT.facts(path)
        return int(facts["resolution"]), int(facts.get("width", facts["resolution"]))


def _read(path: Path | str) -> tuple[dict[str, Any], dict[str, Tensor]]:
    facts, tensors = FORMAT.load(path)
    facts.setdefault("width", facts.get("resolution"))  # files made before there were other shapes than squares
    facts.setdefault("conv_clamp", None)  # … and before imported ones
    return facts, tensors


def _built(path: Path | str, network: Callable[..., Any], facts: dict[str, Any], names: tuple[str, ...]) -> Any:
    with FORMAT.understood(path):
        sizes = {name: int(facts[name]) for name in names if name != "conv_clamp"}
        if not all(0 < size <= LARGEST for size in sizes.values()) or sizes.get("mapping_layers", 1) > MOST_LAYERS:
            raise ValueError(f"impossible sizes {sizes}")
        clamp = None if facts["conv_clamp"] is None else float(facts["conv_clamp"])
        if clamp is not None and not 0 < clamp <= LARGEST:
            raise ValueError(f"conv_clamp is {clamp}")
        with on_no_device():
            return network(**sizes, conv_clamp=clamp)
