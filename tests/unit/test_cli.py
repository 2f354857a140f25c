"""The command line: what it says, what it returns, how fast it says it."""

import argparse
import errno
import functools
import importlib
import inspect
import re
import subprocess
import sys
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import h5py
import numpy as np
import PIL.Image
import pytest
import torch

from sceneshift import cli
from sceneshift.cli.commands import _files, documentation, stage_function, stages
from sceneshift.cli.devices import train_in_processes
from sceneshift.cli.files import NamedFile
from sceneshift.latents.boundaries import Boundary, save_boundary
from sceneshift.runtime.devices import pick_device
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.file_kinds import what_is
from sceneshift.runtime.interruption import Interrupted
from sceneshift.runtime.model_files import ModelFormat
from sceneshift.settings import GeneratorSettings

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
    assert f"example:\n  sceneshift {command}" in text
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
        (BrokenProcessPool("terminated abruptly"), "a process that shared the work was killed"),
        (OSError(errno.EIO, "Input/output error", "photos.h5"), "photos.h5: the disk or the network drive failed"),
    ],
)
def test_what_the_system_refuses_is_said_without_a_traceback(run_that, capsys, error, says):
    assert run_that(error) == 1
    assert capsys.readouterr().err.startswith(f"error: {says}")


def test_ctrl_c_is_no_error_of_ours(run_that, capsys):
    assert run_that(KeyboardInterrupt()) == 130
    assert capsys.readouterr().err == "interrupted: by Ctrl-C\n"


def test_a_reader_may_leave_before_the_end():
    with subprocess.Popen(
        [sys.executable, "-m", "sceneshift", "editors"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait() == 141


def test_a_bug_keeps_its_traceback(run_that):
    with pytest.raises(ZeroDivisionError):
        run_that(ZeroDivisionError())


def test_settings_come_as_json_or_from_a_file(tmp_path, stand_in):
    seen = []
    stand_in("prepare_photos", lambda **given: seen.append(given))
    (tmp_path / "s.json").write_text('{"count": 7, "resolution": 32}')
    (tmp_path / "photos").mkdir()
    assert cli.main(["prepare-photos", "out.h5", "--settings", f"@{tmp_path}/s.json", "--seed", "3"]) == 0
    assert cli.main(["prepare-photos", str(tmp_path / "photos"), "out.h5", "--settings", '{"resolution": 32}']) == 0
    streets, own = seen
    assert (streets["settings"].count, streets["settings"].resolution, streets["seed"]) == (7, 32, 3)
    assert (streets["folder"], streets["out"].name) == (None, "out.h5")
    assert (own["folder"].name, own["settings"].resolution) == ("photos", 32)


def test_a_size_is_a_height_and_if_not_square_a_width(stand_in, capsys, tmp_path, monkeypatch):
    taken = []
    monkeypatch.chdir(tmp_path)
    Path("a").touch()
    stand_in("import_generator", lambda **given: taken.append(given.get("shape")))
    for size in ([], ["--resolution", "64"], ["--resolution", "64", "--width", "96"]):
        assert cli.main(["import-generator", "a", "b.safetensors", *size]) == 0
    assert taken == [None, (64, 64), (64, 96)]
    assert cli.main(["import-generator", "a", "b.safetensors", "--width", "96"]) == 1
    assert "give both" in capsys.readouterr().err


def test_a_bad_setting_is_named(capsys):
    assert cli.main(["prepare-photos", "out.h5", "--settings", '{"resolution": 100}']) == 1
    assert "resolution" in capsys.readouterr().err


def test_a_missing_settings_file_is_named(capsys):
    with pytest.raises(SystemExit):
        cli.main(["prepare-photos", "out.h5", "--settings", "@nowhere.json"])
    assert "nowhere.json" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("gpus", "device", "wanted", "cuda", "threads", "launched", "taken"),
    [
        (3, "auto", 0, True, 2, 2, 2),  # a batch of 16 in groups of 4 splits in two, not in three
        (1, "auto", 4, True, 2, None, 1),
        (3, "auto", 4, False, 1, None, 2),  # PyTorch for CPUs
        (0, "auto", 1, False, 1, None, 1),  # on CPUs one a thread, whatever the number of GPUs
        (0, "auto", 1, False, 2, 2, 1),
        (0, "cpu", 0, False, 3, 2, None),
        (0, "cpu", 0, False, 8, 4, None),
        (0, "cpu", 4, False, 1, 4, None),  # unless it is said how many
        (0, "cpu", 1, False, 8, None, None),
    ],
)
def test_a_training_takes_as_many_gpus_or_threads_as_there_are(
    gpus, device, wanted, cuda, threads, launched, taken, monkeypatch
):
    calls = {}
    monkeypatch.setattr("sceneshift.cli.devices.visible_gpus", lambda: list(range(gpus)))
    monkeypatch.setattr("sceneshift.cli.devices.take_gpus", lambda count: calls.update(taken=count))
    monkeypatch.setattr("sceneshift.training.distributed.launch", lambda words, count: calls.update(launched=count))
    monkeypatch.setattr("torch.cuda.is_available", lambda: cuda)
    monkeypatch.setattr("torch.get_num_threads", lambda: threads)
    settings = GeneratorSettings(batch=16, gpus=4)
    train_in_processes([], device, wanted, settings, lambda device, world: calls.update(here=world.size))
    expected = {"launched": launched} if launched else {"here": 1}
    assert calls == expected | ({"taken": taken} if taken else {})


def test_a_job_that_was_given_no_gpu_trains_without_one():
    """Snakemake's `gpu=0` arrives as `--gpus 0`."""
    words = ["train-generator", "photos.h5", "generator.safetensors", "--gpus", "0"]
    assert cli.build_parser(words).parse_args(words).gpus == 0


@pytest.mark.parametrize("words", [["traslate", "a"], ["translat"], ["transform"]])
def test_a_mistyped_command_gets_a_suggestion(words, capsys):
    with pytest.raises(SystemExit) as leaving:
        cli.main(words)
    assert leaving.value.code == 2
    said = capsys.readouterr().err
    assert "did you mean translate" in said or "--help` lists them" in said


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--device", "gpu"], "found 'gpu', expected auto, cpu, cuda, cuda:1 or mps; GPUs are called cuda"),
        (["--device", "cuda:x"], "found 'cuda:x'"),
        (["--count", "0"], "found '0'; Input should be greater than or equal to 1"),
        (["--count", "many"], "found 'many'"),
        (["--start", "-1"], "found '-1'"),
        (["--seed", "9" * 30], "Input should be less than 2^63"),
        (["--seed", "1e3"], "found '1e3'"),
    ],
)
def test_a_word_that_means_nothing_is_refused_before_anything_is_read(words, says, capsys):
    with pytest.raises(SystemExit):
        cli.main(["synthesize", "generator.safetensors", "out.h5", *words])
    assert says in capsys.readouterr().err


