"""What comes from outside a run: photos below subfolders, the clone and where it lies."""

import shutil

import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.slow

PHOTOS = "results/tiny/photos.h5"


def folder_of_photos(folder):
    for number in range(24):
        path = folder / ("snowy", "forest")[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 255, (40, 40, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path)


@pytest.fixture
def of_folder(fresh):
    """A run of formulas on a folder of photos in classes, whose name Snakemake would read as a pattern."""
    folder_of_photos(fresh.folder / "my {photos} <all>")
    config = fresh.config("photos", to={"source": "folder", "folder": "my {photos} <all>", "resolution": 32})
    config["predictors"] = [{"kind": "photometric"}]
    return fresh, config | {"boundaries": {}, "edits": {"top": 1}}


def test_photos_changed_below_a_subfolder_are_prepared_again(of_folder):
    run, config = of_folder
    folder = run.folder / "my {photos} <all>"
    run.make(config, PHOTOS)
    assert run.plan(config, PHOTOS) == {}
    for there, back in (("snowy/0.png", "forest/0.png"), ("snowy/0.png", ".away.png")):
        (folder / there).rename(folder / back)
        assert run.plan(config, PHOTOS) == {"prepare_photos": 1}
        (folder / back).rename(folder / there)
    assert run.plan(config, PHOTOS) == {}
    shutil.copy2(folder / "snowy/0.png", folder / "snowy/24.png")
    assert run.made(config, PHOTOS)["prepare_photos"] == 1
    assert run.plan(config, PHOTOS) == {}


def test_a_clone_may_have_any_name_and_none_of_it_is_run(fresh, checkout):
    clone = fresh.folder / "a $(touch x) `touch y` 'b' \"c\" ; touch z"
    checkout.rename(clone)
    fresh.with_workflow(clone).make(fresh.config(), PHOTOS)
    assert (fresh.folder / PHOTOS).exists()
    assert not {"x", "y", "z"} & {path.name for path in fresh.folder.iterdir()}


def test_a_clone_is_planned_by_its_own_package(fresh, checkout):
    """Whichever is installed where Snakemake is, and imported by its logger plugin."""
    (checkout / "workflow/sceneshift/run/checks.py").write_text(
        "from sceneshift.runtime.errors import SceneshiftError\n"
        "def check_paths(settings):\n    raise SceneshiftError(f'by {__file__}')\n"
    )
    done = fresh.with_workflow(checkout).snakemake(fresh.config(), "--dry-run")
    assert f"by {checkout}/workflow/sceneshift/run/checks.py" in done.stdout + done.stderr


@pytest.mark.parametrize("name", ["a:b", "a{b}"])
def test_a_clone_that_cannot_be_used_where_it_lies_is_told_so(fresh, checkout, name):
    clone = checkout.rename(checkout.with_name(name))
    done = fresh.with_workflow(clone).snakemake(fresh.config(), "--dry-run")
    assert done.returncode != 0
    said = done.stdout + done.stderr
    assert "of another name" in said
    assert "Traceback" not in said


def test_what_ships_is_compared_by_its_bytes(fresh, checkout):
    """A fresh clone has other times, and another path for `snakemake -s elsewhere/Snakefile`."""
    config = fresh.config("photos", "resolution", to=64)
    config["generator"] = {"import": "resources/streets64.safetensors"}
    made = "results/tiny/generator/generator.safetensors"
    fresh.make(config, made)
    clone = fresh.with_workflow(checkout)
    shipped = checkout / "resources" / "streets64.safetensors"
    shipped.touch()
    assert clone.plan(config, made) == {}
    shipped.write_bytes(shipped.read_bytes()[:-1] + b"x")
    assert clone.plan(config, made) == {"import_generator": 1}
