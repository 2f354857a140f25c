"""A generator beside its photos: in the backbone's features, and in those of TorchScript networks."""

import csv

import numpy as np
import pytest
import torch

from sceneshift.generator.checkpoints import save_generator
from sceneshift.generator.networks import Generator
from sceneshift.latents.codes import z_of
from sceneshift.latents.rendering import Renderer
from sceneshift.photos.store import PhotoStoreWriter
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.settings import MetricsSettings, Settings, parse
from sceneshift.stages.measure_generator import measure_generator
from sceneshift.vision.frechet import FeatureStatistics, distance_between


class Inception(torch.nn.Module):
    """Features that can be computed beside it: each channel's means over quarters of the picture."""

    def forward(self, img: torch.Tensor, return_features: bool = False) -> torch.Tensor:
        assert img.dtype == torch.uint8
        features = torch.nn.functional.adaptive_avg_pool2d(img.float(), 2).flatten(1)
        return features if return_features else features[:, :1]


class Vgg16(torch.nn.Module):
    def forward(self, img: torch.Tensor, resize_images: bool = True, return_lpips: bool = False) -> torch.Tensor:
        assert return_lpips
        return img.flatten(1) / 255


class Strange(torch.nn.Module):
    def forward(self, img: torch.Tensor, return_features: bool = False) -> torch.Tensor:
        return img.float()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    torch.manual_seed(0)
    g = Generator(z_dim=8, w_dim=8, resolution=16, channel_base=64, channel_max=8, mapping_layers=2)
    save_generator(folder / "g.safetensors", g)
    photos = np.random.default_rng(0).integers(0, 256, (40, 16, 16, 3), dtype=np.uint8)
    with PhotoStoreWriter(
        folder / "photos.h5", (16, 16), crop="center", folder="", provenance="{}", attributes=[]
    ) as store:
        store.append(photos, [str(k) for k in range(40)], [k < 10 for k in range(40)], np.zeros((40, 0)))
    for network in (Inception, Vgg16, Strange):
        torch.jit.save(torch.jit.script(network()), folder / f"{network.__name__.lower()}.pt")
    return folder


def measured(files, out, **settings):
    measure_generator(files / "g.safetensors", files / "photos.h5", out, MetricsSettings(**settings))
    with open(out, newline="") as file:
        return {row["metric"]: row for row in csv.DictReader(file)}


def test_all_figures_stand_with_what_they_were_measured_by(files, tmp_path):
    rows = measured(files, tmp_path / "m.csv", images=20, path_lengths=6)
    assert list(rows) == [
        "frechet_distance", "kernel_distance", "precision", "recall", "density", "coverage", "path_length",
    ]  # fmt: skip
    first, last = rows["frechet_distance"], rows["path_length"]
    assert (first["images"], first["photos"], first["truncation_psi"]) == ("20", "20", "1")
    assert (first["features"], first["resize"]) == (
        "efficientnet-lite2",
        "bilinear to 128 px, antialiased when shrinking",
    )
    assert (last["features"], last["images"], float(last["value"]) > 0) == ("efficientnet-lite0", "6", True)


def test_a_torchscript_inception_is_fed_bytes_and_named_by_its_checksum(files, tmp_path):
    rows = measured(files, tmp_path / "m.csv", images=30, truncation_psi=0.5, inception=str(files / "inception.pt"))
    row = rows["frechet_distance"]
    assert row["features"].startswith("inception.pt (sha256 ")
    assert row["resize"] == "within the file: bilinear to 299 px"
    renderer = Renderer(files / "g.safetensors")
    made = renderer.render_truncated(renderer.mapped(z_of(0, "synthesis", range(30), 8)), 0.5)
    photos = np.random.default_rng(0).integers(0, 256, (40, 16, 16, 3), dtype=np.uint8)[10:]
    statistics = [
        FeatureStatistics(12).update(x.reshape(30, 2, 8, 2, 8, 3).mean((2, 4)).transpose(0, 3, 1, 2).reshape(30, 12))
        for x in (photos.astype(float), made.astype(float))
    ]
    assert float(row["value"]) == pytest.approx(distance_between(*statistics), rel=1e-3)


def test_path_lengths_through_a_torchscript_vgg(files, tmp_path):
    row = measured(files, tmp_path / "m.csv", images=20, path_lengths=5, lpips=str(files / "vgg16.pt"))["path_length"]
    assert row["features"].startswith("vgg16.pt (sha256 ")
    assert float(row["value"]) > 0


def test_networks_that_are_none_are_refused(files, tmp_path):
    (tmp_path / "text.pt").write_text("not a network")
    for path, says in (
        (tmp_path / "nowhere.pt", r"nowhere\.pt does not exist. Expected NVIDIA's inception"),
        (tmp_path / "text.pt", r"text\.pt is no TorchScript file \(.*\). Expected NVIDIA's inception"),
        (
            files / "strange.pt",
            r"strange\.pt gives \[\d+, 3, 16, 16\] for \d+ images and return_features=True; expected",
        ),
        (files / "vgg16.pt", r"vgg16\.pt fails when called with images and return_features=True"),
    ):
        with pytest.raises(SceneshiftError, match=says):
            measured(files, tmp_path / "m.csv", images=20, inception=str(path))
    assert not (tmp_path / "m.csv").exists()


def test_what_cannot_be_measured_is_said_first(files, tmp_path):
    with pytest.raises(SceneshiftError, match=r"metrics\.images is 0"):
        measured(files, tmp_path / "m.csv")
    with pytest.raises(SceneshiftError, match=r"metrics\.images is 5: give at least some hundred"):
        measured(files, tmp_path / "m.csv", images=5)
    with pytest.raises(SceneshiftError, match="path_lengths is given, but images is 0"):
        parse(Settings, '{"metrics": {"path_lengths": 5}}')
