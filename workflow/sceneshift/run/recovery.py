"""What a killed command, or someone's hand, left of a run: found, so that the same command simply goes on.

A killed Snakemake leaves its locks on the files of the run, and marks of unfinished outputs, which ask for
--rerun-incomplete: here that is always the right answer, since every output is moved into place whole and trainings go
on from their snapshots. And a finished file that was damaged or replaced since must not be built on: Snakemake itself
would make what follows from it, from what it now holds. Its time is no longer that at which its job ended, so its job
is run again.
"""

from collections.abc import Callable, Iterable
from pathlib import Path

from sceneshift.run.plan import PlannedJob

# How far a file's time may be from the end of its job, in seconds: some archives cut fractions.
EARLIER, LATER = 1, 0.01


def stale_locks(locks: Path, results: str) -> list[Path]:
    """Snakemake's locks on files below `results`, which nobody holds any more."""
    return [lock for lock in locks.glob("*.lock") if f"{results}/" in lock.read_text(errors="replace")]


def changed_outputs(
    planned: Iterable[tuple[str, list[PlannedJob]]], ended: Callable[[Path], float | None]
) -> tuple[list[Path], bool]:
    """(finished outputs with another time than when their job ended, and lost shards; whether these are all there are).

    planned: as of `planned_jobs`
    ended: when the job ended that made a file; None if it is not known to have ended
    """
    finished, changed = 0, []
    for rule, jobs in planned:
        for output in (output for job in jobs for output in job.outputs):
            if (end := ended(output)) is None:
                continue
            finished += 1
            # other lost files are made when something needs them: pairs may be deleted once their translator is there
            if _was_changed(output, end) if output.exists() else rule == "synthesize":
                changed.append(output)
    return changed, len(changed) == finished


def _was_changed(output: Path, ended: float) -> bool:
    """Whether a file's time is another than `ended`, or one of a folder's files is newer."""
    if output.is_file():
        return not ended - EARLIER <= output.stat().st_mtime <= ended + LATER
    return any(path.stat().st_mtime > ended + LATER for path in output.rglob("[!.]*") if path.is_file())
