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


def published(sizes, layout, fused):
    """Random weights as one of the *.pth has them, and the images that its code makes of them: f(z)."""
    c, above = sizes.channels, sizes.resolutions[1:]
    shapes = [(c[4], sizes.z_dim, 4), (c[4], c[4], 3)] + [(c[r], i, 3) for r in above for i in (c[r // 2], c[r])]
    kernels = [
        sizes.randn(o, i, k, k) for o, i, k in shapes
    ]  # of convolutions, or flipped and transposed of fused ones
    biases = [0.1 * sizes.randn(o) for o, _, _ in shapes]
    outputs = [(sizes.randn(3, c[r], 1, 1), sizes.randn(3)) for r in sizes.resolutions]

    def norm(x):
        return x / (x.square().mean(dim=1, keepdim=True) + 1e-8).sqrt()

    def of(z):
        x = z[:, :, None, None]
        for index, (kernel, bias) in enumerate(zip(kernels, biases, strict=True)):
            x, kernel = norm(x), kernel * 2**0.5 / math.sqrt(kernel[0].numel())
            if index and index % 2 == 0 and fused:
                wide = F.pad(kernel.transpose(0, 1).flip(2, 3), (1, 1, 1, 1))  # as stored: [I, O, H, W]
                wide = wide[:, :, 1:, 1:] + wide[:, :, :-1, 1:] + wide[:, :, 1:, :-1] + wide[:, :, :-1, :-1]
                x = F.conv_transpose2d(x, wide, bias, stride=2, padding=1)
            else:
                x = F.interpolate(x, scale_factor=2) if index and index % 2 == 0 else x
                x = F.conv2d(x, kernel, bias, padding=1 if index else 3)
            x = F.leaky_relu(x, 0.2)
        weight, bias = outputs[-1]
        return F.conv2d(norm(x), weight / math.sqrt(weight[0].numel()), bias)

    sd = {} if layout == "interfacegan" else {"lod": torch.zeros([])}
    conv, wscale = ("", "") if layout == "genforce" else ("conv.", "wscale.")
    for index, (kernel, bias) in enumerate(zip(kernels, biases, strict=True)):
        name, key = f"layer{index + (layout == 'interfacegan')}", f"{conv}weight"
        if index and index % 2 == 0 and fused:
            kernel, key = kernel.transpose(0, 1).flip(2, 3), "weight"
            kernel = kernel if layout == "genforce" else kernel.permute(2, 3, 0, 1)
        sd[f"{name}.{key}"], sd[f"{name}.{wscale}bias"] = kernel, bias
    for index, (weight, bias) in enumerate(outputs):
        name = f"output{index}" if layout != "interfacegan" else f"output_{sizes.resolution}x{sizes.resolution}"
        sd[f"{name}.{conv}weight"], sd[f"{name}.{wscale}bias"] = weight, bias
    return {"generator": {}, "generator_smooth": sd} if layout == "genforce" else sd, of


@pytest.mark.parametrize(
    ("layout", "fused"),
    [("genforce", False), ("genforce", True), ("higan", False), ("higan", True), ("interfacegan", False)],
)
def test_images_of_published_pytorch_files(tmp_path, layout, fused):
    sizes = Sizes(64, base=512, z_dim=16)  # 8 channels at 64 px, 16 below
    content, original = published(sizes, layout, fused)
    torch.save(content, tmp_path / "c.pth")
    import_generator(tmp_path / "c.pth", tmp_path / "g.safetensors")
    z = sizes.randn(3, sizes.z_dim)
    expected = original(z)
    assert (load_generator(tmp_path / "g.safetensors")(z) - expected).abs().max() <= 1e-5 * expected.abs().max()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"lod": torch.ones([])}, "lod is not 0"),
        ({"layer0.weight": torch.ones(3)}, "4x4/Dense/weight is missing, or not"),
        ({"layer3.bias": None}, r"layer3\.bias is not a tensor"),
        ({"layer99.bias": torch.ones(3)}, "is not expected"),
        ({"something": torch.ones(3)}, "tensor something is not expected"),
    ],
)
def test_what_is_wrong_in_pytorch_files_is_named(tmp_path, change, says):
    content, _ = published(Sizes(16), "genforce", False)
    torch.save({"generator_smooth": content["generator_smooth"] | change}, tmp_path / "c.pth")
    with pytest.raises(SceneshiftError, match=says):
        import_generator(tmp_path / "c.pth", tmp_path / "g.safetensors")


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
