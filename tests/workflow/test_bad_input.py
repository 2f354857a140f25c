"""Mistakes are named by Snakemake itself, before any job starts, and without a traceback."""

import re
import subprocess

import pytest


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        (("photos", "resolution"), 100, ["photos.resolution", "100", "64"]),
        (("photos", "held_out"), 1.5, ["photos.held_out", "1.5", "1"]),
        (("synthesis", "truncation_psi"), 3, ["synthesis.truncation_psi", "3"]),
        (("generator", "imagse"), 100, ["generator.imagse", "did you mean images?"]),
        (("sythesis",), {}, ["sythesis", "did you mean synthesis?"]),
        (("generator", "batch"), "big", ["generator.batch", "'big'", "integer"]),
        (("edits", "attributes", 0, "attribute"), "greenrey", ["greenrey", "did you mean greenery?", "fog"]),
        (("photos",), {"source": "folder", "folder": "nowhere"}, ["photos.folder", "nowhere", "JPEG"]),
        (("photos",), {"source": "folder", "folder": "."}, ["photos.folder", "JPEG"]),
    ],
)
def test_a_mistake_in_the_config_is_named(fresh, path, value, says):
    (fresh.folder / "notes").mkdir()
    done = fresh.snakemake(fresh.config(*path, to=value))
    said = done.stdout + done.stderr
    assert done.returncode != 0
    for part in says:
        assert part in said
    assert "Traceback" not in said
    assert ".smk" not in said
    assert "Snakefile" not in said.replace(str(fresh.repository / "Snakefile"), "")
    assert ".smk" not in said  # no lines of the workflow's own files
    assert not (fresh.folder / "results").exists()


def test_a_section_given_twice_is_named_with_its_lines(fresh):
    command = [*fresh.command(fresh.config()), "--dry-run"]
    with open(fresh.folder / "config.yaml", "a") as config:
        config.write("photos: {count: 40}\n")
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode != 0
    assert re.search(r"photos: given twice in .*config\.yaml, in lines \d+ and \d+", done.stdout + done.stderr)


def test_one_value_of_a_section_can_be_given_on_the_command_line(fresh):
    done = fresh.snakemake(fresh.config(), "--config", "photos={count: -1}", "--dry-run")
    assert re.findall(r"^  (\S+): found", done.stdout + done.stderr, flags=re.M) == ["photos.count"]


@pytest.mark.slow
def test_a_job_that_fails_says_why_and_fails_the_run(fresh):
    """A mistake that only the stage can find: through `tee`, the exit code and the message still arrive."""
    photos = fresh.folder / "photos" / "class"
    photos.mkdir(parents=True)
    for name in ("a.jpg", "b.jpg"):
        (photos / name).write_bytes(b"\xff\xd8\xff not a photo")
    config = fresh.config("photos", to={"source": "folder", "folder": "photos", "resolution": 32})
    config["predictors"] = [{"kind": "photometric"}]
    config["boundaries"]["attributes"], config["edits"] = "all", {"top": 1}
    done = fresh.snakemake(config, "results/tiny/photos.h5")
    assert done.returncode != 0
    assert "error: photos.folder: photos has no usable photo" in done.stdout + done.stderr
    assert "no usable photo" in (fresh.results / "logs" / "prepare_photos.log").read_text()
    assert not (fresh.results / "photos.h5").exists()


@pytest.mark.slow
def test_wrong_labels_are_named_before_the_generator_is_trained_and_mended_ones_train_no_other(fresh):
    labels = fresh.folder / "labels.csv"
    rows = [f"street-{i:06d},{i % 2},{i // 50 % 2}" for i in range(200)]
    labels.write_text("\n".join(["file,snow,night", *rows[:50], "street-000050,7,0", *rows[51:], ""]))
    config = fresh.config("predictors", to=[{"kind": "heads", "labels": str(labels)}])
    config["generator"]["images"] = 64
    config["boundaries"]["attributes"], config["edits"] = "all", {"top": 1}
    generator = "results/tiny/generator/generator.safetensors"
    done = fresh.snakemake(config, generator)
    assert done.returncode != 0
    said = done.stdout + done.stderr
    assert "labels.csv, line 52, column 2 (snow): found '7', expected 0 to 1" in said
    assert "rule train_generator" not in said
    labels.write_text(labels.read_text().replace("street-000050,7,0", "street-000050,1,0"))
    assert set(fresh.made(config, generator)) == {"check_labels", "train_generator"}
    labels.write_text(labels.read_text().replace("street-000050,1,0", "street-000050,0,0"))
    assert "fit_predictor" in fresh.plan(config)
    assert not {"check_labels", "train_generator"} & set(fresh.plan(config))


@pytest.mark.slow
def test_what_is_wrong_with_a_finished_model_is_said_before_the_generator_is_trained(fresh):
    (fresh.folder / "scorer.onnx").write_bytes(b"no model")
    config = fresh.config("predictors", to=[{"kind": "onnx", "model": "scorer.onnx", "names": ["snow", "night"]}])
    config["boundaries"]["attributes"], config["edits"] = "all", {"top": 1}
    done = fresh.snakemake(config)
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert "scorer.onnx is not an ONNX model" in said
    assert "rule train_generator" not in said
