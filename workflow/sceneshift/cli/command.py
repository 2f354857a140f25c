"""What commands share: their help, and options that mean the same everywhere."""

import argparse
import json
import sys
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

    def gpus(self) -> None:
        """`--gpus`."""
        self.argument(
            "--gpus", type=int,
            help="GPUs that share each batch (default: the settings'); with --device cpu so many processes",
        )  # fmt: skip

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


def train_on_gpus(
    arguments: argparse.Namespace, gpus: int, batch: int, group: int, train: Callable[[Any, Any], None]
) -> None:
    """Call `train(device, world)` in one process a GPU, each started with these arguments; alone: here.

    gpus: how many unless `--gpus` says so; fewer are used if there are not so many, or if the batch does not split
    into parts of a multiple of `group` images.
    """
    import torch

    from sceneshift.runtime import distributed
    from sceneshift.runtime.devices import pick_device
    from sceneshift.runtime.gpu_slots import take_gpus, visible_gpus

    if distributed.is_worker():
        world, device = distributed.join(arguments.device)
        train(device, world)
        distributed.leave()
        return
    wanted = arguments.gpus or gpus
    there = {"auto": len(visible_gpus()), "cpu": wanted}.get(arguments.device, 1)
    count = max((n for n in range(1, min(wanted, there) + 1) if batch % (n * group) == 0), default=1)
    if there > 0 and count < wanted:
        print(f"{wanted} GPUs wanted, {there} here: training on {count}.", file=sys.stderr)
    if arguments.device == "auto":
        take_gpus(count)
    if count > 1 and (arguments.device == "cpu" or torch.cuda.is_available()):
        distributed.launch(arguments.words, count)
    else:
        train(pick_device(arguments.device), distributed.ALONE)


def device_of(name: str) -> Any:
    """The torch device of `--device`; `auto` waits for a GPU of its own where there are GPUs."""
    from sceneshift.runtime.devices import pick_device
    from sceneshift.runtime.gpu_slots import take_gpus

    if name == "auto":
        take_gpus()
    return pick_device(name)
