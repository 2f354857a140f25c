"""Pairs from the rendered world: the same street before and after one of its labels moved, and nothing else."""

from dataclasses import dataclass

import numpy as np

from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.randomness import numpy_generator
from sceneshift.settings import EditorSettings
from sceneshift.streets import LABELS, render_street, street_labels
from sceneshift.streets.camera import LARGEST, SMALLEST

DAY = (0.6, 1.0)  # natural_light of the streets before the edit
HAZE = 0.1  # fog at most, in three of ten of them
SUMMER = 0.75  # share of them in leaf


@dataclass(frozen=True)
class RenderedPairs:
    """Pair `index` is a function of (seed, index) and of the editor's labels."""

    seed: int
    shape: tuple[int, int]  # height, width
    editor: EditorSettings

    def __post_init__(self) -> None:
        """Raises SceneshiftError for a label or a shape that the rendered world does not have."""
        if min(self.shape) < SMALLEST or max(self.shape) > LARGEST:
            raise SceneshiftError(
                f"Streets are drawn with sides from {SMALLEST} to {LARGEST} pixels, found {self.shape[0]} x"
                f" {self.shape[1]}. Choose another resolution or width."
            )
        for label in {**self.editor.labels, **self.editor.before}:
            if label not in LABELS:
                raise SceneshiftError(
                    f"editors ({self.editor.name}): found the label {label!r}, expected {', '.join(LABELS)}."
                )

    def before(self, index: int) -> dict[str, float]:
        """The labels of street `index` before the edit: by day, dry, without snow, in leaf or as it comes.

        What the edit moves is at its plain value in all of them: no street is in autumn before it comes.
        """
        rng, moved = numpy_generator(self.seed, "rendered pairs", index), self.editor.labels
        light, haze, hazy, leaf = rng.random(4).tolist()
        labels = dict(zip(LABELS, street_labels(self.seed, index).tolist(), strict=True))
        labels |= {"natural_light": DAY[0] + (DAY[1] - DAY[0]) * light, "rain": 0.0, "snow": 0.0}
        labels["fog"] = HAZE * haze if hazy < 0.3 and "fog" not in moved else 0.0
        if leaf < SUMMER or "season" in moved:
            labels["season"] = 0.0
        return labels | self.editor.before

    def pair(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """The street before and after, uint8 [H, W, 3] each."""
        before = self.before(index)
        after = before | self.editor.labels
        return tuple(render_street(self.seed, index, self.shape, **labels) for labels in (before, after))
