"""Generator files: `.safetensors` with the averaged weights, w_avg and, to go on training, the discriminator."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from sceneshift.generator.networks import Discriminator, Generator
from sceneshift.runtime.devices import compute_dtype
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.files import atomic_file
from sceneshift.runtime.provenance import made_by

FORMAT, FORMAT_VERSION = "sceneshift generator", 1
METADATA = "sceneshift"  # the metadata key that holds everything, as JSON
DISCRIMINATOR = "discriminator."  # prefix of the discriminator's tensors
DISCRIMINATOR_ARCHITECTURE = ("resolution", "width", "channel_base", "channel_max")
ARCHITECTURE = ("z_dim", "w_dim", "mapping_layers", *DISCRIMINATOR_ARCHITECTURE)


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
    _fill(path, generator, {name: t for name, t in tensors.items() if not name.startswith(DISCRIMINATOR)})
    generator.synthesis.compute_dtype = compute_dtype(precision, torch.device(device))
    return generator.eval().requires_grad_(False).to(device)


def load_discriminator(path: Path | str) -> Discriminator | None:
    """The discriminator beside the generator in a file; None if the file has none."""
    metadata, tensors = _read(path)
    own = {name.removeprefix(DISCRIMINATOR): t for name, t in tensors.items() if name.startswith(DISCRIMINATOR)}
    if not own:
        return None
    discriminator = _built(path, Discriminator, metadata, DISCRIMINATOR_ARCHITECTURE)
    _fill(path, discriminator, own)
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
    except (SafetensorError, OSError, json.JSONDecodeError) as error:
        raise SceneshiftError(f"{path} is no whole .safetensors file ({error}): make or copy it again.") from error
    found = (metadata.get("format", "none"), metadata.get("format_version", "none"))
    if found != (FORMAT, FORMAT_VERSION):
        raise SceneshiftError(
            f"{path} has format {found[0]!r}, version {found[1]}; expected {FORMAT!r}, version {FORMAT_VERSION}."
        )
    metadata.setdefault("width", metadata.get("resolution"))  # files made before there were other shapes than squares
    return metadata, tensors


def _built(path: Path | str, network: type, metadata: dict[str, Any], names: tuple[str, ...]) -> Any:
    try:
        return network(**{name: int(metadata[name]) for name in names})
    except (KeyError, TypeError, ValueError) as error:
        raise SceneshiftError(f"{path}: its metadata does not describe the network ({error}).") from error


def _fill(path: Path | str, network: torch.nn.Module, tensors: dict[str, Tensor]) -> None:
    expected = network.state_dict()
    for name in sorted(expected.keys() | tensors.keys()):
        if name not in tensors or name not in expected:
            raise SceneshiftError(f"{path}: tensor {name} is {'missing' if name in expected else 'not expected'}.")
        if tensors[name].shape != expected[name].shape:
            found, wanted = list(tensors[name].shape), list(expected[name].shape)
            raise SceneshiftError(f"{path}: tensor {name} has shape {found}; expected {wanted}.")
    network.load_state_dict(tensors)
