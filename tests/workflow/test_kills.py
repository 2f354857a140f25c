"""kill -9, then the same command: the run goes on from its snapshot, and ends with the same bytes."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest

pytestmark = pytest.mark.slow

TRAININGS = {
    "generator": ("generator/generator.safetensors", "generator/training", "train-generator"),
    "translator": (
        "translators/greenery/translator.safetensors",
        "translators/greenery/training",
        "train-translator",
    ),
}


@pytest.fixture(params=TRAININGS)
def training(request, run, tmp_path):
    """(run without the training's result, its target, its training folder, its command, the bytes expected)."""
    made, folder, command = TRAININGS[request.param]
    copied = run.copy(tmp_path / "run")
    expected = (copied.results / made).read_bytes()
    (copied.results / made).unlink()
    shutil.rmtree(copied.results / folder)
    return copied, f"results/tiny/{made}", copied.results / folder, command, expected


def start(run, target):
    return subprocess.Popen(
        [*run.command(run.config()), target],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def wait_for_snapshot(folder: Path, process: subprocess.Popen) -> tuple[Path, int]:
    """Until the training has come some way, but is not done. Returns its first sheet, and when that was drawn.

    Only a training that starts over draws it again; equal bytes alone would not tell, since every training gives them.
    """
    deadline = time.monotonic() + 300
    while not (folder / "snapshot.pt").exists():
        assert process.poll() is None, process.stdout.read()
        assert time.monotonic() < deadline, "no snapshot after five minutes"
        time.sleep(0.02)
    sheets = [path for path in folder.glob("samples-*.png") if int(path.stem.removeprefix("samples-"))]
    return min(sheets), min(sheets).stat().st_mtime_ns


def training_processes(process: subprocess.Popen, command: str) -> list[psutil.Process]:
    children = psutil.Process(process.pid).children(recursive=True)
    return [child for child in children if command in child.cmdline() and "sceneshift" in child.cmdline()]


def test_a_killed_training_is_retried_from_its_snapshot(training):
    run, target, folder, command, expected = training
    process = start(run, target)
    sheet, drawn = wait_for_snapshot(folder, process)
    (victim,) = training_processes(process, command)
    victim.kill()
    said, _ = process.communicate(timeout=600)
    assert process.returncode == 0, said
    assert "Trying to restart" in said
    assert (run.folder / target).read_bytes() == expected
    assert sheet.stat().st_mtime_ns == drawn


@pytest.mark.parametrize("orphans", [False, True], ids=["everything", "snakemake-alone"])
def test_a_killed_snakemake_goes_on_with_the_same_command(training, orphans):
    """As after a power cut; or with the training still at work when the command is given again."""
    run, target, folder, _, expected = training
    process = start(run, target)
    sheet, drawn = wait_for_snapshot(folder, process)
    if orphans:
        os.kill(process.pid, signal.SIGKILL)
    else:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    run.make(run.config(), target)
    assert (run.folder / target).read_bytes() == expected
    assert sheet.stat().st_mtime_ns == drawn
    run.make(run.config())
    assert run.plan(run.config()) == {}


def test_two_runs_at_once_are_refused(training):
    run, target, folder, _, _ = training
    process = start(run, target)
    wait_for_snapshot(folder, process)
    os.killpg(process.pid, signal.SIGSTOP)  # so tiny a training could end before the second run looks
    second = run.snakemake(run.config(), target)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert second.returncode != 0
    assert "lock" in (second.stdout + second.stderr).lower()
