"""What every kind of predictor has: settings, the names of what it scores, and how it is made and read. Loads no torch."""

from typing import TYPE_CHECKING, Annotated, Any, Literal, Protocol

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.section import Section

if TYPE_CHECKING:
    from sceneshift.scoring.labels import LabelledPhotos
    from sceneshift.scoring.learning import Material

Backbone = Literal["efficientnet-lite0", "efficientnet-lite2"]


class Predictor(Protocol):
    """What every predictor offers."""

    attributes: list[str]

    def score(self, images: np.ndarray) -> np.ndarray:
        """uint8 [N, H, W, 3] -> float32 [N, K], one column per attribute; more means more of it."""
        ...


class Storable(Predictor, Protocol):
    """A predictor that a predictor file can hold."""

    def facts(self) -> "Facts":
        """What the file records about it, beside its tensors."""
        ...

    def tensors(self) -> dict[str, np.ndarray]:
        """Weights by name, of any shapes."""
        ...


class Facts(BaseModel):
    """Base of what a predictor file records of a kind: numbers and names, checked when they are read."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    kind: str
    attributes: list[Annotated[str, Field(min_length=1)]] = Field(min_length=1)


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
    def load(cls, facts: dict[str, Any], tensors: dict[str, np.ndarray], device: str) -> Storable:
        """The predictor from a predictor file: what its `facts` and `tensors` gave, as read from there.

        Raises pydantic's ValidationError for facts that are none of its kind, SceneshiftError or KeyError for tensors.
        """
        raise SceneshiftError("no file holds predictors of this kind")


class FittedHeads(PredictorSettings):
    """A kind that is learned: linear heads, fitted to the labels that `labelled` gives."""

    backbone: Backbone = Field(
        "efficientnet-lite0",
        description="The frozen network whose features the heads weigh. The perceptual loss sees lite0's; a judge of edits had better see others, lite2's.",
    )
    input_size: Annotated[int, Field(ge=32, le=512)] = Field(
        128,
        description="Photos are shrunk to the generator's size, then brought to a square of this side for the backbone (aspect not kept, as in HiGAN), so that photos and synthesized images look alike to it.",
    )
    regularization: Literal["auto"] | Annotated[float, Field(gt=0)] = Field(
        "auto",
        description="Inverse strength C of the logistic heads' (or 1/α of the ridge heads') penalty on standardized features; `auto` picks it per head by validation.",
    )

    def labelled(self, material: "Material") -> "LabelledPhotos":
        """The photos to learn from, with labels in [0, 1]."""
        raise NotImplementedError

    def build(self, device: str) -> Storable:
        raise SceneshiftError(
            f"A predictor of kind {self.kind!r} must be fitted first: `sceneshift fit-predictor LABELS OUT`,"
            " then give the file that it makes."
        )
