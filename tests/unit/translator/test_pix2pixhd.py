"""pix2pixHD's own generator files: read as what they compute, and written in the same form."""

import pytest
import torch
from torch.nn import functional as F

from sceneshift.runtime.errors import SceneshiftError
from sceneshift.stages.export_translator import export_translator
from sceneshift.stages.import_translator import import_translator
from sceneshift.translator.checkpoints import read_translator


def published_weights(local: bool, halvings=2, blocks=2, width=8, inputs=3):
    """A state dict named and shaped as pix2pixHD writes it."""
    weights: dict[str, torch.Tensor] = {}
    generator = torch.Generator().manual_seed(0)

    def layer(name, *shape, outputs=None):
        weights[f"{name}.weight"] = torch.randn(shape, generator=generator) * 0.1
        weights[f"{name}.bias"] = torch.randn(outputs or shape[0], generator=generator) * 0.1

    def block(name, channels):
        layer(f"{name}.conv_block.1", channels, channels, 3, 3)
        layer(f"{name}.conv_block.5", channels, channels, 3, 3)

    def up(name, channels):
        layer(name, channels, channels // 2, 3, 3, outputs=channels // 2)

    layer("model.1", width, inputs, 7, 7)
    for i in range(halvings):
        layer(f"model.{4 + 3 * i}", width * 2 ** (i + 1), width * 2**i, 3, 3)
    place = 4 + 3 * halvings
    for i in range(blocks):
        block(f"model.{place + i}", width * 2**halvings)
    place += blocks
    for i in range(halvings):
        up(f"model.{place + 3 * i}", width * 2 ** (halvings - i))
    if not local:
        layer(f"model.{place + 3 * halvings + 1}", 3, width, 7, 7)
        return weights
    fine = width // 2
    layer("model1_1.1", fine, inputs, 7, 7)
    layer("model1_1.4", width, fine, 3, 3)
    for i in range(2):
        block(f"model1_2.{i}", width)
    up("model1_2.2", width)
    layer("model1_2.6", 3, fine, 7, 7)
    return weights


def published_output(weights, photo):
    """pix2pixHD's forward pass, layer by layer, from its description: nothing of sceneshift's networks is used."""

    def run(prefix, x):
        """The layers of a Sequential in order; a 3×3 convolution halves before the residual blocks, doubles after."""
        places = sorted({int(name.split(".")[1]) for name in weights if name.split(".")[0] == prefix})
        enhanced = prefix == "model1_2"
        seen_block = False
        for place in places:
            if f"{prefix}.{place}.conv_block.1.weight" in weights:
                y = x
                for conv in (1, 5):
                    name = f"{prefix}.{place}.conv_block.{conv}"
                    y = F.conv2d(F.pad(y, (1, 1, 1, 1), "reflect"), weights[f"{name}.weight"], weights[f"{name}.bias"])
                    y = F.instance_norm(y)
                    y = F.relu(y) if conv == 1 else y
                x, seen_block = x + y, True
                continue
            weight, bias = weights[f"{prefix}.{place}.weight"], weights[f"{prefix}.{place}.bias"]
            if weight.shape[2] == 7:
                x = F.conv2d(F.pad(x, (3, 3, 3, 3), "reflect"), weight, bias)
                if seen_block:
                    return torch.tanh(x)
            elif seen_block or enhanced:
                x = F.conv_transpose2d(x, weight, bias, stride=2, padding=1, output_padding=1)
            else:
                x = F.conv2d(x, weight, bias, stride=2, padding=1)
            x = F.relu(F.instance_norm(x))
        return x

    if "model1_1.1.weight" not in weights:
        return run("model", photo)
    half = F.avg_pool2d(photo, 3, stride=2, padding=1, count_include_pad=False)
    return run("model1_2", run("model1_1", photo) + run("model", half))


@pytest.fixture(params=[False, True], ids=["global", "local"])
def checkpoint(request, tmp_path):
    path = tmp_path / "latest_net_G.pth"
    torch.save(published_weights(request.param), path)
    return path


def test_an_imported_translator_computes_what_pix2pixhd_computes(checkpoint, tmp_path):
    import_translator(checkpoint, tmp_path / "t.safetensors")
    network, facts = read_translator(tmp_path / "t.safetensors")
    photo = torch.rand(2, 3, 32, 40, generator=torch.Generator().manual_seed(1)) * 2 - 1
    wanted = published_output(torch.load(checkpoint), photo)
    torch.testing.assert_close(network(photo), wanted, atol=1e-4, rtol=0)
    assert wanted.std() > 0.1
    assert facts.sizes.head == "image"


def test_written_again_it_is_the_same_file(checkpoint, tmp_path):
    import_translator(checkpoint, tmp_path / "t.safetensors")
    export_translator(tmp_path / "t.safetensors", tmp_path / "back.pth", format="pix2pixhd")
    first, back = torch.load(checkpoint), torch.load(tmp_path / "back.pth")
    assert list(back) == list(first)
    assert all(torch.equal(back[name], first[name]) for name in first)
    export_translator(tmp_path / "t.safetensors", tmp_path / "again.pth", format="pix2pixhd")
    assert (tmp_path / "again.pth").read_bytes() == (tmp_path / "back.pth").read_bytes()


def test_an_old_file_with_statistics_of_its_norms_is_read_too(tmp_path):
    weights = published_weights(local=False)
    old = dict(weights)
    for place in (2, 5, 8):
        old |= {f"model.{place}.running_mean": torch.zeros(8), f"model.{place}.running_var": torch.ones(8)}
    torch.save(weights, tmp_path / "new.pth")
    torch.save(old, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    for name in ("new", "old"):
        import_translator(tmp_path / f"{name}.pth", tmp_path / f"{name}.safetensors")
    networks = [read_translator(tmp_path / f"{name}.safetensors")[0].state_dict() for name in ("new", "old")]
    assert all(torch.equal(networks[0][name], networks[1][name]) for name in networks[0])


def test_an_edit_head_has_no_such_form(make_translator, tmp_path):
    with pytest.raises(SceneshiftError, match=r"head: edit.*onnx"):
        export_translator(make_translator(head="edit"), tmp_path / "out.pth", format="pix2pixhd")
    assert not (tmp_path / "out.pth").exists()


def without(name):
    return lambda weights: weights.pop(name)


def replaced(name, value):
    return lambda weights: weights.update({name: value})


BROKEN = {
    "missing": (without("model.7.bias"), r"model\.7\.bias is missing .* 2 downsamplings and 2 blocks"),
    "surplus": (replaced("model.2.weight", torch.ones(8)), r"model\.2\.weight is not expected"),
    "shape": (replaced("model.4.weight", torch.zeros(5, 8, 3, 3)), r"model\.4\.weight is \(5, 8, 3, 3\); expected"),
    "nan": (replaced("model.4.bias", torch.full([16], torch.nan)), r"model\.4\.bias has values that are not finite"),
    "no tensor": (replaced("model.4.bias", "text"), "not the state dict of a pix2pixHD generator"),
    "number": (replaced("model.1.weight", torch.tensor(1.0)), "residual blocks"),
    "too deep": (replaced("model.1.weight", torch.zeros(9999, 3, 7, 7)), "width is 9999"),
    "two enhancers": (replaced("model2_1.1.weight", torch.ones(8)), "several local enhancers"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_wrong_is_named(name, tmp_path):
    breaks, says = BROKEN[name]
    weights = published_weights(local=False)
    breaks(weights)
    torch.save(weights, tmp_path / "G.pth")
    with pytest.raises(SceneshiftError, match=says) as error:
        import_translator(tmp_path / "G.pth", tmp_path / "t.safetensors")
    assert "G.pth" in str(error.value)
    assert not (tmp_path / "t.safetensors").exists()


def test_a_generator_of_label_maps_is_refused(tmp_path):
    torch.save(published_weights(local=False, inputs=36), tmp_path / "G.pth")
    with pytest.raises(SceneshiftError, match="takes 36 channels; expected 3"):
        import_translator(tmp_path / "G.pth", tmp_path / "t.safetensors")


@pytest.mark.parametrize("content", [[1, 2], {"model": 3}, {"conv1.weight": torch.ones(3)}, {}])
def test_other_files_of_torch_are_refused(content, tmp_path):
    torch.save(content, tmp_path / "G.pth")
    with pytest.raises(SceneshiftError, match=r"G\.pth"):
        import_translator(tmp_path / "G.pth", tmp_path / "t.safetensors")
