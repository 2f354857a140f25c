"""Generators of other code bases: the same images, the same judgements, and every wrong file refused by tensor."""

import functools
import itertools

import pytest
import torch

import foreign_generators as foreign
from sceneshift.generator.checkpoints import load_discriminator, load_generator, save_generator
from sceneshift.generator.formats import FOREIGN, open_checkpoint, rosinality
from sceneshift.generator.networks import Discriminator, Generator
from sceneshift.generator.state import lazy_adam, state_of
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.stages.export_generator import export_generator
from sceneshift.stages.import_generator import import_generator
from sceneshift.training.snapshots import Snapshots


@pytest.fixture(params=[name for name in FOREIGN if name not in ("stylegan", "pggan")])  # tests of their own
def name(request):
    return request.param


@pytest.mark.parametrize("resolution", [64, 256])
def test_images_are_those_of_the_original(tmp_path, name, resolution):
    sizes = foreign.Sizes(resolution, layers=2 if resolution == 64 else 8)
    original = foreign.write(tmp_path / "c", name, sizes)
    import_generator(tmp_path / "c", tmp_path / "g.safetensors", shape=(resolution, resolution))
    g = load_generator(tmp_path / "g.safetensors")
    z = torch.randn(2, sizes.z_dim)
    for psi in (1.0, 0.7, 0.0):
        expected = original(z, psi)
        difference = (g(z, truncation_psi=psi) - expected).abs().max()
        assert difference <= 1e-3 * min(1, expected.std()), psi
    assert load_discriminator(tmp_path / "g.safetensors") is not None


def test_wide_networks_are_those_of_the_original(tmp_path, name):
    sizes = foreign.Sizes(32, columns=7)
    original = foreign.write(tmp_path / "c", name, sizes)
    with pytest.raises(SceneshiftError, match="32 px high and 56 px wide"):
        import_generator(tmp_path / "c", tmp_path / "g.safetensors", shape=(32, 32))
    import_generator(tmp_path / "c", tmp_path / "g.safetensors", shape=(32, 56))
    g, z = load_generator(tmp_path / "g.safetensors"), torch.randn(2, sizes.z_dim)
    expected = original(z, 0.7)
    assert expected.shape == (2, 3, 32, 56)
    assert (g(z, truncation_psi=0.7) - expected).abs().max() <= 1e-3 * min(1, expected.std())
    assert load_discriminator(tmp_path / "g.safetensors")(expected).shape == (2, 1)


@pytest.mark.slow
def test_images_of_1024_px(tmp_path, name):
    sizes = foreign.Sizes(1024, base=16384, most=64, z_dim=64, w_dim=64)
    original = foreign.write(tmp_path / "c", name, sizes, discriminator=False)
    import_generator(tmp_path / "c", tmp_path / "g.safetensors")
    z = torch.randn(1, 64)
    assert (load_generator(tmp_path / "g.safetensors")(z, 0.7) - original(z, 0.7)).abs().max() <= 1e-3


def test_discriminators_come_along(tmp_path, name):
    sizes = foreign.Sizes(32)
    foreign.write(tmp_path / "c", name, sizes)
    import_generator(tmp_path / "c", tmp_path / "g.safetensors")
    d = load_discriminator(tmp_path / "g.safetensors")
    again = foreign.Sizes(32)
    {
        "stylegan2-ada-pytorch": foreign.nvidia_generator,
        "rosinality": foreign.rosinality_generator,
        "genforce": foreign.genforce_generator,
        "stylegan2": foreign.genforce_generator,
    }[name](again)  # draws what came before the discriminator
    if name == "rosinality":
        again.randn(again.w_dim)
    images = torch.randn(4, 3, 32, 32)
    torch.testing.assert_close(d(images), foreign.nvidia_logits(foreign.nvidia_discriminator(again), again, images))


