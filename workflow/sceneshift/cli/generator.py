"""Commands that make a generator."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sceneshift import settings
from sceneshift.cli.command import Command, shape_of, train_on_gpus


def add_train_generator(commands: Any) -> None:
    """`sceneshift train-generator`."""
    command = Command(
        commands, "train-generator", "Train StyleGAN2 on a photo store. Killed and started again, it goes on.",
        """photos.h5 generator/generator.safetensors --settings '{"images": 100000}'""", settings.GeneratorSettings,
    )  # fmt: skip
    command.path("photos", "photo store (.h5)")
    command.path("out", "generator to write (.safetensors); history, samples and snapshots go to training/ beside it")
    command.argument(
        "--mirror", action=argparse.BooleanOptionalAction, default=True, help="also train on mirrored photos"
    )
    command.seed()
    command.device()
    command.gpus()

    def run(args: argparse.Namespace) -> None:
        from sceneshift.generator.networks import GROUP_SIZE
        from sceneshift.generator.training import train_generator

        chosen = settings.parse_section(settings.GeneratorSettings, args.settings)

        def train(device: Any, world: Any) -> None:
            train_generator(
                args.photos, args.out, chosen, mirror=args.mirror, seed=args.seed, device=device, world=world,
                frechet=_frechet_distance(args.photos, chosen.frechet_images, device) if world.first else None,
            )  # fmt: skip

        train_on_gpus(args, chosen.gpus, chosen.batch, GROUP_SIZE, train)

    command.runs(run)


def _frechet_distance(photos: Path, count: int, device: Any) -> Callable[..., float] | None:
    """Distance to `count` of the training photos, evenly spread over the store."""
    from sceneshift.backbone import load_backbone
    from sceneshift.evaluation.frechet import FrechetMeter
    from sceneshift.photos import PhotoStore

    if not count:
        return None
    with PhotoStore(photos) as store:
        rows = store.train_indices[:: max(1, len(store.train_indices) // count)][:count]
        batches = (store.images(rows[start : start + 64]) for start in range(0, len(rows), 64))
        return FrechetMeter(batches, load_backbone(device)).distance


def add_import_generator(commands: Any) -> None:
    """`sceneshift import-generator`."""
    command = Command(
        commands, "import-generator",
        "Take over a generator made elsewhere: it computes the same images. Nothing that the file brings is run.",
        "network-snapshot-025000.pkl generator/generator.safetensors",
    )  # fmt: skip
    command.path("checkpoint", "StyleGAN2 checkpoint (.safetensors, .pkl, .pt, .pth)")
    command.path("out", "generator to write (.safetensors)")
    command.argument(
        "--format", default="auto", choices=("auto", "sceneshift", "stylegan2-ada-pytorch", "rosinality", "genforce"),
        help="the code base that wrote it (default: auto, by what is in the file)",
    )  # fmt: skip
    command.shape("that its images must have (default: any)")

    def run(args: argparse.Namespace) -> None:
        from sceneshift.generator.importing import import_generator

        import_generator(args.checkpoint, args.out, shape_of(args), args.format)

    command.runs(run)


def add_export_generator(commands: Any) -> None:
    """`sceneshift export-generator`."""
    command = Command(
        commands, "export-generator", "Write a generator, with its discriminator, as state dicts of another code base.",
        "generator.safetensors generator.pt --format rosinality",
    )  # fmt: skip
    command.path("generator", "generator (.safetensors)")
    command.path("out", "file of torch.save to write")
    command.argument("--format", required=True, choices=("stylegan2-ada-pytorch", "rosinality"), help="the code base")

    def run(args: argparse.Namespace) -> None:
        from sceneshift.generator.exporting import export_generator

        export_generator(args.generator, args.out, args.format)

    command.runs(run)
