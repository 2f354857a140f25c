"""The workflow from generators that others trained: random weights of each format, read as they are."""

import pytest
import torch

import foreign_generators as foreign
from sceneshift.generator import load_generator
from sceneshift.generator.checkpoints import images_seen, load_discriminator

pytestmark = pytest.mark.slow

SIZES = {"base": 256, "most": 16, "z_dim": 16, "w_dim": 16, "layers": 2}  # as TINY describes them


def imported(fresh, name, **generator):
    """The tiny config with an imported generator; the file lies in the run's folder."""
    original = foreign.write(fresh.folder / "checkpoint", name, foreign.Sizes(32, **SIZES))
    config = fresh.config("photos", to={"source": "rendered", "count": 60, "resolution": 32})
    config["generator"] |= {"import": "checkpoint", **generator}
    config["synthesis"] |= {"count": 64, "shard_size": 64}
    config["predictors"] = [{"kind": "photometric", "attributes": ["brightness", "warmth"]}]
    config["boundaries"] = {"examples": 24}
    config["edits"] = {"top": 1}
    return config, original


def same_images(fresh, original, file="generator.safetensors"):
    z = torch.randn(2, SIZES["z_dim"])
    difference = load_generator(fresh.results / "generator" / file)(z, 0.7) - original(z, 0.7)
    return difference.abs().max() <= 1e-3


def test_from_nvidias_pickle_through_places365_to_translated_photos(fresh, places365_files):
    config, original = imported(fresh, "stylegan2-ada-pytorch")
    network, matrix = str(places365_files.network), str(places365_files.attributes_matrix)
    places365 = {"kind": "places365", "network": network, "attributes_matrix": matrix, "precision": "auto"}
    config["predictors"] = [places365 | {"attributes": ["vegetation", "natural_light"]}]
    config["edits"] = {"top": 1, "attributes": [{"attribute": "vegetation", "distance": 2}]}
    config["boundaries"]["attributes"] = ["vegetation"]
    config["rescoring"]["count"] = 8
    config["pairs"]["count"] = 8
    config["translator"]["images"] = 32
    config["evaluation"]["count"] = 4
    jobs = fresh.made(config)
    assert jobs["import_generator"] == 1
    assert jobs["train_generator"] == 0
    assert same_images(fresh, original)
    assert list((fresh.results / "translated" / "vegetation").glob("*.png"))
    assert (fresh.results / "report.html").stat().st_size > 50_000


def test_from_genforce_to_scores(fresh):
    config, original = imported(fresh, "genforce")
    fresh.make(config, "results/tiny/synthesis/0000.h5")
    assert same_images(fresh, original)


def test_training_goes_on_from_rosinalitys_networks(fresh):
    config, original = imported(fresh, "rosinality", warm_start="imported", images=32)
    fresh.make(config, "results/tiny/generator/generator.safetensors")
    assert same_images(fresh, original, "imported.safetensors")
    assert not same_images(fresh, original)
    trained = fresh.results / "generator" / "generator.safetensors"
    assert images_seen(trained) == 32
    before = load_discriminator(fresh.results / "generator" / "imported.safetensors").state_dict()
    after = load_discriminator(trained).state_dict()
    name = "b4.out.weight"
    assert 0 < (before[name] - after[name]).abs().max() < 0.1  # from there, not from elsewhere