def test_clamps_are_kept_and_applied(tmp_path):
    sizes, clamp = foreign.Sizes(32), 0.5  # NVIDIA's is 256, which random weights do not reach
    g_sd, d_sd = foreign.nvidia_generator(sizes), foreign.nvidia_discriminator(sizes)
    foreign.write_nvidia(tmp_path / "c.pkl", g_sd, d_sd, clamp)
    import_generator(tmp_path / "c.pkl", tmp_path / "g.safetensors")
    g, d = load_generator(tmp_path / "g.safetensors"), load_discriminator(tmp_path / "g.safetensors")
    z, images = torch.randn(2, sizes.z_dim), torch.randn(4, 3, 32, 32)
    for limit, same in ((clamp, True), (None, False)):
        assert torch.allclose(g(z), foreign.nvidia_images(g_sd, sizes, z, 1.0, limit), atol=1e-3) == same
        assert torch.allclose(d(images), foreign.nvidia_logits(d_sd, sizes, images, limit), atol=1e-3) == same


def test_nvidias_own_channel_arithmetic(tmp_path):
    """Any channel_base and channel_max: 1000 // 8 = 125, 1000 // 16 = 62, …"""
    sizes = foreign.Sizes(32, base=1000, most=100)
    original = foreign.write(tmp_path / "c", "stylegan2-ada-pytorch", sizes)
    import_generator(tmp_path / "c", tmp_path / "g.safetensors")
    z = torch.randn(1, sizes.z_dim)
    assert (load_generator(tmp_path / "g.safetensors")(z) - original(z)).abs().max() <= 1e-3


def test_higans_older_layout(tmp_path):
    sizes = foreign.Sizes(32)
    g = foreign.genforce_generator(sizes)
    torch.save(foreign.as_higan(g), tmp_path / "c.pth")
    import_generator(tmp_path / "c.pth", tmp_path / "g.safetensors")
    z = torch.randn(2, sizes.z_dim)
    difference = load_generator(tmp_path / "g.safetensors")(z, 0.5) - foreign.genforce_images(g, sizes, z, 0.5)
    assert difference.abs().max() <= 1e-3


def test_without_latent_avg_the_mean_of_mapped_codes_is_taken(tmp_path, capsys):
    sizes = foreign.Sizes(8)
    torch.save({"g_ema": foreign.rosinality_generator(sizes)}, tmp_path / "c.pt")
    for out in "ab":
        import_generator(tmp_path / "c.pt", tmp_path / f"{out}.safetensors")
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()
    assert "no latent_avg" in capsys.readouterr().out
    g = load_generator(tmp_path / "a.safetensors")
    expected = g.mapping(torch.randn(50_000, sizes.z_dim)).mean(dim=0)
    assert (g.w_avg - expected).norm() < 0.05 * expected.norm()


def test_a_discriminator_of_another_architecture_stays_behind(tmp_path, capsys):
    sizes = foreign.Sizes(8)
    g, d = foreign.nvidia_generator(sizes), foreign.nvidia_discriminator(sizes)
    foreign.write_nvidia(tmp_path / "c.pkl", g, d, d_architecture="orig")
    import_generator(tmp_path / "c.pkl", tmp_path / "g.safetensors")
    assert load_discriminator(tmp_path / "g.safetensors") is None
    assert "architecture {'orig'}" in capsys.readouterr().out


@pytest.mark.parametrize("group", [8, None])
def test_the_groups_that_a_discriminator_compares_are_kept(tmp_path, group):
    sizes = foreign.Sizes(8)
    g, d = foreign.nvidia_generator(sizes), foreign.nvidia_discriminator(sizes)
    foreign.write_nvidia(tmp_path / "c.pkl", g, d, group_size=group)
    import_generator(tmp_path / "c.pkl", tmp_path / "g.safetensors")
    d = load_discriminator(tmp_path / "g.safetensors")
    assert d.group_size == group
    images = torch.randn(16, 3, 8, 8)
    assert torch.allclose(d(images)[::2], d(images[::2]), atol=1e-5) == (group == 8)
    export_generator(tmp_path / "g.safetensors", tmp_path / "again.pkl", format="stylegan2-ada-pytorch")
    import_generator(tmp_path / "again.pkl", tmp_path / "again.safetensors")
    assert load_discriminator(tmp_path / "again.safetensors").group_size == group


