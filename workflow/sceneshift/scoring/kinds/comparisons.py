"""Predictor of kind `comparisons`: heads that learn from pairwise votes, as Place Pulse collects them."""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from sceneshift.attributes.names import as_attribute, chosen
from sceneshift.attributes.votes import questions_in
from sceneshift.runtime.section import IS_PATH, Share
from sceneshift.scoring.kind import FittedHeads

if TYPE_CHECKING:
    from sceneshift.scoring.labels import LabelledPhotos
    from sceneshift.scoring.learning import Material


class ComparisonsPredictor(FittedHeads):
    """Human perception as in Place Pulse: heads as of `kind: heads`, fitted to Bradley–Terry scores of pairwise votes. One attribute per question."""

    kind: Literal["comparisons"]
    votes: Annotated[str, IS_PATH] = Field(
        description="A CSV with one vote per row and the columns question (or study_question, category), left, right (or left_id, right_id) and winner (or choice): left, right or equal. Place Pulse's own file will do. left and right are photos' paths below the folder, or their file names with or without the extension."
    )
    photos: Annotated[str | None, IS_PATH] = Field(
        None, description="The folder of the photos voted on. `null`: the photos of the run."
    )
    attributes: Literal["all"] | list[str] = Field(
        "all", description="`all` questions, or a list of those to learn; spaces become underscores."
    )
    max_missing: Share = Field(
        0.05,
        description="More than this share of votes that cannot be used is an error: on photos that are not there, on a photo against itself, without a winner.",
    )

    def attribute_names(self, photos: str | None = None) -> list[str]:
        asked = sorted({as_attribute(question) for question in questions_in(self.votes)})
        return chosen(self.attributes, asked, self.votes)

    def labelled(self, material: "Material") -> "LabelledPhotos":
        return material.compared(self)
