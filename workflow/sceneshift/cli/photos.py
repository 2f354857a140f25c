"""Commands that read photos."""

import argparse
from typing import Any

from sceneshift import settings
from sceneshift.cli.command import Command


def add_prepare_photos(commands: Any) -> None:
    """`sceneshift prepare-photos`."""
    command = Command(
        commands, "prepare-photos", "Read a folder of photos, or draw street views, into one store.",
        """my_photos photos.h5 --settings '{"resolution": 128, "crop": "pad"}'""", settings.PhotosSettings,
    )  # fmt: skip
    command.path("folder", "folder of photos; without it, rendered streets", required=False)
    command.path("out", "the photo store to write (.h5)")
    command.path("--table", "which files were taken and which not, and why (default: OUT with .csv)", required=False)
    command.seed()

    def run(args: argparse.Namespace) -> None:
        from sceneshift.photos.prepare import prepare_photos

        source = {"source": "folder", "folder": str(args.folder)} if args.folder else {}
        chosen = settings.parse_section(settings.PhotosSettings, args.settings, **source)
        prepare_photos(chosen, args.seed, args.out, args.table or args.out.with_suffix(".csv"))

    command.runs(run)
