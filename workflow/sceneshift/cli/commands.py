"""From a stage's function to its command.

Parameters before `*` are arguments, the others options; those without a default must be given. The type says how a word
is read: a path, a number within bounds, one of a Literal's words, a section of the settings as JSON. `device`, `world`
and `shape` mean the same everywhere; `*words` takes all words that the command does not know. The docstring's lines
`name: …` are the help of the parameters; `… to write` there marks an output. What is there already is replaced only
with `--overwrite`; a stage with a parameter of that name looks after its OUT itself. Written here and not with a
library, because the commands' form is older than any that would make it, and because of `device` and `world`.
"""

import argparse
import ast
import importlib
import inspect
import json
import re
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from sceneshift.cli.devices import device_name, device_of, is_worker, train_in_processes
from sceneshift.cli.files import NamedFile, is_output
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.section import Natural, Section

STAGES = Path(__file__).parents[1] / "stages"
Function = Callable[..., Any]
Side = Annotated[int, Field(ge=1, le=4096)]  # in pixels: of 1,024 px, the widest photos are 4:1


@dataclass(frozen=True)
class Documentation:
    """A stage's docstring, taken apart."""

    summary: str
    text: str  # all but what follows
    parameters: dict[str, str]
    example: str


def stages() -> dict[str, str]:
    """Every stage and its one-line summary, read from the files without importing them."""
    found = {}
    for path in sorted(STAGES.glob("[a-z]*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        function = next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == path.stem)
        found[path.stem] = documentation(ast.get_docstring(function) or "").summary
    return found


def stage_function(stage: str) -> Function:
    """The function of a stage; imports its module."""
    return getattr(importlib.import_module(f"sceneshift.stages.{stage}"), stage)


def documentation(docstring: str) -> Documentation:
    """Summary, parameters (lines `name: …`, in the second paragraph), example (the last), and the rest."""
    summary, *paragraphs = inspect.cleandoc(docstring).split("\n\n")
    named = re.compile(r"^(\w+): ", re.M)
    parameters, example, rest = {}, "", []
    for place, paragraph in enumerate(paragraphs):
        if place == 0 and named.match(paragraph):
            parts = named.split(paragraph)[1:]
            parameters = {name: " ".join(text.split()) for name, text in zip(parts[::2], parts[1::2], strict=True)}
        elif paragraph.startswith("Example: "):
            example = " ".join(paragraph.removeprefix("Example: ").split())
        else:
            rest.append(paragraph)
    return Documentation(summary, "\n\n".join([summary, *rest]), parameters, example)


def add_arguments(command: argparse.ArgumentParser, function: Function) -> None:
    """Give a stage's arguments and help to its command."""
    described = documentation(function.__doc__ or "")
    if takes_further_words(function):
        command.usage = f"{command.prog} [words for Snakemake ...]"
        command.set_defaults(quiet=False)
    else:
        command.add_argument("-q", "--quiet", action="store_true", help="say nothing but errors")
    command.description = described.text
    example = textwrap.fill(
        f"{command.prog} {described.example}",
        118,
        initial_indent="  ",
        subsequent_indent="    ",
        break_on_hyphens=False,
        break_long_words=False,
    )
    command.epilog = f"example:\n{example}"
    for parameter in _parameters(function):
        name, kind = parameter.name, parameter.annotation
        what = described.parameters.get(name) or COMMON.get(name, "")
        if name == "device":
            command.add_argument("--device", type=device_name, default="auto", help=COMMON[name])
        elif name == "world":
            command.add_argument("--gpus", type=_within_bounds(Natural), metavar="N", help=COMMON[name])
        elif name == "shape":
            default = None if parameter.default is None else parameter.default[0]
            command.add_argument(
                "--resolution", type=_within_bounds(Side), default=default, help=f"height in pixels {what}"
            )
            command.add_argument(
                "--width", type=_within_bounds(Side), help="width in pixels, with --resolution (default: square)"
            )
        elif _is_json(kind):
            if section := _section(kind):
                command.epilog += (
                    f"\n\n{name.replace('_', '-')}, as JSON keys, with their defaults:\n{_defaults(section)}"
                )
            text = what or f"the {_section(kind).__name__.removesuffix('Settings').lower()} settings"
            required = name != "settings" and parameter.default is parameter.empty
            command.add_argument(
                f"--{name}", type=_json_text, metavar="JSON", required=required, help=f"{text}: JSON, or @FILE"
            )
        else:
            _add_word(command, parameter, what)
    if "overwrite" not in described.parameters and any(map(is_output, described.parameters.values())):
        command.add_argument("--overwrite", action="store_true", help="replace what is there")


def takes_further_words(function: Function) -> bool:
    """Whether a stage passes on words that are not its own (`*words`)."""
    parameters = inspect.signature(function).parameters.values()
    return any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters)


def call(function: Function, arguments: argparse.Namespace, words: Sequence[str], further: Sequence[str] = ()) -> None:
    """Run a stage with what was given, once its files are found to be usable; say what it wrote.

    words: the whole command line; further: those of its words that the stage passes on
    """
    given: dict[str, Any] = {}
    own = inspect.signature(function).parameters
    trains = "world" in own
    keeps = not getattr(arguments, "overwrite", True)  # a command without outputs has no such option
    files = list(_files(function, arguments))
    for file in files:
        file.check()
        if keeps and file.is_output and not (file.argument == "OUT" and "overwrite" in own):
            file.check_new()
    for parameter in _parameters(function):
        name, kind = parameter.name, parameter.annotation
        if name == "shape":
            if (shape := _shape(arguments)) is not None:
                given[name] = shape
        elif name in ("device", "world"):
            continue
        elif _is_json(kind):
            text = getattr(arguments, name)
            if text is not None or name == "settings":
                from sceneshift.settings import parse  # late: `status` needs neither it nor the NumPy that it loads

                given[name] = parse(_plain(kind), text, where=f"--{name}")
        elif (value := getattr(arguments, name)) is not None or parameter.kind is not parameter.KEYWORD_ONLY:
            given[name] = value

    if trains:
        settings = given["settings"]
        train_in_processes(
            words,
            arguments.device,
            arguments.gpus or 0,
            settings,
            lambda device, world: function(**given, device=device, world=world),
        )
    elif hasattr(arguments, "device"):
        function(**given, device=device_of(arguments.device))
    else:
        function(*further, **given)
    for file in files:
        if file.is_output and not (trains and is_worker()):
            print(f"Wrote {file.path}.", file=sys.stderr)


def _files(function: Function, arguments: argparse.Namespace) -> Iterator[NamedFile]:
    """What a stage was given to read and to write."""
    described = documentation(function.__doc__ or "").parameters
    for parameter in _parameters(function):
        kind = _plain(parameter.annotation)
        several = get_origin(kind) is not None and _plain((*get_args(kind), None)[0]) is Path
        if kind is Path or several:
            option = parameter.kind is parameter.KEYWORD_ONLY
            called = f"--{parameter.name.replace('_', '-')}" if option else parameter.name.upper()
            value = getattr(arguments, parameter.name)
            for path in value or () if several else [value] if value is not None else []:
                yield NamedFile(called, Path(path), described.get(parameter.name, ""))


COMMON = {
    "device": "auto, cpu, cuda, cuda:1 or mps (default: auto, a GPU if there is one)",
    "world": "GPUs that share each batch (default, and for 0: the settings'); "
    "with --device cpu: processes (default: one a thread)",
    "seed": "every random draw follows from it",
}


def _parameters(function: Function) -> list[inspect.Parameter]:
    """A stage's own parameters: without `*words`."""
    every = inspect.signature(function, eval_str=True).parameters.values()
    return [parameter for parameter in every if parameter.kind is not parameter.VAR_POSITIONAL]


def _add_word(command: argparse.ArgumentParser, parameter: inspect.Parameter, what: str) -> None:
    """An argument or option that is a word, or several."""
    kind, default = _plain(parameter.annotation), parameter.default
    option = parameter.kind is parameter.KEYWORD_ONLY
    more: dict[str, Any] = {"help": what}
    if kind is bool:
        more["action"] = argparse.BooleanOptionalAction if default else "store_true"
    elif get_origin(kind) is Literal:
        more["choices"] = get_args(kind)
    elif get_origin(kind) is not None:  # a sequence
        more |= {"nargs": "*" if default == () else "+", "type": _within_bounds(get_args(kind)[0])}
    else:
        more["type"] = _within_bounds(parameter.annotation)
    if option:
        more |= {"default": None if default is parameter.empty else default, "required": default is parameter.empty}
        if default not in (None, parameter.empty, False, True, ()):
            shown = " ".join(f"{value:g}" for value in default) if isinstance(default, tuple) else default
            more["help"] += f" (default: {shown})"
        command.add_argument(f"--{parameter.name.replace('_', '-')}", **more)
    else:
        if NoneType in get_args(parameter.annotation) or default is not parameter.empty:
            more |= {"nargs": "?", "default": None if default is parameter.empty else default}
        if kind is str and "choices" not in more and "nargs" not in more:
            more.pop("type")
        command.add_argument(parameter.name, **more)


def _plain(kind: Any) -> Any:
    """The type that a word becomes: `Path | str | None` is a path, `X | None` an X, and so is `Annotated[X, …]`."""
    if get_origin(kind) in (Union, UnionType):
        kinds = [one for one in get_args(kind) if one is not NoneType]
        return Path if Path in kinds else _plain(kinds[0])
    return get_args(kind)[0] if get_origin(kind) is Annotated else kind


def _within_bounds(kind: Any) -> Callable[[str], Any]:
    """How a word becomes a value of this type: pydantic knows the bounds of an `Annotated` one; numbers are finite."""
    plain = _plain(kind)
    if get_origin(kind) in (Union, UnionType):
        kind = next(one for one in get_args(kind) if one is not NoneType)
    if get_origin(kind) is not Annotated and plain not in (int, float):
        return plain
    adapter = TypeAdapter(kind, config=ConfigDict(allow_inf_nan=False))

    def read(word: str) -> Any:
        try:
            value = adapter.validate_strings(word)
        except ValidationError as error:
            raise argparse.ArgumentTypeError(f"found {word!r}; {error.errors()[0]['msg']}") from None
        if plain is int and abs(value) >= 2**63:  # files hold 64 bits
            raise argparse.ArgumentTypeError(f"found {word!r}; Input should be less than 2^63")
        return value

    return read


def _section(kind: Any) -> type[Section] | None:
    plain = _plain(kind)
    return plain if isinstance(plain, type) and issubclass(plain, Section) else None


def _is_json(kind: Any) -> bool:
    return _section(kind) is not None or get_origin(_plain(kind)) is list


def _json_text(value: str) -> str:
    if not value.startswith("@"):
        return value
    try:
        return Path(value[1:]).read_text(encoding="utf-8")
    except OSError as error:
        raise argparse.ArgumentTypeError(f"cannot read {value[1:]}: {error.strerror}") from error


def _defaults(section: type[Section]) -> str:
    lines = []
    for name, field in section.model_fields.items():
        default = "required" if field.is_required() else field.get_default()
        shown = default.model_dump(by_alias=True) if isinstance(default, Section) else default
        text = shown if field.is_required() else json.dumps(shown, default=Section.model_dump)
        lines.append(f"  {field.alias or name} ({text}): {field.description}")
    return "\n".join(lines)


def _shape(arguments: argparse.Namespace) -> tuple[int, int] | None:
    """Height and width by `--resolution` and `--width`; None if neither is given."""
    if arguments.resolution is None:
        if arguments.width is not None:
            raise SceneshiftError("--width is given without --resolution, the height: give both.")
        return None
    return arguments.resolution, arguments.resolution if arguments.width is None else arguments.width
