"""A pairwise study: what people say of edits."""

from typing import Annotated, ClassVar

from pydantic import Field, field_validator

from sceneshift.runtime.section import Natural, Positive, Section, Shapes

Dose = Annotated[float, Field(ge=0, le=3)]


class StudySettings(Section):
    """A pairwise study of a run's editors (`sceneshift study`); no rule runs it."""

    shapes: ClassVar = Shapes()

    questions: Annotated[list[str], Field(min_length=1)] = Field(
        ["Which looks safer?"], description="Asked of each pair of pictures."
    )
    doses: Annotated[list[Dose], Field(min_length=2)] = Field(
        [0.0, 1.0], description="Strengths compared with each other on the same photo; 0 is the unedited photo."
    )
    photos: Positive = Field(20, description="Photos shown, drawn by the seed.")
    lists: Annotated[int, Field(ge=1, le=10_000)] = Field(
        30, description="Assignments made, one a rater; every pair stands in equally many of them, give or take one."
    )
    pairs: Positive = Field(30, description="Pairs that a rater sees.")
    checks: Natural = Field(2, description="Attention checks among them: pairs that say which side to choose.")
    equal: bool = Field(True, description="Whether raters may say that both are equal.")
    send_to: str | None = Field(
        None,
        description="A URL of your own (https://…) to which the page posts a rater's table (CSV, as text/plain); it must answer with `Access-Control-Allow-Origin: *`. `null`: raters save it on their machine and hand it over.",
    )

    @field_validator("doses", "questions")
    @classmethod
    def _each_once(cls, values: list) -> list:
        if len(set(values)) < len(values):
            raise ValueError(f"listed twice: {values}")
        return values

    @field_validator("send_to")
    @classmethod
    def _is_url(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("https://", "http://localhost", "http://127.0.0.1")):
            raise ValueError("must be an https:// address")
        return value
