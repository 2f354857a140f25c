"""A kind of predictor is one file: what is put into `kinds/` works everywhere, and nothing else was touched."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

PACKAGE = Path(__file__).parents[3] / "workflow" / "sceneshift"

KIND = '''
"""Predictor of kind `redness`: the mean of red."""

from typing import Any, Literal

import numpy as np
from pydantic import Field

from sceneshift.scoring.kind import Facts, PredictorSettings


class RednessPredictor(PredictorSettings):
    """How red a picture is."""

    kind: Literal["redness"]
    scale: float = Field(1.0, description="The score of red.")

    def attribute_names(self, photos: str | None = None) -> list[str]:
        return ["redness"]

    def build(self, device: str) -> "Redness":
        return Redness(self.scale)

    @classmethod
    def load(cls, facts: dict[str, Any], tensors: dict[str, np.ndarray], device: str) -> "Redness":
        return Redness(RednessFacts.model_validate(facts).scale)


class RednessFacts(Facts):
    scale: float


class Redness:
    attributes = ["redness"]

    def __init__(self, scale: float) -> None:
        self.scale = scale

    def score(self, images: np.ndarray) -> np.ndarray:
        return self.scale * images[..., :1].mean((1, 2), dtype=np.float32) / 255

    def facts(self) -> RednessFacts:
        return RednessFacts(kind="redness", attributes=self.attributes, scale=self.scale)

    def tensors(self) -> dict[str, np.ndarray]:
        return {}
'''

USE = """
import sys
import numpy as np
from sceneshift.run.attributes import scored_attributes
from sceneshift.runtime.code_version import modules_behind
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.settings import Settings, load_settings

settings = load_settings({"predictors": [{"kind": "redness", "scale": 2}, {"kind": "photometric"}]})
assert scored_attributes(settings)[:2] == ["redness", "brightness"]
assert "The score of red." in str(Settings.model_json_schema())
try:
    load_settings({"predictors": [{"kind": "redness", "scael": 2}]})
except SceneshiftError as error:
    assert "predictors.0.scael: unknown key; did you mean scale?" in str(error), error
assert "sceneshift.scoring.kinds.redness" in modules_behind("sceneshift.stages.synthesize")
assert "torch" not in sys.modules

from sceneshift.scoring import load_predictor
from sceneshift.stages.fit_predictor import fit_predictor

red = np.full((3, 4, 4, 3), (255, 0, 0), np.uint8)
fit_predictor(None, "p.safetensors", list(settings.predictors))
for predictor in (load_predictor("p.safetensors"), load_predictor(settings.predictors)):
    assert predictor.attributes[0] == "redness"
    np.testing.assert_allclose(predictor.score(red)[:, 0], 2)
print("as it should be")
"""


def test_a_new_kind_is_one_file(tmp_path):
    shutil.copytree(PACKAGE, tmp_path / "sceneshift", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "sceneshift" / "scoring" / "kinds" / "redness.py").write_text(KIND)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", USE], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.stdout == "as it should be\n", done.stderr
