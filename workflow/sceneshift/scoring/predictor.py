"""Attribute predictors side by side, and the one file that holds them.

predictor.safetensors: tensors `0.weight`, `0.bias`, … (number: place in the list of predictors); metadata `sceneshift`,
JSON with format, format_version, predictors (list of specs: kind, attributes, and what the kind needs) and provenance.
One metadata key, since safetensors writes several in random order and equal runs shall give equal bytes. Nothing in it
refers to other files, so it can be moved to another machine.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from sceneshift.attributes.names import side_by_side
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.files import atomic_file
from sceneshift.scoring.kind import Predictor, PredictorSettings, Storable
from sceneshift.scoring.kinds import KINDS

__all__ = ["Predictor", "SideBySide", "column_of", "load_predictor", "save_predictor"]

FORMAT = "sceneshift predictor"
FORMAT_VERSION = 1
METADATA_KEY = "sceneshift"


class SideBySide:
    """Several predictors as one: their attributes side by side."""

    def __init__(self, parts: Sequence[Storable]) -> None:
        """Raises SceneshiftError if two of them have an attribute of the same name."""
        self.parts = list(parts)
        self.attributes = side_by_side((part.spec()["kind"], part.attributes) for part in parts)

    def score(self, images: np.ndarray) -> np.ndarray:
        """uint8 [N, H, W, 3] -> float32 [N, K]."""
        return np.concatenate([part.score(images) for part in self.parts], axis=1)


def column_of(attribute: str, attributes: Sequence[str], where: object) -> int:
    """The place of `attribute` among `attributes`; an unknown one is an error that lists what `where` knows."""
    if attribute not in attributes:
        raise SceneshiftError(f"Attribute {attribute!r} is unknown to {where}; it knows: {', '.join(attributes)}.")
    return list(attributes).index(attribute)


def save_predictor(parts: Sequence[Storable], path: Path, provenance: str) -> None:
    """Write the predictors to one file."""
    SideBySide(parts)  # names must differ
    tensors = {f"{i}.{name}": value for i, part in enumerate(parts) for name, value in part.tensors().items()}
    metadata = {
        "format": FORMAT, "format_version": FORMAT_VERSION, "provenance": json.loads(provenance),
        "predictors": [part.spec() for part in parts],
    }  # fmt: skip
    with atomic_file(path) as temporary:
        save_file(tensors, temporary, {METADATA_KEY: json.dumps(metadata, sort_keys=True)})


def load_predictor(
    spec: Path | str | PredictorSettings | Sequence[PredictorSettings], device: str = "cpu"
) -> SideBySide:
    """The predictors of a file made by `fit_predictor`, or those of settings that need no fitting.

    Raises SceneshiftError for a file that is missing, truncated, something else or of another format version, and for
    settings of a kind that must be fitted first.
    """
    if isinstance(spec, str | Path):
        return SideBySide(_read(Path(spec), device))
    return SideBySide([one.build(device) for one in (spec if isinstance(spec, Sequence) else [spec])])


def _read(path: Path, device: str) -> list[Storable]:
    if not path.is_file():
        raise SceneshiftError(f"The predictor {path} does not exist. Make it with `sceneshift fit-predictor`.")
    try:
        with safe_open(path, "numpy") as file:
            metadata = json.loads((file.metadata() or {}).get(METADATA_KEY, "{}"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (no mapping)
        if metadata.get("format") != FORMAT:
            found = metadata.get("format")
            raise SceneshiftError(f"{path} is no predictor: its format is {found!r}, expected {FORMAT!r}.")
        if metadata.get("format_version") != FORMAT_VERSION:
            raise SceneshiftError(
                f"The predictor {path} has format version {metadata.get('format_version')}, this sceneshift reads"
                f" {FORMAT_VERSION}. Fit it again."
            )
        return [_part(path, i, spec, tensors, device) for i, spec in enumerate(metadata["predictors"])]
    except (SafetensorError, OSError) as error:
        raise SceneshiftError(f"The predictor {path} is truncated or no safetensors file ({error}).") from error
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        what = f"{type(error).__name__}: {error}"
        raise SceneshiftError(f"The predictor {path} is damaged ({what}). Make or copy it again.") from error


def _part(path: Path, place: int, spec: dict[str, Any], tensors: dict[str, np.ndarray], device: str) -> Storable:
    """The predictor at `place` of a file's list."""
    if spec["kind"] not in KINDS:
        raise SceneshiftError(f"The predictor {path} is of kind {spec['kind']!r}; known: {', '.join(KINDS)}.")
    own = {name.removeprefix(f"{place}."): value for name, value in tensors.items() if name.startswith(f"{place}.")}
    if odd := [name for name, value in own.items() if value.dtype.kind == "f" and not np.isfinite(value).all()]:
        raise SceneshiftError(f"The predictor {path}: tensor {place}.{odd[0]} holds NaN or infinity.")
    try:
        return KINDS[spec["kind"]].load(spec, own, device)
    except SceneshiftError as error:
        raise SceneshiftError(f"The predictor {path}: {error}") from None
