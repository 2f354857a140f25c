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