def test_a_discriminator_with_more_deviation_channels_is_left_out(tmp_path, name, capsys):
    sizes = foreign.Sizes(8)
    sizes.deviation_channels = 2
    foreign.write(tmp_path / "c", name, sizes)
    import_generator(tmp_path / "c", tmp_path / "g.safetensors")
    assert load_discriminator(tmp_path / "g.safetensors") is None
    assert "is left out" in capsys.readouterr().out


# Wrong files.

CHECKPOINT = {"stylegan2-ada-pytorch": "G_ema", "rosinality": "g_ema", "genforce": "generator_smooth"}
MAKE = {
    "stylegan2-ada-pytorch": foreign.nvidia_generator,
    "rosinality": foreign.rosinality_generator,
    "genforce": foreign.genforce_generator,
}
NAMES = {  # a weight, the noise of the last layer
    "stylegan2-ada-pytorch": ("synthesis.b8.conv0.weight", "synthesis.b8.conv1.noise_const"),
    "rosinality": ("convs.0.conv.weight", "noises.noise_2"),
    "genforce": ("synthesis.layer1.weight", "synthesis.layer2.noise"),
}


@pytest.mark.parametrize("name", MAKE)
@pytest.mark.parametrize("wrong", ["missing", "surplus", "shape", "nan", "type", "filter"])
def test_wrong_tensors_are_named(tmp_path, name, wrong):
    sd = MAKE[name](foreign.Sizes(8))
    weight, noise = NAMES[name]
    if wrong == "missing":
        del sd[noise]
        words = f"tensor {noise} is missing"
    elif wrong == "surplus":
        sd["something.else"] = torch.zeros(1)
        words = "tensor something.else is not expected"
    elif wrong == "shape":
        sd[weight] = sd[weight][..., :2]
        words = rf"tensor {weight} has shape \[.*3, 2\]; expected \[16, 16, 3, 3\]"
    elif wrong == "nan":
        sd[weight].view(-1)[7] = float("nan")
        words = f"tensor {weight} holds NaN or infinity"
    elif wrong == "type":
        sd[noise] = sd[noise].long()
        words = rf"tensor {noise} holds numbers of type torch.int64"
    else:
        key = next(key for key in sd if key.endswith(("kernel", "resample_filter")))
        sd[key] = sd[key].roll(1)
        words = rf"filter {key} is not StyleGAN2's"
    path = tmp_path / "c.pt"
    torch.save({CHECKPOINT[name]: sd, "latent_avg": torch.zeros(12)}, path)
    with pytest.raises(SceneshiftError, match=words) as error:
        import_generator(path, tmp_path / "g.safetensors")
    assert str(path) in str(error.value)
    assert not (tmp_path / "g.safetensors").exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"c_dim": 10}, r"conditional generator \(c_dim \{10\}\)"),
        ({"g_architecture": "resnet"}, r"architecture is \{'resnet'\} in G_ema; only \{'skip'\}"),
        ({"clamp": "256"}, "conv_clamp is not a positive number"),
    ],
)
def test_other_kinds_of_nvidias_generators_are_refused_by_name(tmp_path, change, words):
    foreign.write_nvidia(tmp_path / "c.pkl", foreign.nvidia_generator(foreign.Sizes(8)), **change)
    with pytest.raises(SceneshiftError, match=words):
        import_generator(tmp_path / "c.pkl", tmp_path / "g.safetensors")


