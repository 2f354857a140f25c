"""What commands share: their help, and options that mean the same everywhere."""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sceneshift import settings
from sceneshift.runtime.errors import SceneshiftError


class Command:
    """A command's parser, with the options that commands share."""

    def __init__(
        self, commands: Any, name: str, what: str, example: str, section: type[settings.Section] | None = None
    ) -> None:
        epilog = f"example:\n  sceneshift {name} {example}"
        if section:
            epilog += f"\n\nsettings, as JSON keys, with their defaults:\n{_defaults(section)}"
        self.parser = commands.add_parser(
            name, help=what, description=what, epilog=epilog, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        self.argument = self.parser.add_argument
        if section:
            self.settings("--settings", f"the {section.__name__.removesuffix('Settings').lower()} settings")

    def settings(self, option: str, what: str, required: bool = False) -> None:
        """An option that takes JSON."""
        self.argument(option, type=_json_text, metavar="JSON", required=required, help=f"{what}: JSON, or @FILE")

    def device(self) -> None:
        """`--device`."""
        self.argument(
            "--device", default="auto", help="auto, cpu, cuda or cuda:1 (default: auto, a GPU if there is one)"
        )

    def seed(self) -> None:
        """`--seed`."""
        self.argument("--seed", type=int, default=0, help="every random draw follows from it (default: 0)")

    def shape(self, what: str, default: int | None = None) -> None:
        """`--resolution` and `--width`; read them with `shape_of`."""
        self.argument("--resolution", type=int, default=default, help=f"height in pixels {what}")
        self.argument("--width", type=int, help="width in pixels, with --resolution (default: square)")

    def path(self, name: str, what: str, required: bool = True, **more: Any) -> None:
        """An argument or option that is a path."""
        if name.startswith("-"):
            more["required"] = required
        elif not required:
            more["nargs"] = "?"
        self.argument(name, type=Path, help=what, **more)

    def runs(self, run: Callable[[argparse.Namespace], None]) -> None:
        """What the command does."""
        self.parser.set_defaults(run=run)


def _json_text(value: str) -> str:
    if not value.startswith("@"):
        return value
    try:
        return Path(value[1:]).read_text(encoding="utf-8")
    except OSError as error:
        raise argparse.ArgumentTypeError(f"cannot read {value[1:]}: {error.strerror}") from error


def _defaults(section: type[settings.Section]) -> str:
    lines = []
    for name, field in section.model_fields.items():
        default = "required" if field.is_required() else field.get_default()
        shown = default.model_dump(by_alias=True) if isinstance(default, settings.Section) else default
        text = shown if field.is_required() else json.dumps(shown)
        lines.append(f"  {field.alias or name} ({text}): {field.description}")
    return "\n".join(lines)


def shape_of(args: argparse.Namespace) -> tuple[int, int] | None:
    """Height and width by `--resolution` and `--width`; None if neither is given."""
    if args.resolution is None:
        if args.width is not None:
            raise SceneshiftError("--width is given without --resolution, the height: give both.")
        return None
    return args.resolution, args.resolution if args.width is None else args.width


def device_of(name: str) -> Any:
    """The torch device of `--device`; `auto` waits for a GPU of its own where there are GPUs."""
    from sceneshift.runtime.devices import pick_device
    from sceneshift.runtime.gpu_slots import take_gpus

    if name == "auto":
        take_gpus()
    return pick_device(name)
