"""Generator files: read back exactly, refused with both sides named."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from sceneshift.generator.checkpoints import load_discriminator, load_generator, save_generator
from sceneshift.generator.networks import Discriminator, Generator
from sceneshift.runtime.errors import SceneshiftError


@pytest.fixture
def networks():
    return networks_of()


def networks_of(width=None):
    torch.manual_seed(0)
    channels = {"resolution": 16, "width": width, "channel_base": 64, "channel_max": 8}
    return Generator(z_dim=4, w_dim=6, mapping_layers=2, **channels), Discriminator(**channels)


def test_round_trip(networks, tmp_path):
    g, d = networks
    save_generator(tmp_path / "g.safetensors", g, d, images_seen=5)
    again = load_generator(tmp_path / "g.safetensors")
    z = torch.randn(2, 4)
    assert torch.equal(again(z), g(z))
    assert not any(p.requires_grad for p in again.parameters())
    images = torch.randn(4, 3, 16, 16)
    assert torch.equal(load_discriminator(tmp_path / "g.safetensors")(images), d(images))


def test_wide_networks_come_back_wide(tmp_path):
    g, d = networks_of(width=28)
    save_generator(tmp_path / "g.safetensors", g, d)
    again = load_generator(tmp_path / "g.safetensors")
    z = torch.randn(2, 4)
    assert (again.resolution, again.width) == (16, 28)
    assert torch.equal(again(z), g(z))
    assert torch.equal(load_discriminator(tmp_path / "g.safetensors")(g(z)), d(g(z)))


def test_files_without_a_width_are_square(networks, tmp_path):
    path = tmp_path / "g.safetensors"
    save_generator(path, *networks)
    damaged(path, lambda tensors, description: description.pop("width"))
    z = torch.randn(2, 4)
    assert load_generator(path).width == 16
    assert torch.equal(load_generator(path)(z), networks[0](z))


def test_equal_networks_give_equal_bytes(networks, tmp_path):
    for name in "ab":
        save_generator(tmp_path / f"{name}.safetensors", *networks, images_seen=5, seed=1)
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()


def test_a_file_without_discriminator_has_none(networks, tmp_path):
    save_generator(tmp_path / "g.safetensors", networks[0])
    assert load_discriminator(tmp_path / "g.safetensors") is None


def damaged(path, change):
    """The file with its tensors and description changed by `change(tensors, description)`."""
    from safetensors import safe_open

    with safe_open(path, "pt") as file:
        description = json.loads(file.metadata()["sceneshift"])
    tensors = load_file(path)
    change(tensors, description)
    save_file(tensors, path, metadata={"sceneshift": json.dumps(description)})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t, d: t.pop("synthesis.b8.conv0.weight"), "synthesis.b8.conv0.weight is missing"),
        (lambda t, d: t.update(surplus=torch.zeros(1)), "surplus is not expected"),
        (lambda t, d: t.update({"mapping.w_avg": torch.zeros(7)}), r"mapping.w_avg has shape \[7\]; expected \[6\]"),
        (lambda t, d: d.update(format_version=99), "version 99; this sceneshift reads 1"),
        (
            lambda t, d: d.update(format="sceneshift translator"),
            "sceneshift translator.*expected 'sceneshift generator'",
        ),
        (lambda t, d: d.pop("w_dim"), "does not describe a generator"),
        (lambda t, d: d.update(width=18), "width 18 is not a multiple of resolution / 4 = 4"),
        (lambda t, d: d.update(width=32), r"noise_const has shape \[16, 16\]; expected \[16, 32\]"),
    ],
)
def test_a_damaged_file_is_refused_with_both_sides(networks, tmp_path, change, words):
    path = tmp_path / "g.safetensors"
    save_generator(path, networks[0])
    damaged(path, change)
    with pytest.raises(SceneshiftError, match=words) as error:
        load_generator(path)
    assert str(path) in str(error.value)


def test_truncated_and_missing_files_are_named(networks, tmp_path):
    path = tmp_path / "g.safetensors"
    with pytest.raises(SceneshiftError, match=r"There is no generator .*g\.safetensors"):
        load_generator(path)
    save_generator(path, networks[0])
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(SceneshiftError, match=r"g\.safetensors is not a whole"):
        load_generator(path)
