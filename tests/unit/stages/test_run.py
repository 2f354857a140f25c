"""The workflow as a command: Snakemake's words are passed on as they are."""

import os
import sys
from pathlib import Path

import pytest

from sceneshift import cli
from sceneshift.runtime.shipped import ROOT


@pytest.fixture
def started(monkeypatch):
    """What would have been started instead of this process."""
    commands = []
    monkeypatch.setattr(os, "execv", lambda program, words: commands.append(words))
    return commands


ALL_CORES, VIEW = ["--cores", "all"], ["--logger", "sceneshift"]


def snakemake(*view):
    return [sys.executable, "-m", "snakemake", *view, "--snakefile", str(ROOT / "workflow" / "Snakefile")]


@pytest.mark.parametrize(
    ("words", "view", "cores"),
    [
        (["--configfile", "my.yaml"], VIEW, ALL_CORES),
        (["-n", "results/a/report.html"], [], ALL_CORES),
        (["--cores", "2", "--configfile", "my.yaml"], VIEW, []),
        (["-c4"], VIEW, []),
        (["-j", "1", "-q"], VIEW, []),
        (["--workflow-profile", "slurm", "--logger", "snkmt"], [], []),
    ],
)
def test_words_go_to_snakemake_and_all_cores_are_taken_and_the_view_shown_unless_told(
    started, words, view, cores, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    Path("my.yaml").write_text("seed: 1\n")
    assert cli.main(["run", *words]) == 0
    assert started == [[*snakemake(*view), *cores, *words]]


def test_verbose_is_snakemakes_own_console(started):
    assert cli.main(["run", "--verbose", "-c1"]) == 0
    assert started == [[*snakemake(), "-c1"]]


def test_other_commands_take_no_unknown_words(capsys):
    with pytest.raises(SystemExit):
        cli.main(["editors", "--cores", "2"])
    assert "unrecognized arguments: --cores 2" in capsys.readouterr().err


def test_a_key_of_a_section_is_told_how_it_is_written(started, capsys):
    """Snakemake takes no dot there, and ends in its own traceback before the workflow is read."""
    assert cli.main(["run", "--config", "photos.folder=my photos"]) == 1
    assert "'photos={folder: my photos}'" in capsys.readouterr().err
    assert started == []


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "No such file"),
        (b"\x89PNG", "cannot be read"),
        (b"seed: 1\n\tphotos: x\n", "line 2"),
        (b"- a\n- b\n", "holds no keys"),
    ],
)
def test_a_file_that_is_no_config_is_named(started, capsys, tmp_path, monkeypatch, content, says):
    """Snakemake ends in a traceback, or does not name the file."""
    monkeypatch.chdir(tmp_path)
    if content is not None:
        Path("my.yaml").write_bytes(content)
    for words in (["--configfile", "my.yaml"], ["-n", "--configfile=my.yaml", "-c1"]):
        assert cli.main(["run", *words]) == 1
        said = capsys.readouterr().err
        assert "my.yaml" in said
        assert says in said
    assert started == []
