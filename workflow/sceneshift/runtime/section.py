"""What the sections are made of: their base class, and the kinds of values."""

import re
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[int, Field(ge=1)]
PositiveNumber = Annotated[float, Field(gt=0)]
Precision = Literal["auto", "float32", "bfloat16"]
IMPORTED = "imported"  # generator.warm_start: what generator.import names


def _path_or_urls(value: Any) -> Any:
    urls = [value] if isinstance(value, str) and re.match("https?://", value) else value
    if isinstance(urls, str):
        return urls
    if not urls or not isinstance(urls, list):
        raise ValueError("must be a path, or a list of URLs of the same file")
    for url in urls:
        if not re.fullmatch(r"https?://[^#]+/[^/#]+(#sha256=[0-9a-f]{64})?", str(url)):
            raise ValueError(f"{url!r} is no http:// or https:// URL of a file, with or without #sha256=… behind it")
    return urls


IS_SOURCE = BeforeValidator(_path_or_urls)
IS_PATH = "a path"
Source = Annotated[str | list[str], IS_SOURCE]  # a path, or the URLs of mirrors to download from


def file_name(url: str) -> str:
    """`https://…/network.pth.tar?download=1#sha256=…` -> `network.pth.tar`."""
    return urlsplit(url).path.rsplit("/", 1)[-1]


class Section(BaseModel):
    """A part of the config: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    def sources(self) -> dict[str, str | list[str]]:
        """The keys that name a file or folder to read, by its path or by URLs, with their values."""
        fields = type(self).model_fields
        named = [name for name, field in fields.items() if IS_SOURCE in field.metadata or IS_PATH in field.metadata]
        return {name: getattr(self, name) for name in named if getattr(self, name) is not None}
