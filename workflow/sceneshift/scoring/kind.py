"""What every kind of predictor has: settings, the names of what it scores, and how it is made and read. Loads no torch."""

from typing import TYPE_CHECKING, Annotated, Any, Literal, Protocol

import numpy as np
from pydantic import Field

from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.section import Section

if TYPE_CHECKING:
    from sceneshift.scoring.labels import LabelledPhotos
    from sceneshift.scoring.learning import Material

LARGEST_SIDE = 8192  # of the pictures that a predictor takes, in pixels


class Predictor(Protocol):
    """What every predictor offers."""

    attributes: list[str]

    def score(self, images: np.ndarray) -> np.ndarray:
        """uint8 [N, H, W, 3] -> float32 [N, K], one column an attribute; more means more of it."""
        ...


class Storable(Predictor, Protocol):
    """A predictor that a predictor file can hold."""

    def spec(self) -> dict[str, Any]:
        """JSON-able description with at least `kind` and `attributes`."""
        ...

    def tensors(self) -> dict[str, np.ndarray]:
        """Weights by name."""
        ...


class PredictorSettings(Section):
    """Base of the kinds: one file each in `kinds/`, which holds one subclass of this and whatever else the kind needs."""

    kind: str

    def attribute_names(self, photos: str | None = None) -> list[str]:
        """The attributes that it will score, known before any job, without torch and without weights.

        photos: the folder of the run's photos, None for rendered streets.
        """
        raise NotImplementedError

    def build(self, device: str) -> Storable:
        """The predictor itself. Raises SceneshiftError for files that are absent or not what they should be."""
        raise NotImplementedError

    @classmethod
    def load(cls, spec: dict[str, Any], tensors: dict[str, np.ndarray], device: str) -> Storable:
        """The predictor from what its `spec` and `tensors` gave to a predictor file."""
        raise NotImplementedError


class FittedHeads(PredictorSettings):
    """A kind that is learned: linear heads, fitted to the labels that `labelled` gives."""

    input_size: Annotated[int, Field(ge=32, le=512)] = Field(
        128,
        description="Photos are shrunk to the generator's size, then brought to a square of this side for the backbone (aspect not kept, as in HiGAN), so that photos and synthesised images look alike to it.",
    )
    regularization: Literal["auto"] | Annotated[float, Field(gt=0)] = Field(
        "auto",
        description="Inverse strength C of the logistic heads' (or 1/α of the ridge heads') penalty on standardised features; `auto` picks it per head by validation.",
    )

    def labelled(self, material: "Material") -> "LabelledPhotos":
        """The photos to learn from, with labels in [0, 1]."""
        raise NotImplementedError

    def build(self, device: str) -> Storable:
        raise SceneshiftError(
            f"A predictor of kind {self.kind!r} must be fitted first: `sceneshift fit-predictor LABELS OUT`,"
            " then give the file that it makes."
        )


def require_sides(*sides: Any) -> None:
    """Raise ValueError unless these are sides of pictures in pixels: a file may name anything."""
    if not all(type(side) is int and 0 < side <= LARGEST_SIDE for side in sides):
        raise ValueError(f"pictures of {' × '.join(map(repr, sides))} px")