def test_a_class_of_a_conditional_generator_becomes_a_generator_without_labels(tmp_path):
    sizes, classes = foreign.Sizes(8), 3
    g = foreign.nvidia_generator(sizes)
    embed, bias = sizes.randn(5, classes), sizes.randn(5)
    first = sizes.randn(sizes.w_dim, sizes.z_dim + 5)
    conditional = g | {"mapping.embed.weight": embed, "mapping.embed.bias": bias, "mapping.fc0.weight": first}
    foreign.write_nvidia(tmp_path / "c.pkl", conditional, foreign.nvidia_discriminator(sizes), c_dim=classes)
    z = sizes.randn(4, sizes.z_dim)
    for label in range(classes):
        import_generator(tmp_path / "c.pkl", tmp_path / "g.safetensors", class_label=label)
        y = embed[:, label] / classes**0.5 + bias
        x = torch.cat([v / v.square().mean(-1, keepdim=True).sqrt() for v in (z, y.expand(4, -1))], dim=1)
        for i in range(sizes.layers):
            weight = conditional[f"mapping.fc{i}.weight"]
            x = foreign.lrelu(x @ weight.T * 0.01 / weight.shape[1] ** 0.5 + 0.01 * g[f"mapping.fc{i}.bias"])
        made = load_generator(tmp_path / "g.safetensors")
        torch.testing.assert_close(made.mapping(z), x, rtol=1e-4, atol=1e-5)
    assert load_discriminator(tmp_path / "g.safetensors") is None, "it asks for labels"
    for label, says in ((None, "3 classes, 0 to 2; found no class"), (3, "3 classes, 0 to 2; found 3")):
        with pytest.raises(SceneshiftError, match=says):
            import_generator(tmp_path / "c.pkl", tmp_path / "x.safetensors", class_label=label)
    foreign.write_nvidia(tmp_path / "bad.pkl", conditional | {"mapping.embed.weight": embed[:4]}, c_dim=classes)
    with pytest.raises(SceneshiftError, match=r"mapping\.embed has shape \[4, 3\]"):
        import_generator(tmp_path / "bad.pkl", tmp_path / "x.safetensors", class_label=0)
    foreign.write_nvidia(tmp_path / "plain.pkl", g)
    with pytest.raises(SceneshiftError, match="has no class labels"):
        import_generator(tmp_path / "plain.pkl", tmp_path / "x.safetensors", class_label=0)


def test_genforces_conditional_generators_are_refused(tmp_path):
    sd = {"synthesis.early_layer.const": torch.zeros(1), "mapping.label_weight": torch.zeros(1)}
    torch.save(sd, tmp_path / "c.pth")
    with pytest.raises(SceneshiftError, match="conditional"):
        import_generator(tmp_path / "c.pth", tmp_path / "g.safetensors")


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"static_kwargs": {"label_size": 10}}, r"conditional generator \(label_size 10\)"),
        ({"static_kwargs": {"mapping_lrmul": 0.1}}, r"mapping_lrmul 0\.1"),
        ({"static_kwargs": {"architecture": "resnet"}}, "architecture is 'resnet'"),
        ({"static_kwargs": None}, "no static_kwargs"),
        ({"build_func_name": "G_paper"}, "built by G_paper"),
        ({"variables": [("dlatent_avg", "x")]}, "not a name with an array"),
        ({"variables": []}, "tensor dlatent_avg is missing"),
    ],
)
def test_other_kinds_of_tensorflows_generators_are_refused_by_name(tmp_path, state, words):
    sizes = foreign.Sizes(8)
    g = foreign.tensorflow_generator(foreign.genforce_generator(sizes), sizes)
    g.state |= state
    foreign.write_tensorflow(tmp_path / "c.pkl", g)
    with pytest.raises(SceneshiftError, match=words):
        import_generator(tmp_path / "c.pkl", tmp_path / "g.safetensors")


def test_each_format_given_as_another_is_refused(tmp_path, name):
    foreign.write(tmp_path / "c", name, foreign.Sizes(8))
    assert open_checkpoint(tmp_path / "c")[0] == name
    for other in {"sceneshift", *FOREIGN} - {name}:
        with pytest.raises(SceneshiftError, match=rf"{tmp_path / 'c'}"):
            import_generator(tmp_path / "c", tmp_path / "g.safetensors", format=other)


@pytest.mark.parametrize("content", [{"weights": {}}, [1, 2], {"g_ema": [1]}, {"models": {}}, {"G_ema": 3}])
def test_files_of_no_known_format_say_what_they_hold(tmp_path, content):
    torch.save(content, tmp_path / "c.pt")
    with pytest.raises(SceneshiftError, match=r"c\.pt"):
        import_generator(tmp_path / "c.pt", tmp_path / "g.safetensors")


