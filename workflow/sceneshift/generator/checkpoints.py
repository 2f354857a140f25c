"""Generator files: `.safetensors` with the averaged weights, w_avg and, to go on training, the discriminator."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from sceneshift.generator.networks import Discriminator, Generator
from sceneshift.runtime.devices import compute_dtype
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.files import atomic_file
from sceneshift.runtime.provenance import made_by

FORMAT, FORMAT_VERSION = "sceneshift generator", 1
METADATA = "sceneshift"  # the metadata key that holds everything, as JSON
DISCRIMINATOR = "discriminator."  # prefix of the discriminator's tensors
DISCRIMINATOR_ARCHITECTURE = ("resolution", "width", "channel_base", "channel_max", "conv_clamp")
ARCHITECTURE = ("z_dim", "w_dim", "mapping_layers", *DISCRIMINATOR_ARCHITECTURE)
LARGEST, MOST_LAYERS = 2**24, 64  # of what metadata may claim


def save_generator(
    path: Path | str, generator: Generator, discriminator: Discriminator | None = None, **facts: Any
) -> None:
    """Write both networks; `facts` (images seen, settings digest, …) go into the metadata."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in generator.state_dict().items()}
    if discriminator is not None:
        tensors |= {
            DISCRIMINATOR + name: t.detach().cpu().contiguous() for name, t in discriminator.state_dict().items()
        }
    description = {"format": FORMAT, "format_version": FORMAT_VERSION, "provenance": json.loads(made_by(**facts))}
    # one key: safetensors writes several in random order, and equal runs should give equal bytes
    metadata = {METADATA: json.dumps(description | generator.architecture, sort_keys=True)}
    with atomic_file(path) as temporary:
        save_file(tensors, temporary, metadata=metadata)


def load_generator(path: Path | str, device: torch.device | str = "cpu", precision: str = "float32") -> Generator:
    """Read a generator for use: frozen, in eval mode.

    `precision` is the arithmetic of its convolutions: float32, bfloat16, or auto (bfloat16 where the hardware is fast
    at it). Raises SceneshiftError that names the file if it is missing, truncated, of another format or version, or
    if tensors are missing, surplus or of other shapes.
    """
    metadata, tensors = _read(path)
    generator = _built(path, Generator, metadata, ARCHITECTURE)
    fill(path, generator, {name: t for name, t in tensors.items() if not name.startswith(DISCRIMINATOR)})
    generator.synthesis.compute_dtype = compute_dtype(precision, torch.device(device))
    return generator.eval().requires_grad_(False).to(device)


def load_discriminator(path: Path | str) -> Discriminator | None:
    """The discriminator beside the generator in a file; None if the file has none."""
    metadata, tensors = _read(path)
    own = {name.removeprefix(DISCRIMINATOR): t for name, t in tensors.items() if name.startswith(DISCRIMINATOR)}
    if not own:
        return None
    discriminator = _built(path, Discriminator, metadata, DISCRIMINATOR_ARCHITECTURE)
    fill(path, discriminator, own)
    return discriminator


def images_seen(path: Path | str) -> int:
    """Length of the training behind a generator file, in images; 0 if unknown."""
    return int(_read(path)[0]["provenance"].get("images_seen", 0))


def _read(path: Path | str) -> tuple[dict[str, Any], dict[str, Tensor]]:
    try:
        with safe_open(path, framework="pt") as file:
            metadata = json.loads((file.metadata() or {}).get(METADATA, "{}"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (no mapping)
    except FileNotFoundError:
        raise SceneshiftError(f"There is no generator file {path}.") from None
    except (SafetensorError, OSError, ValueError, RecursionError) as error:
        raise SceneshiftError(f"{path} is no whole .safetensors file ({error}): make or copy it again.") from error
    metadata = metadata if isinstance(metadata, dict) else {}
    found = (metadata.get("format", "none"), metadata.get("format_version", "none"))
    if found != (FORMAT, FORMAT_VERSION):
        raise SceneshiftError(
            f"{path} has format {found[0]!r}, version {found[1]}; expected {FORMAT!r}, version {FORMAT_VERSION}."
        )
    metadata.setdefault("width", metadata.get("resolution"))  # files made before there were other shapes than squares
    metadata.setdefault("conv_clamp", None)  # … and before imported ones
    return metadata, tensors


def on_no_device() -> torch.device:
    """Where networks are built to be filled: their shapes are known before any memory is asked for."""
    return torch.device("meta")


def fill(
    path: Path | str, network: nn.Module, tensors: dict[str, Tensor], names: Mapping[str, str] | None = None
) -> None:
    """Give a network that was built on no device its tensors, as float32.

    Raises SceneshiftError for tensors that are missing, surplus, of other shapes, or hold NaN or infinity; it calls
    them by `names`, where given.
    """
    expected = network.state_dict()
    for name in sorted(expected.keys() | tensors.keys()):
        called = names[name] if names else name
        if name not in tensors or name not in expected:
            raise SceneshiftError(f"{path}: tensor {called} is {'missing' if name in expected else 'not expected'}.")
        found, wanted = list(tensors[name].shape), list(expected[name].shape)
        if found != wanted:
            raise SceneshiftError(f"{path}: tensor {called} has shape {found}; expected {wanted}.")
        if not tensors[name].is_floating_point() or not tensors[name].isfinite().all():
            what = (
                f"numbers of type {tensors[name].dtype}" if not tensors[name].is_floating_point() else "NaN or infinity"
            )
            raise SceneshiftError(f"{path}: tensor {called} holds {what}; expected finite floating-point numbers.")
    # clones: two tensors of a file may share memory
    network.load_state_dict({name: tensor.float().clone() for name, tensor in tensors.items()}, assign=True)


def _built(path: Path | str, network: type, metadata: dict[str, Any], names: tuple[str, ...]) -> Any:
    try:
        sizes = {name: int(metadata[name]) for name in names if name != "conv_clamp"}
        if not all(0 < size <= LARGEST for size in sizes.values()) or sizes.get("mapping_layers", 1) > MOST_LAYERS:
            raise ValueError(f"impossible sizes {sizes}")
        clamp = None if metadata["conv_clamp"] is None else float(metadata["conv_clamp"])
        with on_no_device():
            return network(**sizes, conv_clamp=clamp)
    except (KeyError, TypeError, ValueError, OverflowError, RuntimeError) as error:
        raise SceneshiftError(f"{path}: its metadata does not describe the network ({error}).") from error
