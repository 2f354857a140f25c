"""The command that shows a run."""

import argparse
from typing import Any

from sceneshift.cli.command import Command


def add_report(commands: Any) -> None:
    """`sceneshift report`."""
    command = Command(commands, "report", "Build the page that shows a run.", "results/streets report.html")
    command.path("run_folder", "results/RUN", metavar="folder")
    command.path("out", "page to write (.html)")
    command.path("--translated-from", "folder of the photos translated (default: the held-out ones)", required=False)

    def run(args: argparse.Namespace) -> None:
        from sceneshift.report import build_report

        build_report(args.run_folder, args.out, args.translated_from)

    command.runs(run)
