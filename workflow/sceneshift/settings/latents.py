"""Synthesis, boundaries and their re-scoring."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from sceneshift.runtime.section import IS_PATH, Natural, Positive, Section, Shapes, Share
from sceneshift.settings.edits import NamedLevel

MOST_SHARDS = 10_000  # each is a job with a file, whose name has four digits
SHARDS = Shapes("index_synthesis", jobs=("synthesize", "fit_boundary", "rescore_boundary", "make_pairs", "report"))
Space = Literal["z", "w", "w+"]  # that a boundary lies in
Classifier = Literal["svm", "logistic"]
OF_EACH_BOUNDARY = ("rescore_boundary", "rank_attributes", "report")  # what has a job or a file for each boundary


class SynthesisSettings(Section):
    """How many images are synthesized and scored."""

    count: Annotated[Positive, SHARDS] = Field(
        10_000, description="Images to synthesize and score. Published: 500,000."
    )
    shard_size: Annotated[Positive, SHARDS] = Field(
        5000, description="Images a shard; a shard is a job. Growing `count` computes new shards only."
    )
    truncation_psi: Annotated[Share, Shapes("synthesize", "index_synthesis", "synthesize_unedited")] = Field(
        0.7,
        description="Truncation ψ of the scored images (the stored codes are untruncated). HiGAN: 0.7 for StyleGAN, 0.5 for StyleGAN2.",
    )
    keep_images: Annotated[Natural, Shapes("synthesize")] = Field(
        0, description="How many images of each shard to keep in it: its first ones."
    )
    batch: Annotated[Positive, Shapes("synthesize", "synthesize_unedited")] = Field(
        64, description="Images a forward pass."
    )

    @model_validator(mode="after")
    def _countable(self) -> "SynthesisSettings":
        if self.count > MOST_SHARDS * self.shard_size:
            raise ValueError(
                f"{self.count:,} images in shards of {self.shard_size:,} are more than {MOST_SHARDS:,} shards, the most that"
                f" are planned: set shard_size to {-(-self.count // MOST_SHARDS):,} or more"
            )
        return self


class ImportedBoundary(Section):
    """A boundary made elsewhere: HiGAN's, InterFaceGAN's or StyleGAN2 Distillation's .npy. `import: [{name: natural_light, file: natural_light_boundary.npy}]`"""

    name: Annotated[str, Field(pattern=r"^[^/]+$")] = Field(
        description="An attribute that the predictors score: the file takes the place of the fitted boundary. Or a name of its own: ranked beside the others, and used by an edit of that name with `measured_by`."
    )
    file: Annotated[str, IS_PATH] = Field(
        description="The .npy file: an array (1, w_dim), or (num_ws, w_dim) of W+, or a dict with `boundary` and `meta_data`."
    )
    layers_of: Literal["stylegan2", "stylegan"] = Field(
        "stylegan2", description="Whose layers the file counts in `manipulate_layers`, if it names any."
    )
    space: Space | None = Field(
        None,
        description="Latent space of the boundary. `null`: what the file says, else W, or W+ of an array with a row for each layer. InterFaceGAN's without `_w` in their names are of Z.",
    )


class SefaSettings(Section):
    """Directions found without labels (SeFa, arXiv 2007.06600), ranked beside the attributes. `sefa: {components: 5}`"""

    components: Annotated[int, Field(ge=0, le=1000)] = Field(
        0,
        description="How many of each level, called sefa_LEVEL_1 and so on. An edit takes one by that name, with `measured_by`.",
    )
    levels: list[NamedLevel] = Field(
        ["all"], description="Whose layers' weights are factorized; the directions then move these layers."
    )


class BoundariesSettings(Section):
    """The linear boundaries in W (InterFaceGAN, HiGAN), and directions from elsewhere."""

    shapes: ClassVar = Shapes("fit_boundary")

    attributes: Annotated[Literal["all"] | list[str], Shapes(jobs=("fit_boundary", *OF_EACH_BOUNDARY))] = Field(
        "all", description="`all` that the predictors score, or a list of names."
    )
    selection: Literal["extremes", "random"] = Field(
        "extremes",
        description="`extremes`: the highest and the lowest scores (HiGAN). `random`: random codes, split at the median score.",
    )
    classifier: Classifier = Field(
        "svm",
        description="What finds the hyperplane: the linear SVM of HiGAN and InterFaceGAN, or logistic regression.",
    )
    examples: Annotated[int, Field(ge=10)] = Field(
        2000, description="Codes from each end (`extremes`), at most half of all; or in all (`random`)."
    )
    split: Annotated[float, Field(gt=0, lt=1)] = Field(0.7, description="Share used for training; the rest validates.")
    import_: Annotated[list[ImportedBoundary], Shapes("import_boundary")] = Field(
        [], alias="import", description="Boundaries made elsewhere, for this generator's codes."
    )
    sefa: Annotated[SefaSettings, Shapes(jobs=("factorize_generator", *OF_EACH_BOUNDARY))] = Field(
        SefaSettings(), description="Directions found without labels."
    )


class RescoringSettings(Section):
    """HiGAN's re-scoring: what does each boundary change?"""

    count: Annotated[Positive, Shapes("synthesize_unedited")] = Field(500, description="Fresh codes. Published: 2000.")
    distance: Annotated[float, Field(gt=0), Shapes("rescore_boundary")] = Field(
        2.0, description="Step along the normal, in units of W, as HiGAN's 2."
    )
    layers: Annotated[bool, Shapes("rescore_boundary")] = Field(
        False,
        description="Re-score each single layer too, as HiGAN's layer-wise analysis; an edit's `level` may name it.",
    )
