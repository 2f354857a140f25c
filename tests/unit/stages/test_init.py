"""A first config for a folder: what it says follows from the photos, and it is one that runs."""

import numpy as np
import pytest
import yaml
from PIL import Image

from sceneshift import cli
from sceneshift.photos.survey import survey
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.settings import load_settings
from sceneshift.stages.init import init


def photos_in(folder, count, size, first=0):
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(first, first + count):
        pixels = np.random.default_rng(number).integers(0, 255, (size[1] // 8, size[0] // 8, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize(size).save(folder / f"{number}.jpg")


def config_of(folder, out, **options):
    init(folder, out, **options)
    config = yaml.safe_load(out.read_text())
    load_settings(config)
    return config


def test_classes_shape_and_size_are_those_of_the_photos(tmp_path, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    folder = tmp_path / 'my "photos"'
    photos_in(folder / "snowy", 12, (320, 160))
    photos_in(folder / "forest", 12, (320, 160), first=20)
    config = config_of(folder, tmp_path / "my.yaml", trial=False)
    assert config["photos"]["folder"] == str(folder)
    assert (config["photos"]["resolution"], config["photos"]["width"]) == (64, 128)
    assert config["predictors"] == [{"kind": "heads"}]
    assert config["run"] == "my_photos_"


def test_without_classes_formulas_score_and_the_reason_is_told(tmp_path):
    photos_in(tmp_path / "photos", 3, (48, 60))
    config = config_of(tmp_path / "photos", tmp_path / "my.yaml", trial=False)
    assert config["predictors"] == [{"kind": "photometric"}]
    assert (config["photos"]["resolution"], config["photos"]["width"]) == (32, None)
    text = (tmp_path / "my.yaml").read_text()
    assert "0 subfolders with photos" in text
    assert "These are few" in text


def test_a_gpu_gets_a_longer_and_larger_run(tmp_path, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    photos_in(tmp_path / "photos", 3, (200, 200))
    config = config_of(tmp_path / "photos", tmp_path / "my.yaml", trial=False)
    assert config["photos"]["resolution"] == 128
    assert config["generator"] == {"warm_start": None, "images": 2_000_000, "batch": 32}


def test_the_trial_measures_this_machine(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sceneshift.stages.init.TRIAL_SECONDS", 1)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    photos_in(tmp_path / "photos", 8, (32, 32))
    config_of(tmp_path / "photos", tmp_path / "my.yaml")
    assert "images/s in training here, so 20,000 images take" in capsys.readouterr().out
    assert [path.name for path in tmp_path.iterdir() if "sceneshift" in path.name] == []


def test_nothing_is_overwritten_and_a_folder_without_photos_is_named(tmp_path, monkeypatch, capsys):
    photos_in(tmp_path / "photos", 1, (64, 64))
    (tmp_path / "my.yaml").write_text("mine")
    monkeypatch.chdir(tmp_path)
    assert cli.main(["init", "photos"]) == 1
    assert "my.yaml is there already. Name another place, or allow it with --overwrite." in capsys.readouterr().err
    assert (tmp_path / "my.yaml").read_text() == "mine"
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "a.jpg").write_bytes(b"")
    with pytest.raises(SceneshiftError, match=r"none is a usable photo.*a\.jpg: empty file"):
        survey(tmp_path / "damaged")
