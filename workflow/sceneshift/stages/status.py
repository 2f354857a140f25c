"""status: a run looked at from outside."""

from pathlib import Path

from sceneshift.run.status import described, status_of


def status(run_folder: Path | str) -> None:
    """Show what of a run is done, running, waiting and failed.

    run_folder: folder of a run: results/RUN

    Example: results/streets
    """
    print(described(status_of(Path(run_folder))))
