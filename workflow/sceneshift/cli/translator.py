"""Commands that make and use translators."""

import argparse
import json
import math
from typing import Any

from sceneshift import settings
from sceneshift.cli.command import Command, device_of, train_on_gpus


def add_make_pairs(commands: Any) -> None:
    """`sceneshift make-pairs`."""
    command = Command(
        commands, "make-pairs", "Synthesise pairs before and after an edit; keep those where the predictor agrees.",
        "generator.safetensors vegetation.npz pairs/vegetation --predictor predictor.safetensors"
        " --store synthesis.h5 --rescoring vegetation.csv",
        settings.PairsSettings,
    )  # fmt: skip
    command.path("generator", "generator (.safetensors)")
    command.path("boundary", "boundary (.npz)")
    command.path("out", "folder to write: train_A, train_B, pairs.csv, edit.json")
    command.path("--predictor", "predictor (.safetensors)")
    command.path("--store", "the synthesised set (.h5), whose quantiles and spread the filter uses")
    command.path(
        "--rescoring", "table of rescore-boundary, for level `auto` and directions without an attribute", required=False
    )
    command.path("--condition", "boundaries of attributes to hold", required=False, nargs="*", default=[])
    command.settings(
        "--edit", "the edit (attribute, direction, distance, …; default: more of the boundary's attribute)"
    )
    command.seed()
    command.device()

    def run(args: argparse.Namespace) -> None:
        from sceneshift.latents.boundaries import load_boundary
        from sceneshift.translator.pairs import make_pairs

        edit = args.edit or json.dumps({"attribute": load_boundary(args.boundary).attribute})
        make_pairs(
            args.generator, args.boundary, args.condition, args.predictor, args.store, args.rescoring, args.out,
            settings.parse_section(settings.EditSettings, edit),
            settings.parse_section(settings.PairsSettings, args.settings),
            seed=args.seed, device=device_of(args.device),
        )  # fmt: skip

    command.runs(run)


def add_import_pairs(commands: Any) -> None:
    """`sceneshift import-pairs`."""
    command = Command(
        commands, "import-pairs", "Check pairs made elsewhere and take them over as they are, for the workflow.",
        """my_pairs pairs/snow --edit '{"attribute": "snow"}'""",
    )  # fmt: skip
    command.path("folder", "folder with train_A and train_B: pictures of the same names and one size")
    command.path("out", "folder to write: train_A, train_B, pairs.csv, edit.json")
    command.settings("--edit", "the edit (attribute, direction, measured_by)", required=True)

    def run(args: argparse.Namespace) -> None:
        from sceneshift.translator.imported_pairs import import_pairs

        import_pairs(args.folder, args.out, settings.parse_section(settings.EditSettings, args.edit))

    command.runs(run)


def add_train_translator(commands: Any) -> None:
    """`sceneshift train-translator`."""
    command = Command(
        commands, "train-translator", "Train pix2pixHD on pairs. Killed and started again, it goes on.",
        "pairs/vegetation translators/vegetation/translator.safetensors", settings.TranslatorSettings,
    )  # fmt: skip
    command.path("pairs", "folder with train_A and train_B")
    command.path("out", "translator to write (.safetensors); history, samples and snapshots go to training/ beside it")
    command.seed()
    command.device()
    command.gpus()

    def run(args: argparse.Namespace) -> None:
        from sceneshift.translator.training import train_translator

        chosen = settings.parse_section(settings.TranslatorSettings, args.settings)

        def train(device: Any, world: Any) -> None:
            train_translator(args.pairs, args.out, chosen, seed=args.seed, device=device, world=world)

        train_on_gpus(args, chosen.gpus, math.gcd(chosen.batch, chosen.images), 1, train)

    command.runs(run)


def add_translate(commands: Any) -> None:
    """`sceneshift translate`."""
    command = Command(
        commands, "translate", "Edit real photos of any size.",
        "translator.safetensors my_photos edited --strength 0.7",
    )  # fmt: skip
    command.path("translator", "translator (.safetensors)")
    command.path("photos", "image, folder, or photo store (.h5), of which the held-out photos are taken")
    command.path("out", "folder to write")
    command.argument("--strength", type=float, default=1.0, help="0 leaves the photo, 1 is as trained (default: 1)")
    command.argument(
        "--masks", action="store_true", help="also write OUT/masks: where each photo was changed (edit head)"
    )
    command.device()

    def run(args: argparse.Namespace) -> None:
        from sceneshift.translator.photo_folders import translate

        translate(
            args.translator, args.photos, args.out, strength=args.strength, device=device_of(args.device),
            masks=args.masks,
        )  # fmt: skip

    command.runs(run)


def add_import_translator(commands: Any) -> None:
    """`sceneshift import-translator`."""
    command = Command(
        commands, "import-translator", "Take over a generator of pix2pixHD, global or local, that takes photos.",
        "latest_net_G.pth translator.safetensors",
    )  # fmt: skip
    command.path("checkpoint", "pix2pixHD's latest_net_G.pth")
    command.path("out", "translator to write (.safetensors)")

    def run(args: argparse.Namespace) -> None:
        from sceneshift.translator.pix2pixhd import import_translator

        import_translator(args.checkpoint, args.out)

    command.runs(run)


def add_export_translator(commands: Any) -> None:
    """`sceneshift export-translator`."""
    command = Command(
        commands, "export-translator", "Write a translator for other programs, checked against PyTorch.",
        "translator.safetensors night.onnx --format onnx",
    )  # fmt: skip
    command.path("translator", "translator (.safetensors)")
    command.path("out", "file to write")
    command.argument(
        "--format", required=True, choices=("onnx", "torchscript", "pix2pixhd"),
        help="onnx, torchscript: one graph, photos of any size in and out; pix2pixhd: latest_net_G.pth (head: image)",
    )  # fmt: skip

    def run(args: argparse.Namespace) -> None:
        from sceneshift.translator.exporting import export_translator

        export_translator(args.translator, args.out, args.format)

    command.runs(run)
