"""The Places365 predictor against a plain implementation; the files it reads, good and bad; the file it becomes."""

import io
import re
import shutil

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from places365_weights import write_python2_checkpoint
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.scoring import load_predictor
from sceneshift.scoring.kinds.photometric import PhotometricPredictor
from sceneshift.scoring.kinds.places365 import (
    Places365Predictor,
    places365_scenes,
    read_attributes_matrix,
    read_network,
    sun_attributes,
)
from sceneshift.stages.fit_predictor import fit_predictor
from sceneshift.stages.score import score


def places365(files, attributes=("sun",), **more):
    paths = {"network": str(files.network), "attributes_matrix": str(files.attributes_matrix)}
    return Places365Predictor(kind="places365", attributes=list(attributes), **paths, **more)


@pytest.fixture(scope="module")
def images():
    """Smooth pictures, neither square nor of the network's size."""
    coarse = np.random.default_rng(0).integers(0, 256, (6, 5, 7, 3), dtype=np.uint8)
    return np.stack([np.asarray(Image.fromarray(one).resize((96, 64), Image.Resampling.BICUBIC)) for one in coarse])


@pytest.fixture(scope="module")
def predictor(places365_files):
    return load_predictor(places365(places365_files, ["sun", "scenes", "outdoor"]))


def reference(files, images):
    """(SUN attributes, categories' probabilities, vote for outdoors), layer by layer as the published code has them."""
    tensors = files.tensors

    def convolved(x, convolution, norm, stride=1, padding=1):
        x = F.conv2d(x, tensors[f"{convolution}.weight"], None, stride, padding)
        names = ("running_mean", "running_var", "weight", "bias")
        return F.batch_norm(x, *(tensors[f"{norm}.{name}"] for name in names), eps=1e-5)

    resized = [Image.fromarray(image).resize((224, 224), Image.Resampling.BILINEAR) for image in images]
    x = torch.from_numpy(np.stack(resized)).permute(0, 3, 1, 2) / 255
    x = (x - torch.tensor([0.485, 0.456, 0.406])[:, None, None]) / torch.tensor([0.229, 0.224, 0.225])[:, None, None]
    x = F.relu(convolved(x, "conv1", "bn1", stride=2, padding=3))
    for at in ("layer1.0", "layer1.1", "layer2.0", "layer2.1", "layer3.0", "layer3.1", "layer4.0", "layer4.1"):
        halves = at in ("layer2.0", "layer3.0", "layer4.0")
        short = convolved(x, f"{at}.downsample.0", f"{at}.downsample.1", 2, 0) if halves else x
        y = F.relu(convolved(x, f"{at}.conv1", f"{at}.bn1", 2 if halves else 1))
        x = F.relu(convolved(y, f"{at}.conv2", f"{at}.bn2") + short)
    assert x.shape[1:] == (512, 14, 14)
    features = F.avg_pool2d(x, 14).flatten(1)
    probabilities = F.softmax(F.linear(features, tensors["fc.weight"], tensors["fc.bias"]), 1)
    outdoor = torch.tensor(list(places365_scenes().values()))[probabilities.argsort(1, descending=True)[:, :10]]
    sun = features.numpy() @ np.load(files.attributes_matrix).T
    return sun, probabilities.numpy(), outdoor.float().mean(1, keepdim=True).numpy()


def test_the_scores_are_the_originals(places365_files, predictor, images):
    scores = predictor.score(images)
    assert scores.dtype == np.float32
    assert predictor.attributes[:102] == list(sun_attributes())
    assert {"natural_light", "far-away_horizon", "scene_bedroom", "scene_church_outdoor"} < set(predictor.attributes)
    expected = np.concatenate(reference(places365_files, images), 1)
    np.testing.assert_allclose(scores, expected, atol=1e-4, rtol=0)
    assert expected[:, :102].std(0).min() > 1e-3  # the pictures differ, so there is something to agree on
    assert (places365_files.tensors["fc.weight"] < 0).any()  # the head that HiGAN clips in place


def test_scores_depend_neither_on_the_batch_nor_on_what_else_is_asked_for(places365_files, predictor, images):
    together = predictor.score(np.concatenate([images] * 3))  # more than a pass
    np.testing.assert_allclose(together[13], predictor.score(images[1:2])[0], atol=1e-6)
    few = load_predictor(places365(places365_files, ["outdoor", "scene_ocean", "ocean", "wood"]))
    columns = [predictor.attributes.index(name) for name in few.attributes]
    np.testing.assert_allclose(few.score(images), predictor.score(images)[:, columns], atol=1e-6)
    assert few.score(images[:0]).shape == (0, 4)


def test_bfloat16_ranks_as_float32_does(places365_files, predictor, images):
    fast = load_predictor(places365(places365_files, precision="bfloat16")).score(images)
    exact = predictor.score(images)[:, :102]
    deviations = np.abs(fast - exact).max(0) / exact.std(0)
    assert np.median(deviations) < 0.1
    assert not np.array_equal(fast, exact)


