"""Exported graphs: photos of any size in, what the translator gives out."""

import json
import zipfile

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from PIL import Image

from sceneshift.runtime.errors import SceneshiftError
from sceneshift.stages.export_translator import export_translator
from sceneshift.translator import exporting, load_translator, portable, translator

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit")  # the newer exporter cannot follow computed sizes

# height, width; 16 is the training size
SIZES = [(16, 16), (16, 28), (30, 40), (37, 53), (100, 41), (9, 13), (13, 120), (211, 100)]


def photo(height, width):
    """Smooth, as photos are: an edit of noise says nothing."""
    coarse = np.random.default_rng(height * width).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))


def load_onnx(path):
    session = onnxruntime.InferenceSession(path)
    return lambda x, **strength: session.run(
        None, {"photo": x} | {k: np.array(s, np.float32) for k, s in strength.items()}
    )[0]


def load_torchscript(path):
    graph = torch.jit.load(path)
    return lambda x, **strength: graph(torch.from_numpy(x), **strength).numpy()


FORMATS = {"onnx": load_onnx, "torchscript": load_torchscript}


@pytest.mark.parametrize("head", ["edit", "image"])
@pytest.mark.parametrize("format", FORMATS)
def test_the_graph_edits_photos_of_any_size_as_the_translator_does(make_translator, tmp_path, format, head, capsys):
    path = make_translator(head=head, local_enhancer=head == "image")
    export_translator(path, tmp_path / "graph", format=format)
    assert "Largest difference from PyTorch" in capsys.readouterr().err
    run, editor = FORMATS[format](tmp_path / "graph"), load_translator(path)
    for size in SIZES:
        before = photo(*size)
        wanted = editor(before).astype(int)
        found = run((before / np.float32(255)).transpose(2, 0, 1)[None])
        assert found.dtype == np.float32
        levels = np.abs(found[0].transpose(1, 2, 0) * 255 - wanted)
        assert levels.max() < 0.75, size  # half a level of which is the translator's rounding
        assert np.abs(before - wanted).mean() > 2, "an edit to speak of"


@pytest.mark.parametrize(("head", "strengths"), [("edit", (0.0, 0.5, 1.0, 2.0, 3.0)), ("image", (0.0, 0.5, 1.0))])
@pytest.mark.parametrize("format", FORMATS)
def test_the_graph_takes_the_strength_that_the_translator_takes(make_translator, tmp_path, format, head, strengths):
    path = make_translator(head)
    export_translator(path, tmp_path / "graph", format=format)
    run, editor = FORMATS[format](tmp_path / "graph"), load_translator(path)
    for before in (photo(16, 16), photo(37, 53)):
        given = (before / np.float32(255)).transpose(2, 0, 1)[None]
        for strength in strengths:
            found = run(given, strength=strength)[0].transpose(1, 2, 0)
            assert np.abs(found * 255 - editor(before, strength)).max() < 0.75
        assert np.array_equal(run(given), run(given, strength=1.0))


def test_a_large_photo_too(make_translator, tmp_path):
    export_translator(make_translator(), tmp_path / "t.onnx", format="onnx")
    before = photo(1201, 1600)
    found = load_onnx(tmp_path / "t.onnx")((before / np.float32(255)).transpose(2, 0, 1)[None])
    assert np.abs(found[0].transpose(1, 2, 0) * 255 - load_translator(make_translator())(before)).max() < 0.75


SMALL = [
    ((30, 40), (16, 21)),
    ((100, 41), (39, 16)),
    ((481, 643), (64, 86)),
    ((2000, 130), (246, 16)),
    ((9, 7), (82, 64)),
    ((11, 150), (64, 873)),
]


class Shrunk(torch.nn.Module):
    """What `forward` of the portable translator does first."""

    def forward(self, levels, low, narrow):
        return portable.shrunk(levels, low, narrow)


