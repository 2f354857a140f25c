"""From what a user wrote to settings: validation, errors that name the key, and the canonical form."""

import difflib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.section import IMPORTED, Section
from sceneshift.runtime.shipped import located
from sceneshift.scoring.kinds import KINDS
from sceneshift.settings.config import Settings

S = TypeVar("S", bound=Section)


def load_settings(config: Mapping[str, Any], files: Iterable[Path | str] = (), below: str = "results/") -> Settings:
    """Validate a config. Raises SceneshiftError naming each bad key, the value found, and what is allowed.

    files: those that the config was read from. A key that stands twice in one is an error: YAML keeps only the last.
    Paths are relative to the working directory, but those that begin with `resources/` name what ships with the
    workflow. `warm_start: auto` is decided, and `imported` becomes the path of the run's imported generator; runs lie
    `below` a folder.
    """
    twice = [line for file in files for line in repeated_keys(Path(file))]
    settings = _validated(Settings, config, "config", twice)

    def found(path: str | None) -> str | None:
        if path == IMPORTED:
            return f"{below}{settings.run}/generator/imported.safetensors"
        return path and located(path)

    generator = settings.generator.started(settings.photos.source == "rendered", settings.photos.resolution)
    paths = {key: found(getattr(generator, key)) for key in ("import_", "warm_start")}
    generator = generator.model_copy(update=paths)
    return settings.model_copy(update={"generator": generator})


def read_config(path: Path | str) -> Settings:
    """The config in a file. Raises SceneshiftError as `load_settings`, and for a file that is no YAML."""
    import yaml  # Snakemake's

    try:
        config = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SceneshiftError(f"{path} is not a config in YAML: {error}.") from None
    return load_settings(config or {}, files=[path])


def parse(model: type[S] | Any, text: str | None, where: str = "--settings") -> S | Any:
    """A section, or the list of predictors, from the JSON of a command's option; None gives the defaults."""
    if not (isinstance(model, type) and issubclass(model, Section)):
        default = [predictor.model_dump() for predictor in Settings().predictors]
        predictors = _from_json(text, default, 'a list such as [{"kind": "heads"}]', where)
        return _validated(Settings, {"predictors": predictors}, where).predictors
    return _validated(model, _from_json(text, {}, 'an object such as {"count": 500}', where), where)


def _from_json(text: str | None, default: Any, expected: str, where: str) -> Any:
    try:
        return json.loads(text) if text else default
    except json.JSONDecodeError as error:
        raise SceneshiftError(f"{where} is not JSON: {error}. Expected {expected}.") from error


def canonical_json(section: Section | list[Section] | dict[str, Any]) -> str:
    """The same text for the same meaning: key order, number format and defaults left out do not matter."""
    return json.dumps(
        section, sort_keys=True, separators=(",", ":"), default=lambda part: part.model_dump(by_alias=True)
    )


def repeated_keys(file: Path) -> list[str]:
    """One line for each key that stands twice in a section of a YAML file.

    Raises SceneshiftError that names the file if it cannot be read, is no YAML, or holds no keys.
    """
    import yaml  # Snakemake's

    def walk(node: yaml.Node | None, before: str) -> Iterator[str]:
        if isinstance(node, yaml.SequenceNode):
            for number, item in enumerate(node.value):
                yield from walk(item, f"{before}{number}.")
        if isinstance(node, yaml.MappingNode):
            lines: dict[str, int] = {}
            for name, value in node.value:
                key, line = f"{before}{name.value}", name.start_mark.line + 1
                if key in lines:
                    yield f"{key}: given twice in {file}, in lines {lines[key]} and {line}; YAML would keep only the last, so join them"
                lines[key] = line
                yield from walk(value, f"{key}.")

    try:
        top = yaml.compose(file.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise SceneshiftError(f"The config file {file} cannot be read: {error}") from error
    if top is not None and not isinstance(top, yaml.MappingNode):
        raise SceneshiftError(
            f"The config file {file} holds no keys; expected sections such as `photos: {{count: 4000}}`."
        )
    return list(walk(top, ""))


def _validated(model: type[S], values: Any, where: str, more: Sequence[str] = ()) -> S:
    """The section; or one error with a line for each mistake in `values`, and the lines `more` of mistakes known before."""
    lines, section = [*more], None
    try:
        section = model.model_validate(values)
    except ValidationError as errors:
        lines += [_explain(model, error) for error in errors.errors()]
    if lines or section is None:
        raise SceneshiftError(f"The {where} is not valid:\n" + "\n".join(f"  {line}" for line in lines))
    return section


# pydantic puts the names of union branches into an error's path; a config key is what the user wrote
BRANCH = re.compile(rf"{'|'.join(KINDS)}|str|constrained-\w+|(literal|list|tuple|function-\w+)\[.*\]")


def _explain(model: type[Section], error: Mapping[str, Any]) -> str:
    """One line: key, value found, what is allowed; a near miss suggests the right key."""
    path = [part for part in error["loc"] if not (isinstance(part, str) and BRANCH.fullmatch(part))]
    key = ".".join(str(part) for part in path) or "(top level)"
    if error["type"] == "extra_forbidden":
        kinds = [part for part in error["loc"][:-1] if part in KINDS]
        known = list(KINDS[kinds[-1]].model_fields) if kinds else _keys_at(model, path[:-1])
        section, *inner = str(path[-1]).split(".")
        near = difflib.get_close_matches(section, known, n=1)
        if inner:
            return (
                f"{key}: unknown key; write `{section}: {{{'.'.join(inner)}: …}}`, that is, {inner[0]} below {section}"
            )
        hint = f"did you mean {near[0]}?" if near else f"known keys: {', '.join(known)}"
        return f"{key}: unknown key; {hint}"
    if error["type"] == "missing":
        return f"{key}: missing; it must be given"
    if error["type"] in ("model_type", "model_attributes_type"):
        return f"{key}: found {error['input']!r}; this is a section: write its keys below it, or leave it out"
    said = error["msg"].removeprefix("Value error, ")
    if error["type"] == "value_error" and isinstance(error["input"], Mapping):  # of keys that do not go together
        return f"{key}: {said}" if path else said
    return f"{key}: found {error['input']!r}; {said}{_hint(error)}"


def _hint(error: Mapping[str, Any]) -> str:
    """What to write instead, where YAML read something else than was meant."""
    value = error["input"]
    if str(value) in ("True", "False"):
        return ". YAML reads yes, no, on and off as true and false: put the word in quotes, write a number in digits"
    if error["type"] == "string_type" and isinstance(value, int | float):
        return f'. Put it in quotes: "{value}"'
    if error["type"] == "int_parsing" and re.fullmatch(r"[\d.]+e\+?\d+", str(value), re.I):
        return f". Write it out: {float(value):.0f}"
    return ""


def _keys_at(model: type[Section], path: list[Any]) -> list[str]:
    """The keys allowed in the section that `path` leads to."""
    for part in path:
        if isinstance(part, int):
            continue
        field = next(f for name, f in model.model_fields.items() if part in (name, f.alias))
        sections = sections_in(field.annotation)
        model = sections[0]
        if len(sections) > 1:  # predictors: any kind's keys
            return sorted({key for section in sections for key in section.model_fields})
    return [field.alias or name for name, field in model.model_fields.items()]


def sections_in(annotation: Any) -> list[type[Section]]:
    """The kinds of sections that a key of this type may hold, itself or in a list."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return [annotation]
    found = [s for argument in getattr(annotation, "__args__", ()) for s in sections_in(argument)]
    return found
