"""`sceneshift COMMAND`: one command a stage. They parse and call, nothing else; stages are imported when run."""

import argparse
import sys
from collections.abc import Sequence

import sceneshift
from sceneshift.cli import directions, evaluation, generator, latents, photos, report, scoring, status, translator
from sceneshift.runtime.errors import SceneshiftError
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
    arguments = build_parser().parse_args(words, argparse.Namespace(words=words))
    keep_freed_memory()
    try:
        arguments.run(arguments)
    except SceneshiftError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except Interrupted as interruption:
        print(f"interrupted: {interruption}", file=sys.stderr)
        return EXIT_CODE
    return 0


def build_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    parser = argparse.ArgumentParser(
        "sceneshift", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--version", action="version", version=f"sceneshift {sceneshift.__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True, title="commands")
    for add in (
        photos.add_prepare_photos,
        generator.add_train_generator,
        generator.add_import_generator,
        generator.add_export_generator,
        scoring.add_fetch,
        scoring.add_fit_predictor,
        latents.add_synthesize,
        latents.add_index_synthesis,
        scoring.add_score,
        latents.add_fit_boundary,
        directions.add_import_boundary,
        directions.add_export_boundary,
        directions.add_factorize_generator,
        latents.add_rescore_boundary,
        latents.add_rank_attributes,
        latents.add_edit,
        translator.add_make_pairs,
        translator.add_import_pairs,
        translator.add_train_translator,
        translator.add_translate,
        translator.add_import_translator,
        translator.add_export_translator,
        evaluation.add_fit_judge,
        evaluation.add_evaluate_translator,
        report.add_report,
        status.add_status,
    ):
        add(commands)
    return parser
