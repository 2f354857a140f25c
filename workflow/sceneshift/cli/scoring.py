"""Commands that make attribute predictors and score images with them."""

import argparse
from typing import Any

from sceneshift import settings
from sceneshift.cli.command import Command, device_of, shape_of


def add_fit_predictor(commands: Any) -> None:
    """`sceneshift fit-predictor`."""
    command = Command(
        commands, "fit-predictor", "Learn attribute predictors from labelled photos, several in one file.",
        """photos.h5 predictor.safetensors --settings '[{"kind": "heads", "labels": "labels.csv"}]'""",
    )  # fmt: skip
    command.path(
        "labels",
        "photo store (.h5), CSV (file, then a column an attribute) or folder with one a class; heads need one",
        required=False,
    )
    command.path("out", "predictor to write (.safetensors)")
    command.path("--accuracy", "held-out accuracy of each head (default: accuracy.csv beside OUT)", required=False)
    command.shape("of the images to be scored (default: the store's)")
    command.settings("--settings", "list of predictors, each with its `kind`; heads if not given")
    command.seed()
    command.device()

    def run(args: argparse.Namespace) -> None:
        from sceneshift.scoring.fitting import fit_predictor

        fit_predictor(
            settings.parse_predictors(args.settings), args.labels, args.out,
            args.accuracy or args.out.with_name("accuracy.csv"), seed=args.seed, shape=shape_of(args),
            device=device_of(args.device),
        )  # fmt: skip

    command.runs(run)


def add_fetch(commands: Any) -> None:
    """`sceneshift fetch`."""
    command = Command(
        commands, "fetch", "Download a file that others publish: several mirrors, resumed when cut, checked.",
        "weights/wideresnet18_places365.pth.tar"
        " http://places2.csail.mit.edu/models_places365/wideresnet18_places365.pth.tar",
    )  # fmt: skip
    command.path("out", "file to write")
    command.argument("urls", nargs="+", metavar="URL", help="mirrors, tried in turn; #sha256=… behind one is checked")

    def run(args: argparse.Namespace) -> None:
        from sceneshift.runtime.downloads import fetch

        fetch(args.urls, args.out)

    command.runs(run)


def add_score(commands: Any) -> None:
    """`sceneshift score`."""
    command = Command(commands, "score", "Score images with a predictor.", "predictor.safetensors my_photos scores.csv")
    command.path("predictor", "predictor (.safetensors)")
    command.path("images", "image, folder or photo store (.h5)")
    command.path("out", "table to write (.csv): file, then one column an attribute")
    command.device()

    def run(args: argparse.Namespace) -> None:
        from sceneshift.scoring.tables import score_images

        score_images(args.predictor, args.images, args.out, device=device_of(args.device))

    command.runs(run)
