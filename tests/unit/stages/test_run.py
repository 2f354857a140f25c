"""The workflow as a command: Snakemake's words are passed on as they are."""

import os
import sys

import pytest

from sceneshift import cli
from sceneshift.runtime.shipped import ROOT


@pytest.fixture
def started(monkeypatch):
    """What would have been started instead of this process."""
    commands = []
    monkeypatch.setattr(os, "execv", lambda program, words: commands.append(words))
    return commands


SNAKEMAKE = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "workflow" / "Snakefile")]


@pytest.mark.parametrize(
    ("words", "cores"),
    [
        (["--configfile", "my.yaml"], ["--cores", "all"]),
        (["-n", "results/a/report.html"], ["--cores", "all"]),
        (["--cores", "2", "--configfile", "my.yaml"], []),
        (["-c4"], []),
        (["-j", "1", "-q"], []),
        (["--workflow-profile", "slurm"], []),
    ],
)
def test_words_go_to_snakemake_and_all_cores_are_taken_unless_told(started, words, cores):
    assert cli.main(["run", *words]) == 0
    assert started == [[*SNAKEMAKE, *cores, *words]]


def test_other_commands_take_no_unknown_words(capsys):
    with pytest.raises(SystemExit):
        cli.main(["editors", "--cores", "2"])
    assert "unrecognized arguments: --cores 2" in capsys.readouterr().err
