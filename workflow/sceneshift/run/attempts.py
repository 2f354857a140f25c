"""What a stage cannot write into its log itself: that its job was killed, and that it is tried again and may wait."""

import contextlib
from collections.abc import Sequence
from pathlib import Path

FAILED = ("error: ", "interrupted: ", "Traceback (most recent call last)")  # how lines begin that tell of a failure
AGAIN = ("again: ", "interrupted: ")  # the last line's beginning in a job that is tried again, with a new log
SLURM = "slurmstepd: "  # how lines of a job's log begin in which SLURM gives its reasons


def note_failure(log: Path, message: str | None, job_logs: Sequence[Path]) -> None:
    """Add to a stage's log that its job failed, with Snakemake's message, and SLURM's reasons out of the job's logs."""
    lines = [line for job_log in job_logs for line in _lines(job_log) if line.startswith(SLURM)][-3:]
    what = f": {message.split('. ')[0]}" if message else "; if nothing above says why, it was killed"
    more = "".join(f"; see also {job_log}" for job_log in job_logs)
    _append(log, [*lines, f"error: the job failed{what}{more}"])


def note_another_attempt(log: Path) -> None:
    """Add to a stage's log that the job is tried again; it may wait long before it starts."""
    _append(log, ["again: the job is tried once more; it then begins a new log"])


def _lines(path: Path) -> list[str]:
    with contextlib.suppress(OSError):
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    return []


def _append(log: Path, lines: Sequence[str]) -> None:
    with contextlib.suppress(OSError), open(log, "a", encoding="utf-8") as file:  # a full disk stops no workflow
        file.write("".join(f"{line}\n" for line in lines))