@pytest.mark.parametrize("number", ["nan", "inf", "1e999", "x"])
def test_a_number_is_finite(number, capsys):
    for words in (
        ["edit", "g.safetensors", "b.npz", "a.png", "--distances", "1", number],
        ["generate", "g.safetensors", "a.png", f"--truncation-psi={number}"],
        ["translate", "night", "photos", "out", f"--strength={number}"],
        ["translate", "night", "photos", "out", f"--effect={number}"],
    ):
        with pytest.raises(SystemExit):
            cli.main(words)
        assert "error: argument --" in capsys.readouterr().err


def test_a_side_has_a_bound(capsys):
    with pytest.raises(SystemExit):
        cli.main(["fit-judge", "judge.safetensors", "--resolution", "64", "--width", "100000000"])
    assert "argument --width: found '100000000'; Input should be less than or equal to 4096" in capsys.readouterr().err


def test_a_device_that_is_not_there_is_named(monkeypatch):
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: False)
    assert pick_device("cuda:0").index == 0
    with pytest.raises(SceneshiftError, match="--device cuda:1: this machine has only 1 usable CUDA GPU"):
        pick_device("cuda:1")
    with pytest.raises(SceneshiftError, match="--device mps: this machine has no Apple GPU"):
        pick_device("mps")


@pytest.fixture
def files(tmp_path, monkeypatch):
    """The working directory, with a file of each kind."""
    monkeypatch.chdir(tmp_path)
    for kind in ("generator", "predictor", "translator", "judge"):
        written = ModelFormat(kind, "", f"sceneshift {kind}", version=1)
        written.save(tmp_path / f"{kind}.safetensors", {"a": torch.zeros(1)}, {})
    normal = np.eye(1, 4, dtype=np.float32)[0]
    save_boundary(Boundary(normal, 0.0, "a", 1.0, 10, "random"), tmp_path / "boundary.npz")
    for name in ("photos", "latents"):
        with h5py.File(tmp_path / f"{name}.h5", "w") as file:
            file.attrs["format"] = f"sceneshift {name}"
    PIL.Image.new("RGB", (8, 8)).save(tmp_path / "picture.png")
    (tmp_path / "folder").mkdir()
    return tmp_path


def test_a_file_is_known_by_its_content(files):
    torch.save({}, "checkpoint.pt")
    np.save("array.npy", np.zeros(3))
    Path("table.csv").write_text("file,snow\n")
    Path("empty").touch()
    Path("noise").write_bytes(bytes(range(256)))
    assert {path.name: what_is(path) for path in sorted(files.iterdir())} == {
        "generator.safetensors": "generator", "predictor.safetensors": "predictor", "judge.safetensors": "judge",
        "translator.safetensors": "translator", "boundary.npz": "boundary", "photos.h5": "photo store",
        "latents.h5": "latent/score store", "picture.png": "picture", "folder": "folder", "table.csv": "text file",
        "checkpoint.pt": "PyTorch checkpoint", "array.npy": "NumPy array", "empty": "empty file",
        "noise": "unknown file",
    }  # fmt: skip
    assert what_is("nowhere") == "unknown file"


