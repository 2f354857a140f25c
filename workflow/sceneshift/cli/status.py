"""The command that looks at a run from outside."""

import argparse
from typing import Any

from sceneshift.cli.command import Command


def add_status(commands: Any) -> None:
    """`sceneshift status`."""
    command = Command(
        commands, "status", "Show what of a run is done, running, waiting and failed.", "results/streets"
    )  # fmt: skip
    command.path("folder", "the run: results/RUN")

    def run(args: argparse.Namespace) -> None:
        from sceneshift.runtime.status import described, status_of

        print(described(status_of(args.folder)))

    command.runs(run)
