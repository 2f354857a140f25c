"""report: the page that shows a run."""

import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from sceneshift.report.page import write_page
from sceneshift.report.run_state import RunState
from sceneshift.run.plan import read_plan
from sceneshift.run.status import Stage, how_far, status_of, summary
from sceneshift.runtime.section import Natural
from sceneshift.settings import PhotosSettings


def report(
    run_folder: Path | str,
    out: Path | str,
    *,
    settings: PhotosSettings | None = None,
    translated_from: Path | str | None = None,
    shipped: Sequence[Path] = (),
    shipped_from: Path | str | None = None,
    watch: Natural = 0,
) -> None:
    """Build the page that shows a run, finished or not: what is there is shown, what is missing is named.

    run_folder: folder of a run: results/RUN
    out: page to write (.html)
    settings: what the config says of the photos: licence, credit
    translated_from: folder of the photos translated (default: the held-out ones)
    shipped: folders that editors which ship have made, each named as its editor
    shipped_from: folder of the photos that editors which ship have edited (translate.editors)
    watch: write it again every so many seconds while the run is at work; the open page reloads itself

    Example: results/streets report.html
    """
    attribution = settings.attribution if settings else ""
    while True:
        state = _state(Path(run_folder))
        watched = watch if state.at_work and state.to_do else None
        write_page(run_folder, out, translated_from, shipped, shipped_from, attribution, state, watched or None)
        if not watched:
            break
        time.sleep(watch)


def _state(run: Path) -> RunState:
    if not (run / "plan.json").exists():  # made by the stages' commands
        return RunState()
    began, status = read_plan(run / "plan.json").circumstances, status_of(run)
    here = status.alive or any(job.log.exists() for stage in status.stages for job in stage.jobs)  # else: moved
    rules = defaultdict(list)
    for stage in status.stages if here else []:
        if stage.rule != "report" and (state := _to_do(stage)):
            rules[state].append(stage.rule)
    to_do = [f"{', '.join(names)}: {state}" for state, names in rules.items()]
    known = began.model_dump() if began else {}
    return RunState(at_work=status.alive, to_do=to_do, **known)


def _to_do(stage: Stage) -> str:
    """How far a stage is; empty if it is done."""
    if stage.jobs and all(job.state == "done" for job in stage.jobs):
        return ""
    running = [how_far(job) for job in stage.jobs if job.state in ("running", "failed")]
    return "; ".join([summary(stage), *filter(None, running)])
