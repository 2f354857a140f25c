"""Commands that make a generator."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sceneshift import settings
from sceneshift.cli.command import Command, device_of, shape_of


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

    def run(args: argparse.Namespace) -> None:
        from sceneshift.generator.training import train_generator

        chosen = settings.parse_section(settings.GeneratorSettings, args.settings)
        device = device_of(args.device)
        train_generator(
            args.photos, args.out, chosen, mirror=args.mirror, seed=args.seed, device=device,
            frechet=_frechet_distance(args.photos, chosen.frechet_images, device),
        )  # fmt: skip

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
        commands, "import-generator", "Check a generator made elsewhere and take it over.",
        "someone.safetensors generator/generator.safetensors",
    )  # fmt: skip
    command.path("checkpoint", "generator of sceneshift (.safetensors)")
    command.path("out", "generator to write (.safetensors)")
    command.shape("that its images must have (default: any)")

    def run(args: argparse.Namespace) -> None:
        from sceneshift.generator.importing import import_generator

        import_generator(args.checkpoint, args.out, shape_of(args))

    command.runs(run)
