"""Predictor of kind `heads`: score = features(image) · Wᵀ + bias on the frozen ImageNet backbone."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import Field

from sceneshift.attributes.classes import classes_in
from sceneshift.attributes.names import as_attribute
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.section import IS_PATH, Share
from sceneshift.runtime.tables import read_rows
from sceneshift.scoring.kind import Backbone, Facts, FittedHeads
from sceneshift.streets import VISIBLE

if TYPE_CHECKING:
    from sceneshift.scoring.labels import LabelledPhotos
    from sceneshift.scoring.learning import Material

BATCH = 64
LARGEST = 8192  # side of a generator's images that a file may claim


class HeadsPredictor(FittedHeads):
    """Linear heads on a frozen ImageNet backbone, fitted on labelled photos and softened copies of them: synthesized images are never as sharp."""

    kind: Literal["heads"]
    labels: Annotated[str | None, IS_PATH] = Field(
        None,
        description="A CSV (first column file, then one column per attribute with labels in [0, 1]) or a folder with one subfolder per class. `null`: the labels that the photos came with (the rendered streets' labels, or the first subfolders' names). An empty cell: not known.",
    )
    max_missing: Share = Field(
        0.05, description="More than this share of a CSV's rows on photos that are not there is an error."
    )

    def attribute_names(self, photos: str | None = None) -> list[str]:
        if self.labels is None:
            return list(VISIBLE) if photos is None else classes_in(Path(photos), "photos.folder")
        labels = Path(self.labels)
        if labels.is_dir():
            return classes_in(labels, "predictors.labels")
        if not labels.is_file():
            raise SceneshiftError(
                f"predictors.labels: found {self.labels!r}, which does not exist; expected a CSV"
                " (file, then one column per attribute) or a folder with one subfolder per class."
            )
        columns = next(iter(read_rows(labels, "predictors.labels takes a CSV.")), (1, []))[1]
        if len(columns) < 2:
            raise SceneshiftError(
                f"{labels}: found the columns {columns}; expected file, then one column per attribute."
            )
        return [as_attribute(column) for column in columns[1:]]

    def labelled(self, material: "Material") -> "LabelledPhotos":
        return material.labelled(self)

    @classmethod
    def load(cls, facts: dict[str, Any], tensors: dict[str, np.ndarray], device: str) -> "Heads":
        read = HeadsFacts.model_validate(facts)
        shape = (read.resolution, read.width or read.resolution)
        view = View(read.backbone, shape, read.input_size, device)
        return Heads(read.attributes, tensors["weight"], tensors["bias"], read.links, view)


class HeadsFacts(Facts):
    """What a predictor file records of heads."""

    links: list[Literal["identity", "logit"]]
    backbone: Backbone
    resolution: Annotated[int, Field(ge=1, le=LARGEST)]
    width: Annotated[int, Field(ge=1, le=LARGEST)] | None = None  # older files: square
    input_size: Annotated[int, Field(ge=32, le=512)]


@dataclass(frozen=True)
class View:
    """How heads see a picture: through which network, and at which size.

    shape: the generator's height and width; larger images are shrunk to it first (they lose what the generator cannot
        show), then all are brought to the square of side `input_size`.
    """

    backbone: Backbone
    shape: tuple[int, int]
    input_size: int
    device: str = "cpu"

    def features(self, images: np.ndarray) -> np.ndarray:
        """Pooled backbone features of uint8 [N, H, W, 3] of any size: float32 [N, 1280]."""
        import torch

        from sceneshift.vision.backbone import FEATURES, enlarged, load_backbone

        backbone = load_backbone(self.device, network=self.backbone)
        rows = []
        for start in range(0, len(images), BATCH):
            batch = torch.from_numpy(np.array(images[start : start + BATCH])).to(self.device)
            if batch.shape[1] > self.shape[0] or batch.shape[2] > self.shape[1]:
                batch = (enlarged(batch, self.shape) * 255).round().to(torch.uint8).permute(0, 2, 3, 1)
            rows.append(backbone.pooled(enlarged(batch, self.input_size)).cpu().numpy())
        return np.concatenate(rows) if rows else np.zeros((0, FEATURES), np.float32)


class Heads:
    """Linear heads; their scores are logits, or estimates of the label itself for ridge heads (see `links`)."""

    def __init__(
        self, attributes: Sequence[str], weight: np.ndarray, bias: np.ndarray, links: Sequence[str], view: View
    ) -> None:
        """weight: float32 [K, 1280], bias: float32 [K]; feature standardization is folded into both.

        links: per head `identity` (score ≈ label) or `logit` (sigmoid(score) ≈ label).
        """
        from sceneshift.vision.backbone import FEATURES

        count = len(attributes)
        if weight.shape != (count, FEATURES) or bias.shape != (count,) or len(links) != count:
            raise SceneshiftError(
                f"Heads for {count} attributes on {FEATURES} features have weights {weight.shape}, bias {bias.shape}"
                f" and {len(links)} links."
            )
        self.attributes, self.links, self.view = list(attributes), list(links), view
        self.weight, self.bias = weight.astype(np.float32), bias.astype(np.float32)

    def score(self, images: np.ndarray) -> np.ndarray:
        """uint8 [N, H, W, 3] of any size -> float32 [N, K]."""
        return self.view.features(images) @ self.weight.T + self.bias

    def facts(self) -> HeadsFacts:
        """What the predictor file records about it."""
        (height, width), view = self.view.shape, self.view
        return HeadsFacts(
            kind="heads", attributes=self.attributes, links=self.links, backbone=view.backbone,
            resolution=height, width=width, input_size=view.input_size,
        )  # fmt: skip

    def tensors(self) -> dict[str, np.ndarray]:
        """weight [K, 1280] and bias [K]."""
        return {"weight": self.weight, "bias": self.bias}
