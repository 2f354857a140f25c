"""`snakemake --logger sceneshift`: what it says, line by line, and what its view shows."""

import io
import logging
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console
from snakemake_interface_logger_plugins.common import LogEvent

from sceneshift.run.status import QUIET_STAGES, Job, Stage, Status
from sceneshift.runtime.progress import Figures
from snakemake_logger_plugin_sceneshift import LogHandler, View, rendered


@pytest.fixture
def handler(monkeypatch):
    monkeypatch.setenv(QUIET_STAGES, "")
    handler = LogHandler(SimpleNamespace(dryrun=False), None)
    handler._console = Console(file=io.StringIO(), width=200)
    return handler


def said(handler, level=logging.INFO, message="", **fields):
    record = logging.LogRecord("snakemake", level, __file__, 1, message, None, None)
    record.__dict__.update(fields)
    handler._console.file.truncate(0)
    handler.emit(record)
    lines = handler._console.file.getvalue().lstrip("\0").splitlines()
    return [re.sub(r"^\d\d:\d\d:\d\d | {4}", "", line) for line in lines]


def test_in_a_log_each_job_is_a_line_as_it_starts_and_ends(handler):
    wildcards = {"run": "streets", "shard": "0001"}
    log = ["results/streets/logs/synthesize/0001.log"]
    job = {"jobid": 3, "rule_name": "synthesize", "wildcards": wildcards, "log": log}
    assert said(handler, event=LogEvent.JOB_INFO, **job) == ["synthesize 0001 ..."]
    assert said(handler, event=LogEvent.JOB_FINISHED, job_id=3) == ["synthesize 0001 done in 0 s"]
    assert said(handler, event=LogEvent.PROGRESS, done=3, total=18) == ["3 of 18 jobs done"]


def test_reasons_and_resources_are_left_to_snakemakes_own_log_and_warnings_are_not(handler):
    assert said(handler, message="Select jobs to execute...") == []
    assert said(handler, message="Nothing to be done (all requested files are present and up to date).") != []
    assert said(handler, logging.WARNING, "photos.h5 was changed") == ["photos.h5 was changed"]


def test_a_failed_job_is_shown_with_its_log_s_last_words(handler, tmp_path):
    log = tmp_path / "a.log"
    log.write_text("first\n" * 20 + "error: too few photos [bold]\n")
    lines = said(handler, logging.ERROR, event=LogEvent.JOB_ERROR, rule_name="prepare_photos", log=[str(log)])
    assert lines[0] == f"prepare_photos failed: {log}"
    assert lines[-1] == "error: too few photos [bold]"


def test_the_view_has_a_row_per_stage_the_progress_and_the_last_line(tmp_path):
    log = tmp_path / "train.log"
    log.write_text("Training from scratch\nD(real) sign 0.6\n")
    figures = Figures(label="", done=512, total=1024, unit="images", per_second=64, seconds_left=8, note="")
    shards = [Job("0000", "done", log, None, 0), Job("0001", "running", log, None, 9)]
    stages = [
        Stage("train_generator", [Job("", "running", log, figures, 1)]),
        Stage("synthesize", shards),
        Stage("make_pairs", []),
    ]
    console = Console(file=io.StringIO(), width=120)
    console.print(rendered(Status(Path("results/streets"), True, stages)))
    text = console.file.getvalue()
    for words in (
        "512 of 1,024 images",
        "64.0 images/s",
        "8 s left",
        "1 done, 1 running",
        "0001",
        "waiting for the ranking",
    ):
        assert words in text
    assert text.rstrip().endswith("› D(real) sign 0.6")


def test_a_view_of_a_run_that_has_not_begun_waits(tmp_path):
    view = View(tmp_path / "results" / "a", Console(file=io.StringIO()))
    view.stop()
