"""Photos projected into a generator: sheet, table and codes, with edits beside."""

import csv
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from sceneshift.generator.checkpoints import save_generator
from sceneshift.generator.networks import Generator
from sceneshift.latents.boundaries import Boundary, save_boundary
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.stages.project import project


@pytest.fixture
def files(tmp_path):
    torch.manual_seed(0)
    g = Generator(z_dim=8, w_dim=8, resolution=32, channel_base=64, channel_max=8, mapping_layers=2)
    save_generator(tmp_path / "g.safetensors", g)
    (tmp_path / "photos").mkdir()
    for k in range(2):
        pixels = np.random.default_rng(k).integers(0, 256, (40, 48, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "photos" / f"{k}.png")
    for space, dim in (("w", 8), ("z", 8)):
        normal = np.eye(dim, dtype=np.float32)[0]
        save_boundary(Boundary(normal, 0.0, "a", 1.0, 10, "random", space=space), tmp_path / f"{space}.npz")
    return tmp_path


def test_codes_table_and_sheet(files):
    g = files / "g.safetensors"
    project(g, [files / "photos"], files / "out", steps=4, boundary=files / "w.npz", translator="night")
    sheet = np.asarray(Image.open(files / "out" / "sheet.png"))
    assert sheet.shape == (24 + 2 * 132 - 4, 4 * 132 - 4, 3)
    with open(files / "out" / "projections.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["file"] for row in rows] == [str(files / "photos" / f"{k}.png") for k in range(2)]
    assert all(float(row["distance"]) > 0 for row in rows)
    with np.load(files / "out" / "codes.npz", allow_pickle=False) as codes:
        assert codes["w"].shape == (2, 8, 8)
    project(g, [files / "photos" / "1.png"], files / "alone", steps=4)
    with np.load(files / "alone" / "codes.npz") as alone, np.load(files / "out" / "codes.npz") as codes:
        np.testing.assert_allclose(alone["w"][0], codes["w"][1], atol=1e-5)


def test_what_cannot_be_is_said_before_the_search(files):
    g = files / "g.safetensors"
    with pytest.raises(SceneshiftError, match=r"z\.npz is of Z, but photos are projected into W"):
        project(g, [files / "photos"], files / "out", boundary=files / "z.npz")
    (files / "taken").mkdir()
    (files / "taken" / "mine.txt").touch()
    with pytest.raises(SceneshiftError, match=r"taken is not empty: mine\.txt would be lost"):
        project(g, [files / "photos"], files / "taken", steps=10**9)
    (files / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(SceneshiftError, match="None of the 1 photos can be projected"):
        project(g, [files / "broken.png"], files / "out")
    assert not (files / "out").exists()


def test_a_photo_that_cannot_be_used_stops_no_other(files, capsys):
    (files / "photos" / "0.broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (files / "photos" / os.fsdecode(b"caf\xe9.png")).write_bytes((files / "photos" / "1.png").read_bytes())
    project(files / "g.safetensors", [files / "photos"], files / "out", steps=2)
    assert "0.broken.png: left out: " in capsys.readouterr().err
    with np.load(files / "out" / "codes.npz", allow_pickle=False) as codes:
        assert [Path(name).name for name in codes["photos"]] == ["0.png", "1.png", os.fsdecode(b"caf\xe9.png")]
        assert len(codes["w"]) == 3


def test_a_folder_is_read_as_it_is_worked_on(files, monkeypatch):
    monkeypatch.setattr("sceneshift.stages.project.ROWS", 1)
    project(files / "g.safetensors", [files / "photos"], files / "out", steps=2)
    heights = [Image.open(files / "out" / name).height for name in ("sheet.png", "sheet-2.png")]
    assert heights == [24 + 128] * 2
    monkeypatch.undo()
    project(files / "g.safetensors", [files / "photos"], files / "out", steps=2)
    assert sorted(path.name for path in (files / "out").iterdir()) == ["codes.npz", "projections.csv", "sheet.png"]
