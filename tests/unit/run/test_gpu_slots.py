"""GPU slots: each GPU is lent to one process at a time, and death frees it. The GPUs here are pretended."""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest

from sceneshift.run import gpu_slots

JOB = """
import os, sys
from sceneshift.run.gpu_slots import take_gpus
taken = take_gpus(int(sys.argv[1]))
assert "torch" not in sys.modules
print(",".join(taken), os.environ.get("CUDA_VISIBLE_DEVICES"), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine with three GPUs, as far as nvidia-smi says."""
    tool = tmp_path / "bin" / "nvidia-smi"
    tool.parent.mkdir()
    tool.write_text('#!/bin/sh\nfor i in 0 1 2; do echo "GPU $i: NVIDIA A100-SXM4-40GB (UUID: GPU-0$i)"; done\n')
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tool.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)


@pytest.fixture
def jobs():
    started = []

    def start(count=1):
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        started.append(subprocess.Popen([sys.executable, "-c", JOB, str(count)], text=True, **pipes))
        return started[-1]

    yield start
    for job in started:
        job.kill()
        job.wait()
        for pipe in (job.stdin, job.stdout, job.stderr):
            pipe.close()


def gpus(job):
    """What the job got; waits for it."""
    taken, visible = job.stdout.readline().split()
    assert taken == visible
    return taken.split(",")


@contextmanager
def still_waiting(job):
    assert "Waiting for a GPU" in job.stderr.readline()
    time.sleep(2 * gpu_slots.POLL_SECONDS)
    os.set_blocking(job.stdout.fileno(), False)
    assert not job.stdout.readline()
    os.set_blocking(job.stdout.fileno(), True)
    yield


def test_each_job_sees_one_gpu_of_its_own_and_the_next_waits(machine, jobs):
    running = [jobs() for _ in range(3)]
    taken = [gpus(job) for job in running]
    assert sorted(taken) == [["0"], ["1"], ["2"]]
    with still_waiting(fourth := jobs()):
        running[1].send_signal(signal.SIGKILL)
    assert gpus(fourth) == taken[1]


def test_two_jobs_of_two_gpus_do_not_hold_one_each(machine, jobs):
    first = jobs(2)
    assert gpus(first) == ["0", "1"]
    with still_waiting(second := jobs(2)):
        first.stdin.close()
    assert sorted(gpus(second))[-1] == "2"


def test_more_gpus_than_there_are_is_said_and_takes_all(machine, jobs):
    job = jobs(5)
    assert gpus(job) == ["0", "1", "2"]
    assert "5 GPUs wanted, this machine has 3" in job.stderr.readline()


def test_what_the_scheduler_gave_is_what_is_used(machine, jobs, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    seven = jobs()
    monkeypatch.setenv("SLURM_JOB_ID", "8")
    assert [gpus(seven), gpus(jobs())] == [["0"], ["0"]]  # two jobs' GPU 0 are two GPUs


@pytest.mark.parametrize("listed", ["", "-1", "NoDevFiles"])
def test_hidden_gpus_are_none(machine, listed, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", listed)
    assert gpu_slots.visible_gpus() == gpu_slots.take_gpus() == []


def test_no_tool_no_gpu(tmp_path, monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert gpu_slots.take_gpus(2) == []
