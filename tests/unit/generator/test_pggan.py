"""PGGAN: the images of a plain forward pass from NVIDIA's pickles, one code for all layers, and what is refused."""

import math
import pickle
import sys
import types

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from foreign_generators import Network, Sizes
from sceneshift.generator.checkpoints import load_generator
from sceneshift.latents.boundaries import Boundary, save_boundary
from sceneshift.latents.levels import levels
from sceneshift.latents.moving import Move
from sceneshift.latents.rendering import Renderer
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.stages.edit import edit
from sceneshift.stages.export_generator import export_generator
from sceneshift.stages.import_generator import import_generator


def variables(sizes, fused):
    """Random weights by TensorFlow's names and in its shapes."""
    c = sizes.channels
    made = {"lod": torch.zeros([]), "4x4/Dense/weight": sizes.randn(sizes.z_dim, 16 * c[4])}
    made |= {"4x4/Dense/bias": 0.1 * sizes.randn(c[4]), "4x4/Conv/weight": sizes.randn(3, 3, c[4], c[4])}
    made["4x4/Conv/bias"] = 0.1 * sizes.randn(c[4])
    for r in sizes.resolutions[1:]:
        up = (3, 3, c[r], c[r // 2]) if fused else (3, 3, c[r // 2], c[r])
        made[f"{r}x{r}/{'Conv0_up' if fused else 'Conv0'}/weight"] = sizes.randn(*up)
        made[f"{r}x{r}/{'Conv0_up' if fused else 'Conv0'}/bias"] = 0.1 * sizes.randn(c[r])
        made[f"{r}x{r}/Conv1/weight"], made[f"{r}x{r}/Conv1/bias"] = sizes.randn(3, 3, c[r], c[r]), sizes.randn(c[r])
    for lod, r in enumerate(reversed(sizes.resolutions)):
        made[f"ToRGB_lod{lod}/weight"], made[f"ToRGB_lod{lod}/bias"] = sizes.randn(1, 1, c[r], 3), sizes.randn(3)
    return made


def images(v, sizes, z):
    """G_paper, in the shapes of TensorFlow."""

    def norm(x):
        return x / (x.square().mean(dim=1, keepdim=True) + 1e-8).sqrt()

    def act(x, place):
        return norm(F.leaky_relu(x + v[f"{place}/bias"][:, None, None], 0.2))

    def scaled(place, gain=2**0.5, fan_in=None):
        weight = v[f"{place}/weight"]
        return weight * gain / math.sqrt(fan_in or weight[..., 0].numel())

    def conv(x, place, gain=2**0.5):
        weight = scaled(place, gain).permute(3, 2, 0, 1)
        return F.conv2d(x, weight, padding=weight.shape[-1] // 2)

    x = norm(z) @ scaled("4x4/Dense", math.sqrt(2) / 4)
    x = act(act_in := x.reshape(len(z), -1, 4, 4), "4x4/Dense")
    assert act_in.shape[1] == sizes.channels[4]
    x = act(conv(x, "4x4/Conv"), "4x4/Conv")
    for r in sizes.resolutions[1:]:
        if f"{r}x{r}/Conv0_up/weight" in v:
            kernel = scaled(f"{r}x{r}/Conv0_up", fan_in=9 * x.shape[1])  # [3, 3, O, I]
            wide = F.pad(kernel.permute(3, 2, 0, 1), (1, 1, 1, 1))
            wide = wide[:, :, 1:, 1:] + wide[:, :, :-1, 1:] + wide[:, :, 1:, :-1] + wide[:, :, :-1, :-1]
            x = act(F.conv_transpose2d(x, wide, stride=2, padding=1), f"{r}x{r}/Conv0_up")
        else:
            x = act(conv(x.repeat_interleave(2, 2).repeat_interleave(2, 3), f"{r}x{r}/Conv0"), f"{r}x{r}/Conv0")
        x = act(conv(x, f"{r}x{r}/Conv1"), f"{r}x{r}/Conv1")
    return conv(x, "ToRGB_lod0", 1) + v["ToRGB_lod0/bias"][:, None, None]


class OldNetwork(Network):
    pass


def write(path, v, function="G_paper", **arguments):
    network = OldNetwork(function, v)
    network.state["static_kwargs"] |= {"version": 2} | arguments
    del network.state["static_kwargs"]["version"]
    sys.modules["tfutil"] = types.ModuleType("tfutil")
    sys.modules["tfutil"].Network = OldNetwork
    names = OldNetwork.__module__, OldNetwork.__qualname__
    OldNetwork.__module__, OldNetwork.__qualname__ = "tfutil", "Network"
    try:
        path.write_bytes(pickle.dumps((network, network, network), protocol=2))
    finally:
        OldNetwork.__module__, OldNetwork.__qualname__ = names
        del sys.modules["tfutil"]


@pytest.fixture(params=[False, True], ids=["repeated", "fused"])
def imported(request, tmp_path):
    sizes = Sizes(32, z_dim=16)
    v = variables(sizes, request.param)
    write(tmp_path / "c.pkl", v)
    import_generator(tmp_path / "c.pkl", tmp_path / "g.safetensors")
    return sizes, v, tmp_path / "g.safetensors"


def test_images_are_those_of_the_original(imported):
    sizes, v, path = imported
    g, z = load_generator(path), sizes.randn(3, sizes.z_dim)
    expected = images(v, sizes, z)
    assert (g.kind, g.num_ws, g.resolution, g.z_dim, g.w_dim) == ("pggan", 1, 32, 16, 16)
    assert (g(z) - expected).abs().max() <= 1e-5 * expected.abs().max()
    assert (g(z, truncation_psi=0.5) - expected).abs().max() <= 1e-4 * expected.abs().max(), "ψ changes nothing"


def test_boundaries_of_z_move_the_code_on_its_sphere(imported, tmp_path):
    sizes, v, path = imported
    renderer, z = Renderer(path), sizes.randn(3, sizes.z_dim).numpy()
    normal = np.eye(sizes.z_dim, dtype=np.float32)[0]
    assert list(levels(renderer.ws_resolutions, 32)) == ["all", "layout"]
    mask = np.ones(1, bool)
    codes = renderer.codes(z)
    of_z, of_w = (Move(normal, 2.0, mask, 0.7, s).of(codes, renderer.mapped, renderer.w_avg) for s in ("z", "w"))
    there = torch.from_numpy(codes.w + 2 * normal)
    expected = images(v, sizes, there)
    for moved in (of_z, of_w):
        got = load_generator(path).synthesis(torch.from_numpy(moved))
        assert (got - expected).abs().max() <= 1e-4 * expected.abs().max()
    save_boundary(Boundary(normal, 0.0, "a", float("nan"), 0, "imported", space="z"), tmp_path / "b.npz")
    edit(path, tmp_path / "b.npz", tmp_path / "strip.png", images=2, absolute=True)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"lod": torch.ones([])}, "lod is not 0"),
        ({"4x4/Dense/weight": torch.ones(3)}, r"4x4/Dense/weight is missing, or not"),
        ({"4x4/Conv/weight": torch.ones(3, 3, 2, 2)}, r"4x4/Conv/weight"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, change, says):
    write(tmp_path / "c.pkl", variables(Sizes(16), True) | change)
    with pytest.raises(SceneshiftError, match=says):
        import_generator(tmp_path / "c.pkl", tmp_path / "g.safetensors")


def test_other_networks_of_its_kind_are_refused(tmp_path):
    v = variables(Sizes(16), True)
    write(tmp_path / "d.pkl", v, "D_paper")
    with pytest.raises(SceneshiftError, match="was built by D_paper"):
        import_generator(tmp_path / "d.pkl", tmp_path / "g.safetensors")
    write(tmp_path / "c.pkl", v, use_pixelnorm=False)
    with pytest.raises(SceneshiftError, match="use_pixelnorm False"):
        import_generator(tmp_path / "c.pkl", tmp_path / "g.safetensors")
    write(tmp_path / "c.pkl", v, label_size=10)
    with pytest.raises(SceneshiftError, match="conditional"):
        import_generator(tmp_path / "c.pkl", tmp_path / "g.safetensors")
    write(tmp_path / "c.pkl", v)
    import_generator(tmp_path / "c.pkl", tmp_path / "g.safetensors")
    with pytest.raises(SceneshiftError, match="is of pggan; only StyleGAN2"):
        export_generator(tmp_path / "g.safetensors", tmp_path / "x.pt")