@pytest.fixture(scope="module")
def shrunk_in_onnx(tmp_path_factory):
    path, example = tmp_path_factory.mktemp("shrunk") / "s.onnx", (torch.rand(1, 3, 9, 8), *map(torch.tensor, (7, 6)))
    with exporting._quiet():
        torch.onnx.export(
            Shrunk(), example, path, dynamo=False, opset_version=17, input_names=["levels", "low", "narrow"],
            dynamic_axes={"levels": {2: "H", 3: "W"}},
        )  # fmt: skip
    return onnxruntime.InferenceSession(path)


@pytest.mark.parametrize(("size", "small"), SMALL)
def test_the_small_copy_is_the_translator_s_to_the_bit(size, small, shrunk_in_onnx):
    before = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    levels = torch.from_numpy(before).permute(2, 0, 1)[None].float()
    found = portable.shrunk(levels, *map(torch.tensor, small))[0].permute(1, 2, 0).numpy()
    np.testing.assert_array_equal(found, translator.shrunk(before, *small))
    given = {"levels": levels.numpy(), "low": np.array(small[0]), "narrow": np.array(small[1])}
    np.testing.assert_array_equal(shrunk_in_onnx.run(None, given)[0], found.transpose(2, 0, 1)[None])


def test_the_small_copy_is_pillow_s(tmp_path):
    """Where Pillow too goes across first: in photos less than twice as high as wide."""
    before = np.random.default_rng(0).integers(0, 256, (480, 640, 3), dtype=np.uint8)
    expected = Image.fromarray(before).resize((85, 64), Image.Resampling.LANCZOS, reducing_gap=3.0)
    np.testing.assert_array_equal(translator.shrunk(before, 64, 85), expected)


def test_a_batch_is_its_photos_one_by_one(make_translator, tmp_path):
    export_translator(make_translator(), tmp_path / "t.onnx", format="onnx")
    run = load_onnx(tmp_path / "t.onnx")
    batch = np.stack([photo(40, 30), photo(40, 30)[::-1]]).transpose(0, 3, 1, 2).astype(np.float32) / 255
    np.testing.assert_allclose(run(batch), np.concatenate([run(batch[:1]), run(batch[1:])]), atol=1e-5)


@pytest.mark.parametrize("format", FORMATS)
def test_the_file_says_what_made_it_and_holds_no_paths(make_translator, tmp_path, format):
    path = make_translator()
    export_translator(path, tmp_path / "graph", format=format)
    if format == "onnx":
        model = onnx.load(tmp_path / "graph")
        onnx.checker.check_model(model)
        assert model.opset_import[0].version == exporting.OPSET
        note, contents = model.metadata_props[0].value, [(tmp_path / "graph").read_bytes()]
    else:
        with zipfile.ZipFile(tmp_path / "graph") as archive:
            contents = [archive.read(name) for name in archive.namelist()]
            note = archive.read("archive/extra/sceneshift.json").decode()
    assert json.loads(note)["command"] == "export-translator"
    assert not any(b"/sceneshift/translator/" in content or b"site-packages" in content for content in contents)


def test_equal_exports_give_equal_bytes(make_translator, tmp_path):
    for name in ("a", "b"):
        export_translator(make_translator(), tmp_path / name, format="onnx")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_graph_that_computes_something_else_is_not_written(make_translator, tmp_path, monkeypatch):
    monkeypatch.setattr(exporting, "_load_onnx", lambda path: lambda photos, _: photos)
    with pytest.raises(SceneshiftError, match=r"differs from PyTorch by .* more than 0\.001"):
        export_translator(make_translator(), tmp_path / "t.onnx", format="onnx")
    assert not (tmp_path / "t.onnx").exists()


def test_the_suffix_tells_the_format(make_translator, tmp_path):
    path = make_translator()
    export_translator(path, tmp_path / "night.onnx")
    assert onnx.load(tmp_path / "night.onnx").opset_import[0].version == exporting.OPSET
    export_translator(path, tmp_path / "night.pt")
    torch.jit.load(tmp_path / "night.pt")
    with pytest.raises(SceneshiftError, match=r"night\.h5: its suffix.*expected \.onnx, .*, or --format"):
        export_translator(path, tmp_path / "night.h5")
