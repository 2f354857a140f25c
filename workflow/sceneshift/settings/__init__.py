"""The whole config as pydantic models: the one source of defaults, documentation and the JSON schema.

`config/README.md` and `workflow/schemas/config.schema.yaml` are generated from these classes (`make docs`) and a test
fails when they drift. Lengths of training are counted in images, never in steps.
"""

from sceneshift.runtime.section import Section, Source
from sceneshift.settings.audit import AuditSettings
from sceneshift.settings.config import Settings
from sceneshift.settings.editors import EditorSettings
from sceneshift.settings.edits import EditSettings, EditsSettings, KeepSettings, Level, NamedLevel, PairsSettings
from sceneshift.settings.generator import GeneratorSettings
from sceneshift.settings.latents import (
    BoundariesSettings,
    Classifier,
    ImportedBoundary,
    RescoringSettings,
    SefaSettings,
    Space,
    SynthesisSettings,
)
from sceneshift.settings.metrics import MetricsSettings
from sceneshift.settings.photos import PhotosSettings
from sceneshift.settings.predictors import with_downloads
from sceneshift.settings.reading import canonical_json, load_settings, parse, read_config
from sceneshift.settings.study import StudySettings
from sceneshift.settings.translator import EvaluationSettings, TranslateSettings, TranslatorSettings

__all__ = [
    "AuditSettings",
    "BoundariesSettings",
    "Classifier",
    "EditSettings",
    "EditorSettings",
    "EditsSettings",
    "EvaluationSettings",
    "GeneratorSettings",
    "ImportedBoundary",
    "KeepSettings",
    "Level",
    "MetricsSettings",
    "NamedLevel",
    "PairsSettings",
    "PhotosSettings",
    "RescoringSettings",
    "Section",
    "SefaSettings",
    "Settings",
    "Source",
    "Space",
    "StudySettings",
    "SynthesisSettings",
    "TranslateSettings",
    "TranslatorSettings",
    "canonical_json",
    "load_settings",
    "parse",
    "read_config",
    "with_downloads",
]
