"""The command line: what it says, what it returns, how fast it says it."""

import argparse
import re
import subprocess
import sys

import pytest

from sceneshift import cli
from sceneshift.cli.command import train_on_gpus
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.interruption import Interrupted

COMMANDS = (
    "prepare-photos", "train-generator", "import-generator", "export-generator", "fit-predictor", "synthesize",
    "index-synthesis", "score", "fit-boundary", "rescore-boundary", "rank-attributes", "edit", "make-pairs",
    "train-translator", "translate", "evaluate-translator", "fit-judge", "report",
)  # fmt: skip


def test_every_stage_has_its_command(capsys):
    with pytest.raises(SystemExit) as leaving:
        cli.main(["--help"])
    assert leaving.value.code == 0
    text = capsys.readouterr().out
    for command in COMMANDS:
        assert command in text


@pytest.mark.parametrize("command", COMMANDS)
def test_help_teaches_with_an_example(command, capsys):
    with pytest.raises(SystemExit):
        cli.main([command, "--help"])
    text = capsys.readouterr().out
    assert f"example:\n  sceneshift {command} " in text
    if "--settings" in text and command != "fit-predictor":
        assert re.search(r"settings, as JSON keys, with their defaults:\n  \w+ \(", text)


def test_help_does_not_wait_for_heavy_imports():
    code = "import sys, sceneshift.cli; sceneshift.cli.build_parser(); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert not {"torch", "sklearn", "pandas", "matplotlib", "scipy"} & set(loaded)


def run_that(raises, monkeypatch):
    def stage(*args, **kwargs):
        raise raises

    monkeypatch.setattr("sceneshift.photos.prepare.prepare_photos", stage)
    return cli.main(["prepare-photos", "out.h5"])


def test_an_error_is_one_message_without_a_traceback(monkeypatch, capsys):
    assert run_that(SceneshiftError("photos.h5: found nothing"), monkeypatch) == 1
    assert capsys.readouterr().err == "error: photos.h5: found nothing\n"


def test_an_interruption_is_no_success(monkeypatch, capsys):
    assert run_that(Interrupted("a snapshot was written"), monkeypatch) == 143
    assert "a snapshot was written" in capsys.readouterr().err


def test_a_bug_keeps_its_traceback(monkeypatch):
    with pytest.raises(ZeroDivisionError):
        run_that(ZeroDivisionError(), monkeypatch)


def test_settings_come_as_json_or_from_a_file(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr("sceneshift.photos.prepare.prepare_photos", lambda *args: seen.append(args))
    (tmp_path / "s.json").write_text('{"count": 7, "resolution": 32}')
    assert cli.main(["prepare-photos", "out.h5", "--settings", f"@{tmp_path}/s.json", "--seed", "3"]) == 0
    assert cli.main(["prepare-photos", "photos", "out.h5", "--settings", '{"resolution": 32}']) == 0
    (streets, seed, out, table), (own, *_) = seen
    assert (streets.source, streets.count, streets.resolution, seed) == ("rendered", 7, 32, 3)
    assert (out.name, table.name) == ("out.h5", "out.csv")
    assert (own.source, own.folder, own.resolution) == ("folder", "photos", 32)


def test_a_size_is_a_height_and_if_not_square_a_width(tmp_path, monkeypatch, capsys):
    taken = []
    monkeypatch.setattr(
        "sceneshift.generator.importing.import_generator", lambda *arguments: taken.append(arguments[2])
    )
    for size in ([], ["--resolution", "64"], ["--resolution", "64", "--width", "96"]):
        assert cli.main(["import-generator", "a", "b", *size]) == 0
    assert taken == [None, (64, 64), (64, 96)]
    assert cli.main(["import-generator", "a", "b", "--width", "96"]) == 1
    assert "give both" in capsys.readouterr().err


def test_a_bad_setting_is_named(capsys):
    assert cli.main(["prepare-photos", "out.h5", "--settings", '{"resolution": 100}']) == 1
    assert "resolution" in capsys.readouterr().err


def test_a_missing_settings_file_is_named(capsys):
    with pytest.raises(SystemExit):
        cli.main(["prepare-photos", "out.h5", "--settings", "@nowhere.json"])
    assert "nowhere.json" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("gpus", "device", "cuda", "launched", "taken"),
    [
        (3, "auto", True, 2, 2),  # a batch of 16 in groups of 4 splits in two, not in three
        (1, "auto", True, None, 1),
        (3, "auto", False, None, 2),  # PyTorch for CPUs: one process
        (0, "auto", False, None, 1),
        (0, "cpu", False, 4, None),
    ],
)
def test_a_training_takes_as_many_gpus_as_there_are(gpus, device, cuda, launched, taken, monkeypatch):
    calls = {}
    monkeypatch.setattr("sceneshift.runtime.gpu_slots.visible_gpus", lambda: list(range(gpus)))
    monkeypatch.setattr("sceneshift.runtime.gpu_slots.take_gpus", lambda count: calls.update(taken=count))
    monkeypatch.setattr("sceneshift.runtime.distributed.launch", lambda words, count: calls.update(launched=count))
    monkeypatch.setattr("torch.cuda.is_available", lambda: cuda)
    arguments = argparse.Namespace(device=device, gpus=4, words=[])
    train_on_gpus(arguments, 1, 16, 4, lambda device, world: calls.update(here=world.size))
    expected = {"launched": launched} if launched else {"here": 1}
    assert calls == expected | ({"taken": taken} if taken else {})
