"""Photos projected into a generator: sheet, table and codes, with edits beside."""

import csv

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
    (files / "photos" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(SceneshiftError, match=r"broken\.png"):
        project(g, [files / "photos"], files / "out")
    assert not (files / "out").exists()
