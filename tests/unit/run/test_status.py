"""A run at a glance, from its files alone: what is done, running, waiting, failed."""

import fcntl
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fuzzing import damaged, fuzz
from sceneshift.run.attempts import note_another_attempt, note_failure
from sceneshift.run.status import described, status_of
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.progress import Progress

NOW = time.time()


def rule(name, outputs, jobs, wildcard=""):
    path = f"{name}/{{{wildcard}}}" if wildcard else name
    return {
        "rule": name,
        "log": f"results/{{run}}/logs/{path}.log",
        "benchmark": f"results/{{run}}/benchmarks/{path}.tsv",
        "outputs": [f"results/{{run}}/{output}" for output in outputs],
        "jobs": jobs,
        "behind_ranking": wildcard == "attribute",
        "attributes": "snow" if name == "make_pairs" else ".*",
    }


def job(due=True, **wildcards):
    return {"wildcards": {"run": "r", **wildcards}, "due": due}


@pytest.fixture
def run(tmp_path):
    """A run planned a minute ago: three shards of a trained generator."""
    folder = tmp_path / "results" / "r"
    folder.mkdir(parents=True)
    rules = [
        rule("train_generator", ["generator/generator.safetensors"], [job(due=False)]),
        rule("synthesize", ["synthesis/{shard}.h5"], [job(shard=f"000{i}") for i in range(3)], "shard"),
        rule("rank_attributes", ["attributes.csv"], [job()]),
        rule("make_pairs", ["pairs/{attribute}/train_A", "pairs/{attribute}/train_B"], [], "attribute"),
        rule("train_translator", ["translators/{attribute}/translator.safetensors"], [], "attribute"),
        rule("import_generator", ["generator/generator.safetensors"], []),
    ]
    (folder / "plan.json").write_text(json.dumps({"run": "r", "rules": rules}))
    os.utime(folder / "plan.json", (NOW - 60, NOW - 60))
    return folder


def wrote(path: Path, ago: float, text: str = ""):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (NOW - ago, NOW - ago))