def test_the_predictor_file_needs_nothing_else(places365_files, predictor, images, tmp_path):
    (tmp_path / "here").mkdir()
    moved = places365_files._replace(
        network=shutil.copy(places365_files.network, tmp_path / "here"),
        attributes_matrix=shutil.copy(places365_files.attributes_matrix, tmp_path / "here"),
    )
    settings = [places365(moved, ["wood", "outdoor"]), PhotometricPredictor(kind="photometric", attributes=["warmth"])]
    fit_predictor(None, tmp_path / "here" / "p.safetensors", settings, accuracy=tmp_path / "here" / "accuracy.csv")
    shutil.move(tmp_path / "here" / "p.safetensors", tmp_path / "p.safetensors")
    shutil.rmtree(tmp_path / "here")
    loaded = load_predictor(tmp_path / "p.safetensors")
    assert loaded.attributes == ["wood", "outdoor", "warmth"]
    columns = [predictor.attributes.index(name) for name in ("wood", "outdoor")]
    np.testing.assert_allclose(loaded.score(images)[:, :2], predictor.score(images)[:, columns], atol=1e-6)
    assert str(tmp_path).encode() not in (tmp_path / "p.safetensors").read_bytes()
    Image.fromarray(images[0]).save(tmp_path / "a.png")
    score(tmp_path / "p.safetensors", tmp_path / "a.png", tmp_path / "s.csv")
    assert (tmp_path / "s.csv").read_text().startswith("file,wood,outdoor,warmth\na.png,")


def checkpoint(tmp_path, state, **more):
    """A file of the published format with other contents."""
    buffer = io.BytesIO()
    write_python2_checkpoint(buffer, {"state_dict": state, **more})
    path = tmp_path / "network.pth.tar"
    path.write_bytes(buffer.getvalue())
    return path


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda t: t.pop("layer2.0.downsample.1.bias"), "1 of wideresnet18's 102 tensors are missing"),
        (lambda t: t.pop("layer2.0.downsample.1.bias"), r"'layer2.0.downsample.1.bias'; expected .*\[128\]"),
        (lambda t: t.update({"maxpool.weight": torch.ones(2)}), "'maxpool.weight' is none of wideresnet18's"),
        (lambda t: t.update({"fc.bias": torch.ones(1000)}), r"'fc.bias' is torch.float32 \[1000\]; expected .*\[365\]"),
        (lambda t: t.update({"bn1.bias": [1.0]}), r"'bn1.bias' is list; expected floating-point \[64\]"),
        (
            lambda t: t.update({"bn1.weight": torch.full((64,), torch.nan)}),
            "'bn1.weight' has values that are not finite",
        ),
        (lambda t: t.update({"bn1.running_var": -torch.ones(64)}), "'bn1.running_var' has .*negative variances"),
    ],
)
def test_a_wrong_network_is_refused_by_its_tensor(places365_files, tmp_path, change, says):
    tensors = dict(places365_files.tensors)
    change(tensors)
    path = checkpoint(tmp_path, tensors)
    with pytest.raises(SceneshiftError, match=says) as error:
        read_network(path)
    assert str(path) in str(error.value)


def test_other_files_are_refused(places365_files, tmp_path):
    cut = tmp_path / "cut.pth.tar"
    cut.write_bytes(places365_files.network.read_bytes()[:100_000])
    for path, says in (
        (cut, "cut.pth.tar"),
        (tmp_path / "none", "none"),
        (places365_files.attributes_matrix, "W_scene"),
    ):
        with pytest.raises(SceneshiftError, match=says):
            read_network(path)
    with pytest.raises(SceneshiftError, match="wideresnet18"):
        read_attributes_matrix(places365_files.network)
    for name, matrix, says in (
        ("turned", np.zeros((512, 102)), r"turned\.npy: found float64 \[512, 102\], expected .*\[102, 512\]"),
        ("whole", np.zeros((102, 512), int), r"whole\.npy: found int64"),
        ("nan", np.full((102, 512), np.nan), r"nan\.npy: row 0 has values that are not finite"),
    ):
        np.save(tmp_path / f"{name}.npy", matrix)
        with pytest.raises(SceneshiftError, match=says):
            read_attributes_matrix(tmp_path / f"{name}.npy")


def test_the_same_tensors_with_a_max_pool_are_spoken_of(places365_files, tmp_path, capsys):
    read_network(checkpoint(tmp_path, dict(places365_files.tensors), arch="resnet18"))
    assert re.search(r"calls itself 'resnet18'.*max-pool", capsys.readouterr().err)
    read_network(places365_files.network)
    assert capsys.readouterr().err == ""


def test_the_state_dict_alone_and_newer_files_are_read(places365_files, tmp_path):
    state = {**places365_files.tensors, "bn1.num_batches_tracked": torch.tensor(3)}
    torch.save(state, tmp_path / "n.pth")
    read = read_network(tmp_path / "n.pth")
    assert read.keys() == places365_files.tensors.keys()
    np.testing.assert_array_equal(read["fc.weight"], places365_files.tensors["fc.weight"])


def test_an_unknown_score_and_a_file_not_yet_downloaded_are_named(places365_files):
    with pytest.raises(SceneshiftError, match="found 'natural_ligth'; did you mean natural_light"):
        load_predictor(places365(places365_files, ["natural_ligth"]))
    with pytest.raises(SceneshiftError, match=r"sceneshift fetch wideresnet18_places365\.pth\.tar http://places2"):
        load_predictor(Places365Predictor(kind="places365"))
    with pytest.raises(SceneshiftError, match=r"warmth by number 1 \(photometric\) and number 2 \(photometric\)"):
        load_predictor([PhotometricPredictor(kind="photometric", attributes=["warmth"])] * 2)
