"""The whole config."""

from typing import Annotated

from pydantic import Field, model_validator

from sceneshift.runtime.section import Natural, Section, Shapes
from sceneshift.scoring.kinds import AnyPredictor
from sceneshift.scoring.kinds.heads import HeadsPredictor
from sceneshift.settings.editors import EditorSettings
from sceneshift.settings.edits import EditsSettings, PairsSettings
from sceneshift.settings.generator import GeneratorSettings
from sceneshift.settings.latents import BoundariesSettings, RescoringSettings, SynthesisSettings
from sceneshift.settings.metrics import MetricsSettings
from sceneshift.settings.photos import PhotosSettings
from sceneshift.settings.predictors import with_downloads
from sceneshift.settings.study import StudySettings
from sceneshift.settings.translator import EvaluationSettings, TranslateSettings, TranslatorSettings

DRAWING = Shapes(
    "prepare_photos",
    "train_generator",
    "measure_generator",
    "fit_predictor",
    "synthesize",
    "index_synthesis",
    "fit_boundary",
    "synthesize_unedited",
    "rescore_boundary",
    "edit",
    "make_pairs",
    "render_pairs",
    "train_translator",
    "fit_judge",
    "fit_second_predictor",
    "evaluate_translator",
    "measure_dose",
)


class Settings(Section):
    """The whole config."""

    run: Annotated[
        str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$"), Shapes("everything, in a folder of its own")
    ] = Field("streets", description="Name of the run: everything goes to results/RUN/.")
    seed: Annotated[Natural, DRAWING] = Field(0, lt=2**63, description="Every random draw follows from it.")
    container: Annotated[str, Shapes()] = Field(
        "docker://ghcr.io/owner/sceneshift:0.1.0",
        description="What jobs run in with `--sdm apptainer`: an address, or a file that `envs/apptainer.def` made.",
    )
    photos: PhotosSettings = PhotosSettings()
    generator: GeneratorSettings = GeneratorSettings()
    metrics: MetricsSettings = MetricsSettings()
    predictors: Annotated[list[AnyPredictor], Shapes("fit_predictor")] = Field(
        [HeadsPredictor(kind="heads")], min_length=1, description="One or several; their attributes stand side by side."
    )
    synthesis: SynthesisSettings = SynthesisSettings()
    boundaries: BoundariesSettings = BoundariesSettings()
    rescoring: RescoringSettings = RescoringSettings()
    edits: EditsSettings = EditsSettings()
    pairs: PairsSettings = PairsSettings()
    translator: TranslatorSettings = TranslatorSettings()
    translate: TranslateSettings = TranslateSettings()
    evaluation: EvaluationSettings = EvaluationSettings()
    study: StudySettings = StudySettings()
    editors: list[EditorSettings] = Field([], description="Editors that learn only from rendered streets.")

    @model_validator(mode="after")
    def _consistent(self) -> "Settings":
        judges = [] if self.evaluation.judges == "auto" else self.evaluation.judges
        with_downloads([*self.predictors, *(judge for judge in judges if judge != "streets")], folder="")
        if "streets" in judges and (self.photos.source == "folder" or judges.count("streets") > 1):
            raise ValueError("evaluation.judges: `streets` is for rendered streets, and once; photos need predictors")
        if not self.photos.held_out:
            raise ValueError("photos.held_out is 0, but the held-out photos are what editors are evaluated on")
        if self.translator.head == "image" and self.translate.strength > 1:
            raise ValueError(f"translate.strength is {self.translate.strength:g}, but with head: image it goes up to 1")
        names = [edit.attribute for edit in self.edits.attributes] + [editor.name for editor in self.editors]
        if repeated := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"edits and editors must have different names: {', '.join(repeated)}")
        return self