@pytest.fixture
def at_work(run):
    """Snakemake lives there."""
    (run.parents[1] / ".snakemake").mkdir()
    with open(run.parents[1] / ".snakemake" / "sceneshift-results-r.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield run


def states(folder):
    return {stage.rule: [job.state for job in stage.jobs] for stage in status_of(folder).stages}


def test_before_the_first_job_all_that_is_due_waits(run):
    assert states(run) == {
        "train_generator": ["done"],
        "synthesize": ["waiting"] * 3,
        "rank_attributes": ["waiting"],
        "make_pairs": [],
        "train_translator": [],
    }
    assert "waiting for the ranking" in described(status_of(run))


def test_logs_and_benchmarks_of_an_earlier_command_do_not_count(run):
    wrote(run / "logs/synthesize/0000.log", ago=500)
    wrote(run / "benchmarks/synthesize/0000.tsv", ago=400)
    assert states(run)["synthesize"] == ["waiting"] * 3


def test_a_job_is_running_with_its_figures_then_done(at_work):
    wrote(at_work / "logs/synthesize/0000.log", ago=50)
    wrote(at_work / "benchmarks/synthesize/0000.tsv", ago=40)
    wrote(at_work / "logs/synthesize/0001.log", ago=30)
    with Progress("synthesizing", total=5000, beside=at_work / "synthesis" / "0001.h5") as progress:
        progress.advance(2000)
        progress._write()
        status = status_of(at_work)
        said = described(status)
    assert status.alive
    assert states(at_work)["synthesize"] == ["done", "running", "waiting"]
    assert "1 done, 1 running, 1 waiting" in said
    assert "0001" in said
    assert "2,000 of 5,000 images" in said


def test_the_progress_of_pairs_is_found_beside_their_folder(at_work):
    wrote(at_work / "attributes.csv", 20, "attribute,chosen\nsnow,True\nfog,False\nclouds,True\n")
    wrote(at_work / "logs/make_pairs/snow.log", ago=10)
    with Progress("pairs", total=50, unit="pairs", beside=at_work / "pairs" / "snow"):
        assert "0 of 50 pairs" in described(status_of(at_work))
    assert states(at_work)["make_pairs"] == ["running"]
    assert states(at_work)["train_translator"] == ["waiting"] * 2


def test_a_failure_shows_the_logs_last_lines(at_work):
    wrote(at_work / "logs/synthesize/0000.log", 10, "first\n" * 50 + "error: the disk is full: free some space\n")
    said = described(status_of(at_work))
    assert states(at_work)["synthesize"][0] == "failed"
    assert "| error: the disk is full" in said
    assert str(at_work / "logs/synthesize/0000.log") in said
    assert said.count("first") < 10


def test_a_killed_stage_has_failed_and_waits_when_it_is_tried_again(at_work, tmp_path):
    log, job_log = at_work / "logs/synthesize/0000.log", tmp_path / "7.log"
    wrote(log, 10, "synthesizing: 64 of 5,000 images\n")
    wrote(job_log, 10, "rule synthesize:\nslurmstepd: error: StepId=7.0 exceeded memory limit\n")
    assert states(at_work)["synthesize"][0] == "running"
    note_failure(log, "SLURM-job '7' failed, SLURM status is: 'FAILED'. For further …", [job_log])
    assert states(at_work)["synthesize"][0] == "failed"
    said = described(status_of(at_work))
    assert "| slurmstepd: error: StepId=7.0 exceeded memory limit" in said
    assert f"| error: the job failed: SLURM-job '7' failed, SLURM status is: 'FAILED'; see also {job_log}" in said
    note_another_attempt(log)
    assert states(at_work)["synthesize"][0] == "waiting"
    wrote(log, 0, "synthesizing: 0 of 5,000 images\n")
    assert states(at_work)["synthesize"][0] == "running"


def test_a_preempted_training_waits(at_work):
    wrote(at_work / "logs/synthesize/0000.log", 10, "interrupted: stopped after 64 images\n")
    assert states(at_work)["synthesize"][0] == "waiting"


def test_what_a_killed_snakemake_left_has_failed_unless_it_still_shows_life(run):
    wrote(run / "plan.json", 600, (run / "plan.json").read_text())
    wrote(run / "logs/synthesize/0001.log", ago=500)
    wrote(run / "logs/synthesize/0002.log", ago=500)
    with Progress("synthesizing", total=5000, beside=run / "synthesis" / "0002.h5"):
        assert states(run)["synthesize"][1:] == ["failed", "running"]
        assert "stopped" in described(status_of(run))


def test_long_silence_is_said(at_work):
    wrote(at_work / "plan.json", 10_000, (at_work / "plan.json").read_text())
    wrote(at_work / "logs/synthesize/0000.log", ago=7200)
    assert "no sign of life for 2 h" in described(status_of(at_work))


def test_a_folder_without_a_plan_is_named(tmp_path):
    with pytest.raises(SceneshiftError, match="no run was started there"):
        status_of(tmp_path)


def test_damaged_files_are_named_or_passed_over(at_work):
    """A plan that cannot be read is named; damaged logs, tables and figures tell less, and stop nothing."""
    wrote(at_work / "attributes.csv", 20, "attribute,chosen\nsnow,True\nclouds,True\n")
    wrote(at_work / "logs/synthesize/0001.log", 10, "synthesizing: 64 of 5,000 images\n")
    with Progress("synthesizing", total=5000, beside=at_work / "synthesis" / "0001.h5") as progress:
        progress.advance(2000)
        progress._write()
        figures = at_work / "synthesis" / "0001.h5.progress.jsonl"
        for file in (at_work / "attributes.csv", figures, at_work / "logs/synthesize/0001.log"):
            whole = file.read_bytes()
            for number in range(100):
                file.write_bytes(damaged(whole, number))
                assert described(status_of(at_work))
            file.write_bytes(whole)
        assert fuzz(at_work / "plan.json", lambda plan: described(status_of(plan.parent)), range(200)) > 100


@pytest.mark.parametrize(
    "text",
    ["", "[]", "null", '{"run": "r", "rules": 3}', '{"run": "r", "rules": [{"rule": "a"}]}', "[" * 100_000, "\xff"],
)
def test_a_plan_that_is_none_is_named(run, text):
    (run / "plan.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(SceneshiftError, match=r"plan\.json cannot be read"):
        status_of(run)


def test_the_command_is_quick_and_loads_neither_torch_nor_snakemake(run):
    code = "import sys; from sceneshift.cli import main; main(['status', sys.argv[1]]);"
    code += "print(sorted({'torch', 'snakemake', 'h5py', 'numpy'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code, str(run)], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "[]", done.stderr
