"""What the sections are made of: their base class, and the kinds of values."""

import os
import re
from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Literal, get_args
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

Share = Annotated[float, Field(ge=0, le=1)]
Natural = Annotated[int, Field(ge=0)]
Positive = Annotated[int, Field(ge=1)]
PositiveNumber = Annotated[float, Field(gt=0)]
Precision = Literal["auto", "float32", "bfloat16"]
IMPORTED = "imported"  # generator.warm_start: what generator.import names


def _local(path: str | None) -> str | None:
    """`~` is the home folder; what begins with a dash would be an option to the commands."""
    path = path and os.path.expanduser(path)
    return f"./{path}" if path and path.startswith("-") else path


def _path_or_urls(value: Any) -> Any:
    urls = [value] if isinstance(value, str) and re.match("https?://", value) else value
    if isinstance(urls, str):
        return _local(urls)
    if not urls or not isinstance(urls, list):
        raise ValueError("must be a path, or a list of URLs of the same file")
    for url in urls:
        if not re.fullmatch(r"https?://[^#]+/[^/#]+(#sha256=[0-9a-f]{64})?", str(url)):
            raise ValueError(
                f"{url!r} is not an http:// or https:// URL of a file, with or without #sha256=… behind it"
            )
    return urls


IS_SOURCE = BeforeValidator(_path_or_urls)
IS_PATH = AfterValidator(_local)
Source = Annotated[str | list[str], IS_SOURCE]  # a path, or the URLs of mirrors to download from


def file_name(url: str) -> str:
    """`https://…/network.pth.tar?download=1#sha256=…` -> `network.pth.tar`."""
    return urlsplit(url).path.rsplit("/", 1)[-1]


class Shapes:
    """What changes with the value of a key: a mark in its type, `Annotated[Positive, Shapes("make_pairs")]`.

    rules: the rules whose results it shapes; none: a change reruns nothing
    jobs: the rules of which it decides what jobs there are and which files they read
    told: the rules whose files only note it, which is no reason to make them again
    resumes: a training goes on from a snapshot that was made with another value
    """

    def __init__(
        self, *rules: str, jobs: tuple[str, ...] = (), told: tuple[str, ...] = (), resumes: bool = False
    ) -> None:
        self.rules, self.jobs, self.told, self.resumes = rules, jobs, told, resumes
        self.reruns = rules + jobs


class Section(BaseModel):
    """A part of the config: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, allow_inf_nan=False)
    shapes: ClassVar[Shapes | None] = None  # for the keys without a mark of their own

    @model_validator(mode="before")
    @classmethod
    def _true_is_no_number(cls, values: Any) -> Any:
        """YAML reads `on` as true, which pydantic would take for 1."""
        if not isinstance(values, dict):
            return values
        kinds = {name: field.annotation for name, field in cls.model_fields.items()}
        meant = {
            name for name, kind in kinds.items() if bool in (kind, *get_args(kind)) or str in (kind, *get_args(kind))
        }
        wrong = {key for key, value in values.items() if isinstance(value, bool) and key in kinds.keys() - meant}
        return values | {key: str(values[key]) for key in wrong}

    @classmethod
    def shapes_of(cls, name: str) -> Shapes | None:
        """The mark of a field, or the section's; None if the enclosing section's holds."""
        return next((mark for mark in cls.model_fields[name].metadata if isinstance(mark, Shapes)), cls.shapes)

    def shaping(self, rule: str) -> dict[str, Any]:
        """The keys that shape the result of `rule`, with their values: what a rerun depends on."""
        return self._dump(lambda mark: rule in mark.rules)

    def shaping_snapshots(self, rule: str) -> dict[str, Any]:
        """As `shaping`, without the keys whose change leaves a training's snapshots usable."""
        return self._dump(lambda mark: rule in mark.rules and not mark.resumes)

    def taken_by(self, rule: str) -> dict[str, Any]:
        """As `shaping`, with the files that it reads and the keys that shape nothing: all that its command is told."""
        return self._dump(lambda mark: rule in mark.reruns + mark.told or not mark.reruns)

    def _dump(self, wanted: Callable[[Shapes], bool]) -> dict[str, Any]:
        marks = {name: self.shapes_of(name) for name in type(self).model_fields}
        return self.model_dump(by_alias=True, include={name for name, mark in marks.items() if mark and wanted(mark)})

    def sources(self) -> dict[str, str | list[str]]:
        """The keys that name a file or folder to read, by its path or by URLs, with their values."""
        fields = type(self).model_fields
        named = [name for name, field in fields.items() if IS_SOURCE in field.metadata or IS_PATH in field.metadata]
        return {name: getattr(self, name) for name in named if getattr(self, name) is not None}
