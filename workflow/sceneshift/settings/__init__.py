"""The whole config as pydantic models: the one source of defaults, documentation and the JSON schema.

`config/README.md` and `workflow/schemas/config.schema.yaml` are generated from these classes (`make docs`) and a test
fails when they drift. Lengths of training are counted in images, never in steps.
"""

from sceneshift.runtime.section import Section, Source
from sceneshift.settings.config import Settings
from sceneshift.settings.edits import EditSettings, EditsSettings, KeepSettings, Level, PairsSettings
from sceneshift.settings.generator import GeneratorSettings
from sceneshift.settings.latents import (
    BoundariesSettings,
    ImportedBoundary,
    RescoringSettings,
    SefaSettings,
    SynthesisSettings,
)
from sceneshift.settings.photos import PhotosSettings
from sceneshift.settings.predictors import (
    PHOTOMETRIC,
    ComparisonsPredictor,
    FittedHeads,
    HeadsPredictor,
    OnnxPredictor,
    PhotometricPredictor,
    Places365Predictor,
    Predictor,
    file_name,
    with_downloads,
)
from sceneshift.settings.reading import canonical_json, load_settings, parse
from sceneshift.settings.translator import EvaluationSettings, TranslateSettings, TranslatorSettings

__all__ = [
    "PHOTOMETRIC",
    "BoundariesSettings",
    "ComparisonsPredictor",
    "EditSettings",
    "EditsSettings",
    "EvaluationSettings",
    "FittedHeads",
    "GeneratorSettings",
    "HeadsPredictor",
    "ImportedBoundary",
    "KeepSettings",
    "Level",
    "OnnxPredictor",
    "PairsSettings",
    "PhotometricPredictor",
    "PhotosSettings",
    "Places365Predictor",
    "Predictor",
    "RescoringSettings",
    "Section",
    "SefaSettings",
    "Settings",
    "Source",
    "SynthesisSettings",
    "TranslateSettings",
    "TranslatorSettings",
    "canonical_json",
    "file_name",
    "load_settings",
    "parse",
    "with_downloads",
]