def test_an_output_that_may_be_a_file_or_a_folder_may_be_there(files):
    described = documentation(stage_function("translate").__doc__).parameters["out"]
    for name in ("picture.png", "folder", "new.png"):
        NamedFile("OUT", Path(name), described).check()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("edit boundary.npz generator.safetensors a.png", "GENERATOR: boundary.npz is a boundary; expected: generator"),
        ("edit generator.safetensors photos.h5 a.png", "BOUNDARY: photos.h5 is a photo store; expected: boundary"),
        ("score translator.safetensors folder a.csv", "PREDICTOR: translator.safetensors is a translator"),
        ("translate picture.png translator.safetensors a", "TRANSLATOR: picture.png is a picture"),
        ("fit-boundary photos.h5 snow a.npz", "STORE: photos.h5 is a photo store; expected: latent/score store (.h5)"),
        ("train-generator folder a.safetensors", "PHOTOS: folder is a folder; expected: photo store"),
        ("synthesize judge.safetensors a.h5", "GENERATOR: judge.safetensors is a judge"),
        ("synthesize generator.safetensors a.h5 --predictor boundary.npz", "--predictor: boundary.npz is a boundary"),
        ("edit nowhere.safetensors boundary.npz a.png", "GENERATOR: nowhere.safetensors does not exist; expected"),
        (
            "evaluate-translator translator.safetensors photos.h5 a.csv --predictor predictor.safetensors --edit e",
            "--edit: e does not exist; expected: edit.json of the pairs",
        ),
        ("edit generator.safetensors boundary.npz folder", "OUT: folder is a folder; expected: picture to write"),
        ("import-pairs folder table --edit {}", "OUT: table is a file; expected: folder to write"),
        ("edit generator.safetensors boundary.npz table/a.png", "table/a.png cannot be written: a file is there where"),
        (f"edit generator.safetensors boundary.npz {300 * 'a'}.png", "the name is too long for the file system"),
        ("edit generator.safetensors boundary.npz /dev/null", "/dev/null is a device, which must not be replaced"),
        ("edit generator.safetensors boundary.npz /proc/a.png", "cannot be written"),
        ("score predictor.safetensors folder boundary.npz", "OUT: boundary.npz does not end in .csv; expected: table"),
        ("synthesize generator.safetensors photos.h5", "OUT: photos.h5 is a photo store; expected: latent/score store"),
        ("fit-judge generator.safetensors", "OUT: generator.safetensors is a generator; expected: judge to write"),
        ("export-photos photos.h5 a.txt", "OUT: a.txt does not end in .zip; expected: data set to write (.zip)"),
    ],
)
def test_files_are_looked_at_before_the_work(words, says, files, stand_in, capsys):
    Path("table").touch()
    worked = []
    stage = words.split()[0].replace("-", "_")
    stand_in(stage, lambda **given: worked.append(given))
    assert cli.main(words.split()) == 1
    assert says in capsys.readouterr().err
    assert not worked


@pytest.mark.parametrize(
    ("words", "there"),
    [
        ("edit generator.safetensors boundary.npz picture.png", "picture.png"),
        ("generate generator.safetensors folder", "folder"),
        ("fit-predictor photos.h5 new.safetensors --accuracy table.csv", "table.csv"),
        ("translate translator.safetensors picture.png new.png --places table.csv", "table.csv"),
    ],
)
def test_what_is_there_is_replaced_only_if_asked(words, there, files, stand_in, capsys):
    for kept in ("table.csv", "folder/kept.txt"):
        Path(kept).touch()
    worked = []
    stand_in(words.split()[0].replace("-", "_"), lambda **given: worked.append(given))
    assert cli.main(words.split()) == 1
    assert capsys.readouterr().err == (
        f"error: {there} is there already. Name another place, or allow it with --overwrite.\n"
    )
    assert not worked
    assert cli.main([*words.split(), "--overwrite"]) == 0
    assert worked


def test_what_was_written_is_said_unless_quiet(files, stand_in, capsys):
    def work(**given):
        print("at work", file=sys.stderr)

    stand_in("edit", work)
    words = ["edit", "generator.safetensors", "boundary.npz", "a/strip.png"]
    assert cli.main(words) == 0
    assert capsys.readouterr().err == "at work\nWrote a/strip.png.\n"
    assert cli.main([*words, "--overwrite", "--quiet"]) == 0
    assert capsys.readouterr().err == ""


def test_errors_are_said_even_if_quiet(files, capsys):
    assert cli.main(["edit", "-q", "nowhere", "boundary.npz", "a.png"]) == 1
    assert "nowhere does not exist" in capsys.readouterr().err


@pytest.mark.parametrize("stage", stages())
def test_every_command_tells_its_outputs_from_its_inputs(stage):
    """By `… to write` in the docstring, which the checks before the work go by."""
    outputs = {"out", "table", "accuracy", "verdicts", "places"}
    for file in files_of(stage):
        assert file.is_output == (file.argument.lower().strip("-") in outputs), file


def files_of(stage):
    """What a command would read and write if all its files were given."""
    parameters = inspect.signature(stage_function(stage)).parameters.items()
    given = {name: [Path(name)] if "Sequence" in str(parameter) else Path(name) for name, parameter in parameters}
    return _files(stage_function(stage), argparse.Namespace(**given))
