"""`sceneshift COMMAND`: one command per stage, made from the stage's signature and docstring."""

import argparse
import contextlib
import difflib
import os
import sys
from collections.abc import Sequence

import sceneshift
from sceneshift.cli.commands import add_arguments, call, stage_function, stages, takes_further_words
from sceneshift.runtime.errors import SceneshiftError, explanation
from sceneshift.runtime.interruption import EXIT_CODE, Interrupted
from sceneshift.runtime.memory import keep_freed_memory

WAY = [
    "prepare-photos",
    "train-generator",
    "fit-predictor",
    "synthesize",
    "fit-boundary",
    "make-pairs",
    "train-translator",
    "translate",
]
DESCRIPTION = f"""\
Turn a folder of scene photos into photo editors, without paired photos.

Each command is one stage of the workflow and is useful alone; the first {len(WAY)}, in this order, make an editor.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command. Returns the exit code: 0, 1 with `error: …` on stderr, or 128 and its
    number where a signal stopped it."""
    words = sys.argv[1:] if argv is None else list(argv)
    try:
        parser = build_parser(words)
        arguments, further = parser.parse_known_args(words)
        if further and not takes_further_words(stage_function(arguments.stage)):
            parser.error(f"unrecognized arguments: {' '.join(further)}")
        keep_freed_memory()
        with contextlib.ExitStack() as silence:
            if arguments.quiet:
                nowhere = silence.enter_context(open(os.devnull, "w"))
                silence.enter_context(contextlib.redirect_stdout(nowhere))
                silence.enter_context(contextlib.redirect_stderr(nowhere))
            call(stage_function(arguments.stage), arguments, words, further)
        sys.stdout.flush()
    except SceneshiftError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except Interrupted as interruption:
        print(f"interrupted: {interruption}", file=sys.stderr)
        return EXIT_CODE
    except KeyboardInterrupt:
        print("interrupted: by Ctrl-C", file=sys.stderr)
        return 130  # 128 + SIGINT, as a shell reports it
    except BrokenPipeError:  # `sceneshift editors | head -1`: nobody reads on
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141  # 128 + SIGPIPE
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
    named = {stage.replace("_", "-"): (stage, summary) for stage, summary in stages().items()}
    wanted = next((word for word in words if not word.startswith("-")), None)
    if wanted and wanted not in named:
        near = difflib.get_close_matches(wanted, named, n=3)
        hint = f"did you mean {' or '.join(near)}?" if near else "`sceneshift --help` lists them all."
        parser.error(f"there is no command {wanted!r}: {hint}")
    for name in sorted(named, key=lambda name: (WAY.index(name) if name in WAY else len(WAY), name)):
        stage, summary = named[name]
        command = commands.add_parser(name, help=summary, formatter_class=argparse.RawDescriptionHelpFormatter)
        command.set_defaults(stage=stage)
        if name == wanted:
            add_arguments(command, stage_function(stage))
    return parser
