"""A trained translator's file: weights as .safetensors, and everything needed to use them in the metadata."""

import dataclasses
import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.files import atomic_file
from sceneshift.runtime.provenance import made_by
from sceneshift.translator.architecture import Architecture, TranslatorNetwork, network_shapes

FORMAT, FORMAT_VERSION = "sceneshift translator", 1


@dataclasses.dataclass(frozen=True)
class TranslatorFacts:
    """What a translator's file says beside its weights.

    resolution: shorter side of the pairs in pixels, 0 if unknown (made elsewhere; the edit head always knows it);
    settings_digest: of all that shaped the training; edit: attribute, direction, distance as make-pairs recorded them,
    empty if the pairs came from elsewhere.
    """

    sizes: Architecture
    resolution: int
    images: int
    settings_digest: str
    edit: dict[str, Any]


def save_translator(network: TranslatorNetwork, path: Path | str, facts: TranslatorFacts) -> None:
    """Write weights (float32) and facts to `path`, atomically."""
    weights = {name: tensor.detach().float().cpu().contiguous() for name, tensor in network.state_dict().items()}
    facts = made_by(format=FORMAT, format_version=FORMAT_VERSION, **dataclasses.asdict(facts))
    with atomic_file(path) as temporary:
        # one entry: safetensors writes several in random order, and equal trainings shall give equal bytes
        save_file(weights, temporary, metadata={"sceneshift": facts})


def read_translator(path: Path | str) -> tuple[TranslatorNetwork, TranslatorFacts]:
    """The network (float32, CPU, frozen) and its facts.

    Raises SceneshiftError if the file is missing, truncated, of another format or version, or its weights are not
    those that its facts describe.
    """
    remedy = "Give a file that train-translator made, or train it again."
    if not Path(path).is_file():
        raise SceneshiftError(f"There is no translator {path}. {remedy}")
    try:
        with safe_open(path, framework="pt") as file:
            text = (file.metadata() or {}).get("sceneshift", "{}")
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except (SafetensorError, OSError) as error:
        raise SceneshiftError(f"{path} is not a whole .safetensors file ({error}). {remedy}") from error
    facts = _facts(path, text, remedy)
    shapes = network_shapes(facts.sizes)
    for name in shapes | weights:
        found = tuple(weights[name].shape) if name in weights else "missing"
        expected = shapes.get(name, "none of that name")
        if found != expected:
            raise SceneshiftError(f"{path}: {name} is {found}, expected {expected}. {remedy}")
    network = TranslatorNetwork(facts.sizes)
    network.load_state_dict(weights)
    return network.eval().requires_grad_(False), facts


def _facts(path: Path | str, text: str, remedy: str) -> TranslatorFacts:
    try:
        values = json.loads(text)
        name, version = values.get("format"), values.get("format_version")
        if name != FORMAT:
            raise SceneshiftError(f"{path} has the format {name!r}, expected {FORMAT!r}. {remedy}")
        if version != FORMAT_VERSION:
            raise SceneshiftError(
                f"{path} has format version {version}; this sceneshift reads {FORMAT_VERSION}. "
                "Use the sceneshift that made it, or train it again."
            )
        values = {field.name: values[field.name] for field in dataclasses.fields(TranslatorFacts)}
        return TranslatorFacts(**{**values, "sizes": Architecture(**values["sizes"])})
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise SceneshiftError(f"{path}: its metadata do not describe a translator ({error}). {remedy}") from error
