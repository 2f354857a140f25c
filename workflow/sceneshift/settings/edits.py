"""What becomes an editor, and the pairs that it learns from."""

import re
from typing import Annotated, ClassVar, Literal, get_args

from pydantic import AfterValidator, Field, field_validator, model_validator

from sceneshift.runtime.section import IS_PATH, Natural, Positive, Section, Shapes, Share

NamedLevel = Literal["all", "layout", "objects", "attributes", "color"]  # of the generator's layers, as in HiGAN
LAYERS = re.compile(r"\d{1,3}(-\d{1,3})?(,\d{1,3}(-\d{1,3})?)*")


def _level(text: str) -> str:
    if text not in get_args(NamedLevel) and not LAYERS.fullmatch(text):
        raise ValueError(f"must be {', '.join(get_args(NamedLevel))}, or layers counted from 0, such as 0-7 or 3")
    return text


Level = Annotated[str, AfterValidator(_level)]

RANKED = Shapes("rank_attributes", "make_pairs")


class EditSettings(Section):
    """One edit, which becomes one translator."""

    shapes: ClassVar = Shapes("make_pairs")

    attribute: Annotated[str, RANKED] = Field(
        description="The attribute to change; or a direction from elsewhere, by the name of its boundary."
    )
    measured_by: str | None = Field(
        None,
        description="The scored attribute by which the edit is measured, filtered and evaluated; `more` is more of it. `null`: the attribute itself. Must be given for a direction that has none of its own: `{attribute: sefa_all_1, measured_by: vegetation}`.",
    )
    direction: Annotated[Literal["more", "less"], RANKED] = Field("more", description="More of it or less.")
    distance: Literal["auto"] | Annotated[float, Field(gt=0)] = Field(
        "auto",
        description="Step along the normal, in units of W. `auto`: the smallest step whose effect reaches `target_effect`.",
    )
    absolute: bool = Field(
        False,
        description="`distance` is that from the boundary, to which each code is moved from wherever it lies (InterFaceGAN), not a step that is the same for all codes (HiGAN).",
    )
    target_effect: Annotated[float, Field(gt=0)] = Field(
        1.0,
        description="With `distance: auto`: the change of the attribute's own score to reach, in standard deviations of the score; the mean over images that may be sources of pairs (`pairs.keep.source`).",
    )
    level: Literal["auto"] | Level = Field(
        "all",
        description="Layers moved: HiGAN's levels by resolution (layout, objects, attributes, color), `all` (those that the boundary is for, if it names any), layers counted from 0, such as `0-7`, or `auto`: the one where re-scoring is strongest.",
    )
    condition_on: list[str] = Field([], description="Attributes to hold: the normal is made orthogonal to theirs.")
    also: Annotated[dict[str, float], Shapes("edit", "make_pairs")] = Field(
        {},
        description="Attributes that the same edit moves: how far along each one's normal for a step along its own, negative for less of it: `{attribute: natural_light, direction: less, also: {snow: 0.5}}`. On the same layers; these attributes may change by more than `pairs.keep.others`.",
    )
    pairs: Annotated[str | None, IS_PATH, Shapes("import_pairs", jobs=("make_pairs",))] = Field(
        None,
        description="A folder with train_A and train_B made elsewhere, checked and trained on as they are; none are synthesized: `{attribute: snow, pairs: my_pairs}`.",
    )

    @model_validator(mode="after")
    def _go_together(self) -> "EditSettings":
        if self.absolute and self.condition_on:
            raise ValueError(
                "absolute distances count from the boundary, which condition_on turns away: drop one of them"
            )
        if self.absolute and self.also:
            raise ValueError("absolute distances are along one normal: drop also, or absolute")
        if self.pairs and self.also:
            raise ValueError("pairs made elsewhere move what they move: drop also, or pairs")
        if twice := sorted({self.attribute, *self.condition_on} & self.also.keys()):
            raise ValueError(f"also names {', '.join(twice)}, which the edit moves or holds already")
        return self

    @property
    def measure(self) -> str:
        """The scored attribute that tells whether the edit works."""
        return self.measured_by or self.attribute


class EditsSettings(Section):
    """Which attributes become editors."""

    top: Annotated[Natural, Shapes("rank_attributes")] = Field(
        3,
        description="How many attributes become editors: those listed below, then the best of the ranking, with default edits.",
    )
    attributes: Annotated[list[EditSettings], RANKED] = Field([], description="Edits that go on whatever their rank.")

    @field_validator("attributes")
    @classmethod
    def _each_once(cls, edits: list[EditSettings]) -> list[EditSettings]:
        names = [edit.attribute for edit in edits]
        if repeated := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"attribute listed twice: {', '.join(repeated)}")
        return edits


class KeepSettings(Section):
    """Which pairs are kept: the predictor must agree with the edit (StyleGAN2 Distillation's filter)."""

    source: Share = Field(
        0.6,
        description="Sources must score below this quantile of the synthesized images, in the edit's attribute (mirrored for `less`).",
    )
    edited: Share = Field(0.6, description="Edited images must score above this quantile (mirrored for `less`).")
    effect: Annotated[float, Field(ge=0)] = Field(
        0.5, description="Least change of the attribute's own score, in standard deviations."
    )
    others: Annotated[float, Field(gt=0)] = Field(
        1.5, description="Largest change of any other attribute's score, in standard deviations."
    )


class PairsSettings(Section):
    """The synthesized pairs that a translator learns from."""

    shapes: ClassVar = Shapes("make_pairs")

    count: Positive = Field(1500, description="Pairs to keep. Published: 50,000.")
    candidates: Positive = Field(8, description="Most candidates tried for each pair wanted.")
    truncation_psi: Annotated[Share, Shapes("edit", "make_pairs")] = Field(
        0.7, description="Truncation ψ of both images."
    )
    keep: KeepSettings = Field(KeepSettings(), description="Thresholds of the filter.")