def test_shapes_that_claim_too_much_ask_for_no_memory(tmp_path):
    """A bias of a million channels at 4 px: the kernels would take 36 TB."""
    sd = foreign.rosinality_generator(foreign.Sizes(8))
    sd["conv1.activate.bias"], sd["convs.1.activate.bias"] = torch.zeros(2_000_000), torch.zeros(1_000_000)
    torch.save({"g_ema": sd}, tmp_path / "c.pt")
    with pytest.raises(SceneshiftError, match="has shape"):
        import_generator(tmp_path / "c.pt", tmp_path / "g.safetensors")


# The other way.


@pytest.fixture
def exportable(tmp_path):
    """As rosinality can build it: 512 channels."""
    channels = {"resolution": 8, "channel_base": 32768, "channel_max": 512}
    g, d = Generator(z_dim=6, w_dim=6, mapping_layers=2, **channels), Discriminator(**channels)
    g.w_avg.normal_()
    save_generator(tmp_path / "own.safetensors", g, d)
    return g, d


@pytest.mark.parametrize("name", ["stylegan2-ada-pytorch", "rosinality"])
def test_exports_come_back_bit_for_bit(tmp_path, exportable, name):
    for out in "ab":
        export_generator(tmp_path / "own.safetensors", tmp_path / out, format=name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    import_generator(tmp_path / "a", tmp_path / "back.safetensors")
    for network, load in zip(exportable, (load_generator, load_discriminator), strict=True):
        back = load(tmp_path / "back.safetensors").state_dict()
        for key, tensor in network.state_dict().items():
            assert torch.equal(back[key], tensor), key


def test_genforces_files_come_back_as_they_were(tmp_path):
    sizes = foreign.Sizes(64)
    original = foreign.write(tmp_path / "c.pth", "genforce", sizes)
    import_generator(tmp_path / "c.pth", tmp_path / "g.safetensors")
    export_generator(tmp_path / "g.safetensors", tmp_path / "again.pth")
    before, after = torch.load(tmp_path / "c.pth")["models"], torch.load(tmp_path / "again.pth")
    for network in ("generator_smooth", "discriminator"):
        assert before[network].keys() == after[network].keys()
        for name, tensor in before[network].items():
            torch.testing.assert_close(after[network][name], tensor, rtol=1e-6, atol=1e-6, msg=name)
    import_generator(tmp_path / "again.pth", tmp_path / "again.safetensors")
    z = torch.randn(2, sizes.z_dim)
    one, other = (load_generator(tmp_path / f"{name}.safetensors")(z, 0.7) for name in ("g", "again"))
    assert (one - other).abs().max() <= 1e-6 * original(z, 0.7).abs().max()


class Branch(torch.nn.Module):
    """A module with tensors of its own, made first, and modules inside, made in this order."""

    def __init__(self, own=(), **inside):
        super().__init__()
        for name, size in dict(own).items():
            setattr(self, name, torch.nn.Parameter(torch.zeros(size)))
        for name, module in inside.items():
            self.add_module(name, module)


def rosinalitys_parameters(sizes):
    """Those of its generator's modules with the parameters that they have, in the order in which they make them."""

    def modulated(inputs, outputs, size):
        linear = Branch({"weight": (inputs, sizes.w_dim), "bias": inputs})
        return Branch({"weight": (1, outputs, inputs, size, size)}, modulation=linear)

    def layer(inputs, outputs):
        conv, noise, activate = modulated(inputs, outputs, 3), Branch({"weight": 1}), Branch({"bias": outputs})
        return Branch(conv=conv, noise=noise, activate=activate)

    def rgb(inputs):
        return Branch({"bias": (1, 3, 1, 1)}, conv=modulated(inputs, 3, 1))

    widths = [sizes.z_dim] + [sizes.w_dim] * sizes.layers
    dense = [Branch({"weight": (after, before), "bias": after}) for before, after in itertools.pairwise(widths)]
    c, above = sizes.channels, sizes.resolutions[1:]
    return Branch(
        style=torch.nn.Sequential(torch.nn.Identity(), *dense),
        input=Branch({"input": (1, c[4], 4, 4)}),
        conv1=layer(c[4], c[4]),
        to_rgb1=rgb(c[4]),
        convs=torch.nn.ModuleList(layer(i, c[r]) for r in above for i in (c[r // 2], c[r])),
        to_rgbs=torch.nn.ModuleList(rgb(c[r]) for r in above),
    )


@pytest.fixture
def training(tmp_path):
    """A generator file and the snapshot of its training: networks that differ, and optimizers after a step."""
    channels = {"resolution": 32, "channel_base": 128, "channel_max": 16}
    g, d = Generator(z_dim=6, w_dim=6, mapping_layers=2, **channels), Discriminator(**channels)
    save_generator(tmp_path / "own.safetensors", g, d)
    state = state_of(Generator(z_dim=6, w_dim=6, mapping_layers=2, **channels), d)
    state.g = g
    state.optimizer_g = lazy_adam(g, 0.0025, 4)
    for network, optimizer in ((g, state.optimizer_g), (d, state.optimizer_d)):
        for parameter in network.parameters():
            parameter.grad = torch.randn_like(parameter)
        optimizer.step()
    Snapshots(tmp_path, "digest").save(state)
    return state


def test_rosinalitys_training_goes_on_from_a_snapshot(tmp_path, training, monkeypatch):
    monkeypatch.setattr(rosinality, "_require_its_channels", lambda g: None)
    export_generator(tmp_path / "own.safetensors", tmp_path / "r.pt", snapshot=tmp_path / "snapshot.pt")
    file = torch.load(tmp_path / "r.pt")
    its = rosinalitys_parameters(foreign.Sizes(32, base=128, z_dim=6, w_dim=6, layers=2))
    assert dict(its.named_parameters()).keys() <= file["g"].keys()
    assert not any(
        "weight" in name or "bias" in name for name in file["g"].keys() - dict(its.named_parameters()).keys()
    )
    for part, network in (("g", training.g), ("g_ema", training.g_ema)):
        its.load_state_dict({name: file[part][name] for name, _ in its.named_parameters()})
        for name, parameter in network.named_parameters():
            assert torch.equal(file[part][rosinality.generator_name(name)].flatten(), parameter.flatten()), name
    optimizer = torch.optim.Adam(its.parameters(), lr=1.0)
    optimizer.load_state_dict(file["g_optim"])
    assert optimizer.param_groups[0]["lr"] == 0.0025 * 4 / 5
    assert optimizer.param_groups[0]["betas"] == (0.0, 0.99 ** (4 / 5))
    theirs = dict(its.named_parameters())
    for name, parameter in training.g.named_parameters():
        ours, same = training.optimizer_g.state[parameter], theirs[rosinality.generator_name(name)]
        for key in ("exp_avg", "exp_avg_sq"):
            assert optimizer.state[same][key].shape == same.shape
            assert torch.equal(optimizer.state[same][key].flatten(), ours[key].flatten()), name
        assert optimizer.state[same]["step"] == 1
    d = list(training.d.named_parameters())
    assert [file["d"][rosinality.discriminator_name(name, 32)].shape for name, _ in d] == [p.shape for _, p in d]
    block = ["conv1.0.weight", "conv1.1.bias", "conv2.1.weight", "conv2.2.bias", "skip.1.weight"]
    last = ["final_conv.0.weight", "final_conv.1.bias"]
    last += [f"final_linear.{number}.{part}" for number in (0, 1) for part in ("weight", "bias")]
    inside = [f"convs.{number}.{part}" for number in (1, 2, 3) for part in block]
    names = [name for name in file["d"] if not name.endswith("kernel")]
    assert names == ["convs.0.0.weight", "convs.0.1.bias", *inside, *last]
    for number, (_, parameter) in enumerate(d):
        moments, ours = file["d_optim"]["state"][number], training.optimizer_d.state[parameter]
        assert torch.equal(moments["exp_avg_sq"], ours["exp_avg_sq"])


def test_without_a_snapshot_the_average_is_trained_on_with_fresh_optimizers(tmp_path, exportable):
    export_generator(tmp_path / "own.safetensors", tmp_path / "r.pt")
    file = torch.load(tmp_path / "r.pt")
    assert all(torch.equal(tensor, file["g_ema"][name]) for name, tensor in file["g"].items())
    for key, network, ratio in (("g_optim", exportable[0], 4 / 5), ("d_optim", exportable[1], 16 / 17)):
        optimizer = torch.optim.Adam(network.parameters())
        optimizer.load_state_dict(file[key])
        assert (optimizer.param_groups[0]["lr"], optimizer.state) == (0.002 * ratio, {})


@pytest.mark.parametrize(("name", "trained"), [("stylegan2-ada-pytorch", "G"), ("genforce", "generator")])
def test_a_snapshots_generator_is_written_beside_its_average(tmp_path, training, name, trained):
    export_generator(tmp_path / "own.safetensors", tmp_path / "x", format=name, snapshot=tmp_path / "snapshot.pt")
    import_generator(tmp_path / "x", tmp_path / "average.safetensors")
    file = torch.load(tmp_path / "x")
    average = {"G": "G_ema", "generator": "generator_smooth"}[trained]
    torch.save(file | {average: file[trained]}, tmp_path / "x")
    import_generator(tmp_path / "x", tmp_path / "trained.safetensors")
    for path, network in (("average", training.g_ema), ("trained", training.g)):
        back = load_generator(tmp_path / f"{path}.safetensors").state_dict()
        for key, tensor in network.state_dict().items():
            torch.testing.assert_close(back[key], tensor, rtol=1e-6, atol=1e-6, msg=key)


def test_a_snapshot_of_other_networks_is_named(tmp_path, training, exportable):
    with pytest.raises(SceneshiftError, match=r"snapshot\.pt is not a snapshot of this training"):
        export_generator(tmp_path / "own.safetensors", tmp_path / "f.pth", snapshot=tmp_path / "snapshot.pt")


def test_exports_have_the_names_and_shapes_of_the_code_bases(tmp_path, exportable):
    sizes = functools.partial(foreign.Sizes, 8, base=32768, most=512, z_dim=6, w_dim=6, layers=2)
    export_generator(tmp_path / "own.safetensors", tmp_path / "n", format="stylegan2-ada-pytorch")
    export_generator(tmp_path / "own.safetensors", tmp_path / "r", format="rosinality")
    export_generator(tmp_path / "own.safetensors", tmp_path / "f.pth")
    n, r, f = torch.load(tmp_path / "n"), torch.load(tmp_path / "r"), torch.load(tmp_path / "f.pth")
    for found, expected in (
        (f["generator_smooth"], foreign.genforce_generator(sizes())),
        (f["generator"], foreign.genforce_generator(sizes())),
        (f["discriminator"], foreign.genforce_discriminator(sizes())),
        (n["G_ema"], foreign.nvidia_generator(sizes())),
        (n["D"], foreign.nvidia_discriminator(sizes())),
        (r["g_ema"], foreign.rosinality_generator(sizes())),
        (r["d"], foreign.rosinality_discriminator(sizes())),
    ):
        shapes = [{key: list(tensor.shape) for key, tensor in sd.items()} for sd in (found, expected)]
        assert shapes[0] == shapes[1]


def test_a_clamped_generator_keeps_its_clamp_in_nvidias_format(tmp_path):
    g = Generator(z_dim=4, w_dim=4, resolution=8, channel_base=64, channel_max=8, mapping_layers=2, conv_clamp=256.0)
    save_generator(tmp_path / "g.safetensors", g)
    export_generator(tmp_path / "g.safetensors", tmp_path / "e.pt", format="stylegan2-ada-pytorch")
    import_generator(tmp_path / "e.pt", tmp_path / "back.safetensors")
    assert load_generator(tmp_path / "back.safetensors").conv_clamp == 256
    with pytest.raises(SceneshiftError, match="cannot build this generator: its channels are"):
        export_generator(tmp_path / "g.safetensors", tmp_path / "r.pt", format="rosinality")
