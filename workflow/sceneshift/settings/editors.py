"""Editors that learn only from the rendered world."""

from typing import Annotated, ClassVar

from pydantic import Field

from sceneshift.runtime.section import Positive, Section, Shapes, Share

Labels = dict[str, Share]


class EditorSettings(Section):
    """An editor without photos and generator: it learns from rendered streets, each drawn twice. `snakemake editors` trains those listed. `{name: night, labels: {natural_light: 0.03}}`"""

    shapes: ClassVar = Shapes("render_pairs", jobs=("train_translator", "evaluate_editor"))

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")] = Field(description="The editor's name.")
    labels: Labels = Field(
        min_length=1,
        description="The labels of the edited street, from 0 to 1; all others stay as they are: natural_light, sunny, clouds, fog, rain, snow, season, vegetation, vertical_components.",
    )
    before: Labels = Field(
        {},
        description="Labels of the street before the edit, where it should not be a dry summer day: `{fog: 0.6}` for an editor that clears the air.",
    )
    count: Positive = Field(4000, description="Streets drawn, before and after.")
    images: Annotated[Positive | None, Shapes("train_translator")] = Field(
        None, description="Length of training, in pairs shown. `null`: translator.images."
    )
