"""Commands that judge translators on real photos."""

import argparse
from typing import Any

from sceneshift import settings
from sceneshift.cli.command import Command, device_of, shape_of


def add_fit_judge(commands: Any) -> None:
    """`sceneshift fit-judge`."""
    command = Command(
        commands, "fit-judge", "Fit the judge of rendered streets, which only the evaluation uses.",
        "judge.safetensors --resolution 64",
    )  # fmt: skip
    command.path("out", "judge to write (.safetensors)")
    command.shape("of the streets to judge (default: 64)", default=64)
    command.seed()
    command.device()

    def run(args: argparse.Namespace) -> None:
        from sceneshift.evaluation.judge_training import fit_judge

        fit_judge(shape_of(args), args.out, seed=args.seed, device=device_of(args.device))

    command.runs(run)


def add_evaluate_translator(commands: Any) -> None:
    """`sceneshift evaluate-translator`."""
    command = Command(
        commands, "evaluate-translator", "On held-out photos: did the attribute move, and did the rest stay?",
        "translator.safetensors photos.h5 vegetation.csv --predictor predictor.safetensors --edit edit.json",
        settings.EvaluationSettings,
    )  # fmt: skip
    command.path("translator", "translator (.safetensors)")
    command.path("photos", "photo store (.h5), of which the held-out photos are taken")
    command.path("out", "table to write (.csv)")
    command.path("--predictor", "predictor (.safetensors)")
    command.path("--edit", "edit.json of the pairs: which attribute, which direction")
    command.path("--judge", "judge of rendered streets (.safetensors)", required=False)
    command.argument("--strength", type=float, default=1.0, help="of the edit (default: 1)")
    command.seed()
    command.device()

    def run(args: argparse.Namespace) -> None:
        from sceneshift.evaluation.translators import evaluate_translator

        chosen = settings.parse_section(settings.EvaluationSettings, args.settings)
        evaluate_translator(
            args.translator, args.photos, args.predictor, args.edit, args.judge, args.out, chosen,
            strength=args.strength, seed=args.seed, device=device_of(args.device),
        )  # fmt: skip

    command.runs(run)
