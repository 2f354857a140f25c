"""GPUs on one machine, pretended: how many jobs Snakemake lets use them at once. Dry runs only."""

import re

import pytest


@pytest.fixture
def two_gpus(tmp_path, monkeypatch):
    tool = tmp_path / "tools" / "nvidia-smi"
    tool.parent.mkdir()
    tool.write_text('#!/bin/sh\necho "GPU 0: A (UUID: GPU-a)"; echo "GPU 1: A (UUID: GPU-b)"\n')
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tool.parent), prepend=":")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


def asked_for(said):
    """The GPUs that each rule gets."""
    jobs = re.findall(r"^(?:rule|checkpoint) (\w+):.*?^    resources: (.*?)$", said, flags=re.M | re.S)
    return {name: re.search(r"\bgpu=(\d+)", resources) for name, resources in jobs}


def test_no_more_gpus_than_there_are_unless_the_command_line_says_so(fresh, two_gpus):
    config = fresh.config("generator", "gpus", to=4)
    said = fresh.make(config, "--dry-run")
    gpus = asked_for(said)
    assert gpus["train_generator"][1] == "2"
    assert gpus["synthesize"][1] == "1"
    assert gpus["fit_boundary"] is None
    assert "No GPU" not in said
    assert asked_for(fresh.make(config, "--dry-run", "--resources", "gpu=1"))["train_generator"][1] == "1"


def test_without_a_gpu_that_is_said_once(fresh, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert fresh.make(fresh.config(), "--dry-run").count("No GPU here: everything runs on the CPU.") == 1


def threads(said, rule):
    """The threads that a rule's jobs get; a dry run does not show one."""
    job = re.search(rf"^(?:rule|checkpoint) {rule}:.*?^    resources:", said, flags=re.M | re.S)[0]
    shown = re.search(r"^    threads: (\d+)$", job, flags=re.M)
    return int(shown[1]) if shown else 1


def test_jobs_that_run_at_once_share_the_cores(fresh, two_gpus, monkeypatch):
    config = fresh.config("synthesis", to={"count": 40, "shard_size": 10})
    said = fresh.make(config, "--dry-run", "--cores", "12")
    assert (threads(said, "train_generator"), threads(said, "synthesize")) == (4, 6)  # two at once, on two GPUs
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    said = fresh.make(config, "--dry-run", "--cores", "12")
    assert (threads(said, "train_generator"), threads(said, "synthesize")) == (4, 3)  # four shards at once
    assert threads(fresh.make(config, "--dry-run", "--cores", "2"), "synthesize") == 1
