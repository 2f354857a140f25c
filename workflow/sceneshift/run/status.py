"""What of a run is done, running, waiting and failed: told by its files, on one machine and on a cluster alike.

plan.json names the jobs of the last command. A job's log is created when it starts and its benchmark when it has
succeeded; its progress file says how far it is. Snakemake holds a lock while it lives, and adds to a job's log that the
job has failed, and that it is tried again (attempts.py).
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sceneshift.run.attempts import AGAIN, FAILED
from sceneshift.run.paths import run_lock
from sceneshift.run.plan import PlannedJob, planned_jobs
from sceneshift.runtime.locks import NoLocksError, lock
from sceneshift.runtime.progress import NAME, Figures, last_progress, progress_file

SIGN_OF_LIFE = 60  # seconds without one after which a job whose Snakemake is gone counts as dead
SILENT = 300  # seconds without a sign of life after which the status says so
LAST_LINES = 6
QUIET_STAGES = "SCENESHIFT_QUIET_STAGES"  # in the environment: stages speak to their logs alone, a view shows the rest


@dataclass(frozen=True)
class Job:
    """One job of a stage."""

    name: str  # the wildcards other than the run: a shard, an attribute; empty if the stage has one job
    state: str  # done, running, waiting or failed
    log: Path
    progress: Figures | None  # the newest line of its progress file, while running or failed
    silent: float  # seconds since its log or its progress last changed, while running


@dataclass(frozen=True)
class Stage:
    """A rule and its jobs."""

    rule: str
    jobs: list[Job]  # none: they follow from the ranking of attributes, which is not there yet


@dataclass(frozen=True)
class Status:
    """A run at a glance."""

    folder: Path
    alive: bool  # Snakemake is at work there
    stages: list[Stage]


def status_of(folder: Path | str) -> Status:
    """The status of results/RUN. Raises SceneshiftError if no run was started there."""
    folder = Path(folder)
    planned = list(planned_jobs(folder))
    root, began = _working_directory(folder.resolve(), planned), (folder / "plan.json").stat().st_mtime
    alive = _locked(root / run_lock(folder.resolve().relative_to(root).as_posix()))
    stages = [Stage(rule, [_job(root, job, began, alive) for job in jobs]) for rule, jobs in planned]
    return Status(folder, alive, stages)


def described(status: Status) -> str:
    """The status as text: one line per stage, and below it the jobs that run or have failed."""
    jobs = [job for stage in status.stages for job in stage.jobs]
    done, failed = _count(jobs, "done"), _count(jobs, "failed")
    complete = done == len(jobs) and not any(not stage.jobs for stage in status.stages)
    if complete:
        state = "everything is done"
    elif status.alive:
        state = "at work"
    else:
        state = "stopped; the same snakemake command goes on from here"
    lines = [f"{status.folder}: {state} ({done} jobs done{f', {failed} failed' if failed else ''})", ""]
    for stage in status.stages:
        lines.append(f"  {stage.rule:<20} {summary(stage)}")
        for job in stage.jobs:
            if job.state in ("running", "failed"):
                lines.append(f"    {job.state:<8} {job.name:<20} {how_far(job)}".rstrip())
            if job.state == "failed":
                lines += [f"      | {line}" for line in last_lines(job.log)] + [f"      {job.log}"]
    return "\n".join(lines)


def _working_directory(folder: Path, planned: Sequence[tuple[str, Sequence[PlannedJob]]]) -> Path:
    """Where Snakemake was started: two above the run's folder, or more where its results have a prefix."""
    log = next((job.log.parts for _, jobs in planned for job in jobs), ("results", folder.name, "logs"))
    depth = max(place for place, part in enumerate(log) if part == "logs")  # results/RUN is above logs/
    return folder.parents[depth - 1]


def _job(root: Path, job: PlannedJob, began: float, alive: bool) -> Job:
    log, started, succeeded = root / job.log, _time(root / job.log), _time(root / job.benchmark)
    state, figures, last = "done", None, 0.0
    if not started if job.due is None else job.due and started < began:
        state = "waiting"
    elif started > succeeded and (started >= began or job.due is None):
        source = _newest_progress([root / output for output in job.outputs])
        last = max(started, _time(source) if source else 0)
        lives = alive or time.time() - last < SIGN_OF_LIFE
        said = last_lines(log, 60)
        state = "failed" if not lives or any(line.startswith(FAILED) for line in said) else "running"
        if alive and said and said[-1].startswith(AGAIN):
            state = "waiting"
        figures = last_progress(source) if source and _time(source) >= began else None
    return Job(job.name, state, log, figures, time.time() - last if state == "running" else 0.0)


def _newest_progress(outputs: list[Path]) -> Path | None:
    """The progress file of what makes these outputs: beside one, beside their folder, or with the snapshots."""
    places = [place for path in outputs for place in (progress_file(path), path.parent / "training" / NAME)]
    places += [progress_file(path.parent) for path in outputs]
    return max((place for place in places if place.is_file()), key=_time, default=None)


def _time(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except (OSError, ValueError):  # a name that no file can have, in a damaged plan
        return 0.0


def _locked(path: Path) -> bool:
    """Whether a living process holds the lock; where the file system has no locks, nobody does."""
    try:
        held = lock(path, shared=True)
    except (FileNotFoundError, NoLocksError):
        return False
    if held:
        held.close()
    return held is None


def _count(jobs: list[Job], state: str) -> int:
    return sum(job.state == state for job in jobs)


def summary(stage: Stage) -> str:
    """How many jobs of a stage are in which state."""
    if not stage.jobs:
        return "waiting for the ranking of attributes"
    counts = {state: _count(stage.jobs, state) for state in ("done", "running", "waiting", "failed")}
    if len(stage.jobs) == 1:
        return next(state for state, count in counts.items() if count)
    return ", ".join(f"{count} {state}" for state, count in counts.items() if count)


def how_far(job: Job) -> str:
    """How far a job is, how fast, and how long it will take."""
    parts = []
    if p := job.progress:
        parts.append(f"{p.done:,} of {p.total:,} {p.unit}, {p.per_second:,.1f} {p.unit}/s")
        if job.state == "running" and p.seconds_left is not None:
            parts.append(f"{_duration(p.seconds_left)} left")
    if job.silent > SILENT:
        parts.append(f"no sign of life for {_duration(job.silent)}")
    return ", ".join(parts)


def _duration(seconds: float) -> str:
    hours, minutes = divmod(int(seconds) // 60, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min" if minutes >= 3 else f"{int(seconds)} s"


def last_lines(log: Path, count: int = LAST_LINES) -> list[str]:
    """The log's last lines that say something; a live line's rewritings count as one."""
    try:
        with open(log, "rb") as file:
            file.seek(max(0, log.stat().st_size - 20_000))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return []
    return [line.rsplit("\r", 1)[-1] for line in text.split("\n") if line.strip()][-count:]
