"""Predictor of kind `photometric`: attributes in closed form, from pixels alone. No backbone, no weights, no fitting."""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
from pydantic import Field

from sceneshift.images.luma import luminance
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.scoring.kind import Facts, PredictorSettings


def brightness(images: np.ndarray) -> np.ndarray:
    """Mean luma of uint8 [N, H, W, 3]: [N] in [0, 1]."""
    return luminance(images).mean((1, 2))


def contrast(images: np.ndarray) -> np.ndarray:
    """Standard deviation of the luma (RMS contrast, Peli 1990): [N] in [0, 0.5]."""
    return luminance(images).std((1, 2))


def warmth(images: np.ndarray) -> np.ndarray:
    """Mean of red minus blue: [N] in [-1, 1]."""
    means = images.mean((1, 2), dtype=np.float32)
    return (means[:, 0] - means[:, 2]) / 255


def colourfulness(images: np.ndarray) -> np.ndarray:
    """Hasler & Süsstrunk 2003, M(3): [N], 0 for grey pictures, about 109 for extremely colourful ones.

    √(σ²_rg + σ²_yb) + 0.3 √(μ²_rg + μ²_yb) with rg = R - G and yb = (R + G)/2 - B of pixels in 0…255.
    """
    r, g, b = np.moveaxis(images.astype(np.float32), -1, 0)
    rg, yb = r - g, (r + g) / 2 - b
    spread = np.hypot(rg.std((1, 2)), yb.std((1, 2)))
    return spread + 0.3 * np.hypot(rg.mean((1, 2)), yb.mean((1, 2)))


def green_view(images: np.ndarray) -> np.ndarray:
    """Green view index by the pixel rule of Li et al. 2015: [N] in [0, 1], the share of vegetation pixels.

    A pixel is vegetation where (G - R)·(G - B) > 0 and G > R. A tint can fool it: judge edits by something else too.
    """
    r, g, b = np.moveaxis(images.astype(np.int16), -1, 0)
    return ((g > r) & (g > b)).mean((1, 2))


FORMULAS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "brightness": brightness,
    "warmth": warmth,
    "colourfulness": colourfulness,
    "contrast": contrast,
    "green_view": green_view,
}


class PhotometricPredictor(PredictorSettings):
    """Closed formulas, no weights: brightness, warmth, colourfulness, contrast, green_view."""

    kind: Literal["photometric"]
    attributes: list[Literal[*FORMULAS]] = Field(list(FORMULAS), min_length=1, description="Which of them.")

    def attribute_names(self, photos: str | None = None) -> list[str]:
        return list(self.attributes)

    def build(self, device: str = "cpu") -> "Photometric":
        return Photometric(self.attributes)

    @classmethod
    def load(cls, facts: dict[str, Any], tensors: dict[str, np.ndarray], device: str) -> "Photometric":
        return Photometric(Facts.model_validate(facts).attributes)


class Photometric:
    """The formulas by name."""

    def __init__(self, attributes: Sequence[str]) -> None:
        if unknown := [name for name in attributes if name not in FORMULAS]:
            raise SceneshiftError(f"Unknown photometric attribute {', '.join(unknown)}; known: {', '.join(FORMULAS)}.")
        self.attributes = list(attributes)

    def score(self, images: np.ndarray) -> np.ndarray:
        """uint8 [N, H, W, 3] -> float32 [N, K]."""
        return np.stack([FORMULAS[name](images) for name in self.attributes], axis=1).astype(np.float32)

    def facts(self) -> Facts:
        """What the predictor file records about it."""
        return Facts(kind="photometric", attributes=self.attributes)

    def tensors(self) -> dict[str, np.ndarray]:
        """None: the formulas are all."""
        return {}
