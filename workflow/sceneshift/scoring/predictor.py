"""Attribute predictors side by side, and the one file that holds them.

predictor.safetensors: tensors `0.weight`, `0.bias`, … (number: place in the list of predictors); metadata `sceneshift`,
JSON with format, format_version, predictors (a list, each with kind, attributes, and what the kind needs) and
provenance. Nothing in it refers to other files, so it can be moved to another machine.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import ValidationError

from sceneshift.attributes.names import side_by_side
from sceneshift.runtime.devices import set_up
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.model_files import ModelFormat
from sceneshift.scoring.kind import Predictor, PredictorSettings, Storable
from sceneshift.scoring.kinds import KINDS

__all__ = ["Predictor", "SideBySide", "column_of", "load_predictor", "save_predictor"]

REMEDY = "Make it with `sceneshift fit-predictor`, or copy it again."
FORMAT = ModelFormat("predictor", REMEDY, "sceneshift predictor", version=1)


class SideBySide:
    """Several predictors as one: their attributes side by side."""

    def __init__(self, parts: Sequence[Storable]) -> None:
        """Raises SceneshiftError if two of them have an attribute of the same name."""
        self.parts = list(parts)
        self.attributes = side_by_side((part.facts().kind, part.attributes) for part in parts)

    def score(self, images: np.ndarray) -> np.ndarray:
        """uint8 [N, H, W, 3] -> float32 [N, K]."""
        return np.concatenate([part.score(images) for part in self.parts], axis=1)


def column_of(attribute: str, attributes: Sequence[str], where: object) -> int:
    """The place of `attribute` among `attributes`; an unknown one is an error that lists what `where` knows."""
    if attribute not in attributes:
        raise SceneshiftError(f"Attribute {attribute!r} is unknown to {where}; it knows: {', '.join(attributes)}.")
    return list(attributes).index(attribute)


def save_predictor(parts: Sequence[Storable], path: Path, provenance: Mapping[str, Any]) -> None:
    """Write the predictors to one file."""
    SideBySide(parts)  # names must differ
    tensors = {
        f"{i}.{name}": torch.from_numpy(np.array(value))
        for i, part in enumerate(parts)
        for name, value in part.tensors().items()
    }
    facts = [part.facts().model_dump() for part in parts]
    FORMAT.save(path, tensors, {"provenance": provenance, "predictors": facts})


def load_predictor(
    spec: Path | str | PredictorSettings | Sequence[PredictorSettings], device: str = "cpu"
) -> SideBySide:
    """The predictors of a file made by `fit_predictor`, or those of settings that need no fitting.

    Raises SceneshiftError for a file that is missing, truncated, something else or of another format version, and for
    settings of a kind that must be fitted first.
    """
    set_up(torch.device(device), "float32")  # TF32 would miss published scores by a thousandth
    if isinstance(spec, str | Path):
        return SideBySide(_read(Path(spec), device))
    return SideBySide([one.build(device) for one in (spec if isinstance(spec, Sequence) else [spec])])


def _read(path: Path, device: str) -> list[Storable]:
    facts, tensors = FORMAT.load(path)
    with FORMAT.understood(path):
        if not facts["predictors"]:
            raise SceneshiftError(f"The predictor {path} is of no kind: its list of predictors is empty. {REMEDY}")
        return [_part(path, place, one, tensors, device) for place, one in enumerate(facts["predictors"])]


def _part(path: Path, place: int, facts: dict[str, Any], tensors: dict[str, torch.Tensor], device: str) -> Storable:
    """The predictor at `place` of a file's list."""
    if facts["kind"] not in KINDS:
        raise SceneshiftError(f"The predictor {path} is of kind {facts['kind']!r:.80}; known: {', '.join(KINDS)}.")
    before = f"{place}."
    own = {name.removeprefix(before): value.numpy() for name, value in tensors.items() if name.startswith(before)}
    try:
        return KINDS[facts["kind"]].load(facts, own, device)
    except ValidationError as errors:
        first = errors.errors()[0]
        where = ".".join(map(str, ("predictors", place, *first["loc"])))
        raise SceneshiftError(
            f"{path}: its metadata says {first['input']!r:.80} as {where}: {first['msg']}. {REMEDY}"
        ) from None
    except SceneshiftError as error:
        raise SceneshiftError(f"The predictor {path}: {error}") from None
