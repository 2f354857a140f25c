"""`sceneshift COMMAND`: one command a stage, made from the stage's signature and docstring."""

import argparse
import sys
from collections.abc import Sequence

import sceneshift
from sceneshift.cli.commands import add_arguments, call, stage_function, stages
from sceneshift.runtime.errors import SceneshiftError, explanation
from sceneshift.runtime.interruption import EXIT_CODE, Interrupted
from sceneshift.runtime.memory import keep_freed_memory

DESCRIPTION = """\
Turn a folder of scene photos into photo editors, without paired photos.

Each command is one stage of the workflow and is useful alone; in this order they make an editor:
  prepare-photos, train-generator, fit-predictor, synthesize, fit-boundary, make-pairs, train-translator, translate
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command. Returns the exit code: 0, 1 with `error: …` on stderr, or 143 when asked to stop."""
    words = sys.argv[1:] if argv is None else list(argv)
    try:
        arguments = build_parser(words).parse_args(words)
        keep_freed_memory()
        call(stage_function(arguments.stage), arguments, words)
    except SceneshiftError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except Interrupted as interruption:
        print(f"interrupted: {interruption}", file=sys.stderr)
        return EXIT_CODE
    except Exception as error:
        if (reason := explanation(error)) is None:
            raise
        about = getattr(error, "filename", None)
        print(f"error: {f'{about}: ' if about else ''}{reason}, then run again.", file=sys.stderr)
        return 1
    return 0


def build_parser(words: Sequence[str]) -> argparse.ArgumentParser:
    """The command line: every command by name, with the arguments of those among `words`.

    To know a command's arguments its stage is imported, with all that it needs: done for the one asked for.
    """
    parser = argparse.ArgumentParser(
        "sceneshift", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--version", action="version", version=f"sceneshift {sceneshift.__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True, title="commands")
    for stage, summary in stages().items():
        name = stage.replace("_", "-")
        command = commands.add_parser(name, help=summary, formatter_class=argparse.RawDescriptionHelpFormatter)
        command.set_defaults(stage=stage)
        if name in words:
            add_arguments(command, stage_function(stage))
    return parser
