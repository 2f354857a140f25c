"""A trained translator's file: weights as .safetensors, and everything needed to use them in the metadata."""

import dataclasses
from pathlib import Path
from typing import Any

import torch

from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.model_files import ModelFormat, fill, on_no_device
from sceneshift.runtime.provenance import made_by
from sceneshift.translator.architecture import Architecture, TranslatorNetwork

REMEDY = (
    "Give a file that train-translator or import-translator made, or a name of those that `sceneshift editors` lists."
)
FORMAT = ModelFormat("translator", REMEDY, "sceneshift translator", version=1)


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

    def __post_init__(self) -> None:
        """Raises ValueError for facts of other types, as a damaged file may have them."""
        for name, kind in (("resolution", int), ("images", int), ("settings_digest", str), ("edit", dict)):
            if type(value := getattr(self, name)) is not kind:
                raise ValueError(f"{name} is {value!r}, expected {kind.__name__}")


def save_translator(network: TranslatorNetwork, path: Path | str, facts: TranslatorFacts) -> None:
    """Write weights (float32) and facts to `path`, atomically."""
    weights = {name: tensor.float() for name, tensor in network.state_dict().items()}
    FORMAT.save(path, weights, made_by(**dataclasses.asdict(facts)))


def read_translator(path: Path | str) -> tuple[TranslatorNetwork, TranslatorFacts]:
    """The network (float32, CPU, frozen) and its facts.

    Raises SceneshiftError if the file is missing, truncated, of another format or version, or its weights are not
    those that its facts describe, or are so large that pictures overflow.
    """
    values, weights = FORMAT.load(path)
    with FORMAT.understood(path), on_no_device():
        values = {field.name: values[field.name] for field in dataclasses.fields(TranslatorFacts)}
        facts = TranslatorFacts(**{**values, "sizes": Architecture(**values["sizes"])})
        network = TranslatorNetwork(facts.sizes)
    fill(path, network, weights)
    network.eval().requires_grad_(False)
    side = 2 * facts.sizes.multiple
    slope = torch.linspace(-1, 1, 3 * side * side).view(1, 3, side, side)
    if not network.network(slope).isfinite().all():
        raise SceneshiftError(f"{path}: its weights are so large that pictures overflow. {REMEDY}")
    return network, facts
