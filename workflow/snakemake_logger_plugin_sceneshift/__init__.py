"""`snakemake --logger sceneshift`: in a terminal one live view of a run; elsewhere a plain line for what happens.

`sceneshift run` asks for it. How far the stages are comes from the files that `sceneshift status` reads. What Snakemake
says besides is in its own log file, what the stages say in theirs. Snakemake finds this plugin by the package's name.
"""

import contextlib
import logging
import os
import time
from pathlib import Path
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text
from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

from sceneshift.run.status import QUIET_STAGES, Status, how_far, last_lines, status_of, summary
from sceneshift.runtime.errors import SceneshiftError

STYLES = {"running": "bold cyan", "failed": "bold red", "done": "green"}
SAID = ("Nothing to be done", "No GPU here", "The last command was killed")  # of what is no warning
LINES = 8  # of a failed job's log


class LogHandler(LogHandlerBase):
    """Takes records from Snakemake's queue; the view looks at the run's files by itself, once a second."""

    writes_to_stream = True
    writes_to_file = False
    has_filter = True
    has_formatter = True
    needs_rulegraph = False

    def __post_init__(self) -> None:
        logging.Handler.__init__(self)  # the interface's first versions leave it out
        os.environ[QUIET_STAGES] = "1"
        self._console = Console(stderr=True, highlight=False)
        self._view: View | None = None
        self._began: dict[Any, tuple[str, float]] = {}  # job -> what it is, and when it began

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._show(record, getattr(record, "event", None))
        except Exception:
            self.handleError(record)

    def close(self) -> None:
        if self._view:
            self._view.stop()
        super().close()

    def _show(self, record: Any, event: Any) -> None:
        if event == LogEvent.JOB_INFO:
            wildcards = dict(getattr(record, "wildcards", None) or {})
            name = " ".join([record.rule_name, *(value for key, value in wildcards.items() if key != "run")])
            self._began[record.jobid] = (name, time.monotonic())
            if not self._console.is_terminal:
                self._say(f"{name} ...")
            elif self._view is None and getattr(record, "log", None):
                self._view = View(_run_folder(Path(record.log[0])), self._console)
        elif event == LogEvent.JOB_FINISHED and record.job_id in self._began:
            name, began = self._began.pop(record.job_id)
            if not self._console.is_terminal:
                self._say(f"{name} done in {time.monotonic() - began:.0f} s")
        elif event == LogEvent.JOB_ERROR:
            lines = [line for log in record.log or () for line in last_lines(Path(log), LINES)]
            self._say("\n    ".join([f"{record.rule_name} failed: {', '.join(record.log or ())}", *lines]), "red")
        elif event == LogEvent.PROGRESS and not self._console.is_terminal:
            self._say(f"{record.done} of {record.total} jobs done")
        elif record.levelno >= logging.WARNING and event != LogEvent.JOB_ERROR:
            self._say(record.getMessage(), "yellow" if record.levelno == logging.WARNING else "red")
        elif record.getMessage().startswith(SAID):
            self._say(record.getMessage())

    def _say(self, text: str, style: str = "") -> None:
        self._console.print(f"{time.strftime('%H:%M:%S')} {text}", style=style, markup=False, soft_wrap=True)


class View:
    """The live view of results/RUN, in a thread of its own until it is stopped."""

    def __init__(self, folder: Path, console: Console) -> None:
        self._folder = folder
        self._live = Live(console=console, get_renderable=self._rendered, refresh_per_second=1)
        self._live.start()

    def stop(self) -> None:
        """Leave the last state on the screen."""
        self._live.stop()

    def _rendered(self) -> Table | Group | Text:
        try:
            return rendered(status_of(self._folder))
        except (SceneshiftError, OSError):  # not there yet
            return Text(f"{self._folder} ...")


def rendered(status: Status) -> Group:
    """A row per stage, one per running job below it, and the last line that one of them said."""
    table = Table.grid(padding=(0, 2))
    running = []
    for stage in status.stages:
        said = summary(stage)
        state = next((state for state in STYLES if state in said), "")
        at_work = [job for job in stage.jobs if job.state == "running"]
        alone = how_far(at_work[0]) if len(stage.jobs) == len(at_work) == 1 else ""
        table.add_row(stage.rule, Text(said, STYLES.get(state, "dim")), alone)
        for job in at_work if len(stage.jobs) > 1 else ():
            table.add_row("", f"  {job.name}", how_far(job))
        running += at_work
    newest = max(running, key=lambda job: -job.silent, default=None)
    lines = last_lines(newest.log, 1) if newest else []
    return Group(Text(f"{status.folder}", "bold"), table, Text(f"› {lines[0]}" if lines else "", "dim", no_wrap=True))


def _run_folder(log: Path) -> Path:
    """results/RUN of a stage's log, results/RUN/logs/..."""
    with contextlib.suppress(StopIteration):
        return next(parent.parent for parent in log.parents if parent.name == "logs")
    return log.parent
