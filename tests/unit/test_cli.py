"""The command line: what it says, what it returns, how fast it says it."""

import errno
import functools
import importlib
import re
import subprocess
import sys

import pytest

from sceneshift import cli
from sceneshift.cli.commands import stage_function, stages
from sceneshift.cli.devices import train_on_gpus
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.interruption import Interrupted

COMMANDS = [stage.replace("_", "-") for stage in stages()]


def test_every_stage_has_its_command_and_its_function(capsys):
    with pytest.raises(SystemExit) as leaving:
        cli.main(["--help"])
    assert leaving.value.code == 0
    text = capsys.readouterr().out
    for stage, command in zip(stages(), COMMANDS, strict=True):
        assert f"\n    {command}" in text
        assert stage_function(stage).__name__ == stage


@pytest.mark.parametrize("command", COMMANDS)
def test_help_teaches_with_an_example_and_explains_every_word(command, capsys):
    with pytest.raises(SystemExit):
        cli.main([command, "--help"])
    text = capsys.readouterr().out
    assert f"example:\n  sceneshift {command} " in text
    if "--settings" in text and command not in ("fit-predictor", "check-labels"):  # lists of predictors
        assert re.search(r"settings, as JSON keys, with their defaults:\n  \w+ \(", text)
    parser = cli.build_parser([command])._subparsers._group_actions[0].choices[command]
    assert [action.dest for action in parser._actions if not action.help] == []


def test_help_does_not_wait_for_heavy_imports():
    code = "import sys, sceneshift.cli; sceneshift.cli.build_parser([]); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert not {"torch", "sklearn", "pandas", "matplotlib", "scipy"} & set(loaded)


@pytest.fixture
def stand_in(monkeypatch):
    """Put `work` in the place of a stage's function, with its signature."""

    def put(stage, work):
        module = importlib.import_module(f"sceneshift.stages.{stage}")
        monkeypatch.setattr(module, stage, functools.wraps(stage_function(stage))(work))

    return put


@pytest.fixture
def run_that(stand_in):
    def run(raises):
        def stage(*args, **kwargs):
            raise raises

        stand_in("prepare_photos", stage)
        return cli.main(["prepare-photos", "out.h5"])

    return run


def test_an_error_is_one_message_without_a_traceback(run_that, capsys):
    assert run_that(SceneshiftError("photos.h5: found nothing")) == 1
    assert capsys.readouterr().err == "error: photos.h5: found nothing\n"


def test_an_interruption_is_no_success(run_that, capsys):
    assert run_that(Interrupted("a snapshot was written")) == 143
    assert "a snapshot was written" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (MemoryError(), "the memory is used up"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9"), "the memory is used up"),
        (OSError(errno.EIO, "Input/output error", "photos.h5"), "photos.h5: the disk or the network drive failed"),
    ],
)
def test_what_the_system_refuses_is_said_without_a_traceback(run_that, capsys, error, says):
    assert run_that(error) == 1
    assert capsys.readouterr().err.startswith(f"error: {says}")


def test_a_bug_keeps_its_traceback(run_that):
    with pytest.raises(ZeroDivisionError):
        run_that(ZeroDivisionError())


def test_settings_come_as_json_or_from_a_file(tmp_path, stand_in):
    seen = []
    stand_in("prepare_photos", lambda **given: seen.append(given))
    (tmp_path / "s.json").write_text('{"count": 7, "resolution": 32}')
    assert cli.main(["prepare-photos", "out.h5", "--settings", f"@{tmp_path}/s.json", "--seed", "3"]) == 0
    assert cli.main(["prepare-photos", "photos", "out.h5", "--settings", '{"resolution": 32}']) == 0
    streets, own = seen
    assert (streets["settings"].count, streets["settings"].resolution, streets["seed"]) == (7, 32, 3)
    assert (streets["folder"], streets["out"].name) == (None, "out.h5")
    assert (own["folder"].name, own["settings"].resolution) == ("photos", 32)


def test_a_size_is_a_height_and_if_not_square_a_width(stand_in, capsys):
    taken = []
    stand_in("import_generator", lambda **given: taken.append(given.get("shape")))
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
    monkeypatch.setattr("sceneshift.cli.devices.visible_gpus", lambda: list(range(gpus)))
    monkeypatch.setattr("sceneshift.cli.devices.take_gpus", lambda count: calls.update(taken=count))
    monkeypatch.setattr("sceneshift.training.distributed.launch", lambda words, count: calls.update(launched=count))
    monkeypatch.setattr("torch.cuda.is_available", lambda: cuda)
    train_on_gpus([], device, 4, 16 // 4, lambda device, world: calls.update(here=world.size))
    expected = {"launched": launched} if launched else {"here": 1}
    assert calls == expected | ({"taken": taken} if taken else {})
