"""Heads on separable photos, the predictor file, and every way that labels can be wrong."""

import contextlib
import csv
import json
import os
import shutil

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from PIL import Image
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from sceneshift.photos.store import PhotoStoreWriter
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.scoring import column_of, load_predictor
from sceneshift.scoring.fitting import fit_head, ridge_path
from sceneshift.scoring.kinds.heads import Heads, HeadsPredictor, View
from sceneshift.scoring.kinds.onnx import OnnxPredictor
from sceneshift.scoring.kinds.photometric import Photometric, PhotometricPredictor
from sceneshift.scoring.labels import labelled_photos
from sceneshift.scoring.predictor import save_predictor
from sceneshift.scoring.softening import softened
from sceneshift.stages.fit_predictor import fit_predictor
from sceneshift.stages.score import score
from sceneshift.streets import render_street
from sceneshift.vision.backbone import enlarged, load_backbone

HEADS = HeadsPredictor(kind="heads", input_size=64)
PHOTOMETRIC = PhotometricPredictor(kind="photometric", attributes=["brightness"])
COUNT = 120


def street(i):
    """A grey scene, and a hedge in one of two."""
    random, green = np.random.default_rng(i), i % 2
    picture = random.integers(60, 200) + random.integers(-30, 30, (32, 32, 3))
    top = random.integers(8, 16)
    picture[top : top + 10] += green * np.array([-40, 30, -50])
    return picture.clip(0, 255).astype(np.uint8), green


@pytest.fixture(scope="module")
def photos():
    images, green = zip(*(street(i) for i in range(COUNT)), strict=True)
    return np.stack(images), np.array(green)


def store_of(path, photos, names, attributes=(), labels=None):
    with PhotoStoreWriter(path, (32, 32), crop="center", folder="", provenance="{}", attributes=attributes) as store:
        held_out = np.arange(COUNT) % 5 == 0
        store.append(photos[0], names, held_out, labels)
    return path


@pytest.fixture(scope="module")
def fitted(tmp_path_factory, photos):
    folder = tmp_path_factory.mktemp("fitted")
    names = [f"{'tree lined' if green else 'bare'}/{i}.png" for i, green in enumerate(photos[1])]
    names[0], names[1] = "unlabelled/0.png", "1.png"  # no class: left out
    store = store_of(folder / "photos.h5", photos, names)
    fit_predictor(store, folder / "p.safetensors", [HEADS, PHOTOMETRIC], accuracy=folder / "accuracy.csv")
    return folder


def test_folder_classes_are_learned_and_measured_on_held_out_photos(fitted, photos):
    with open(fitted / "accuracy.csv", newline="") as file:
        rows = {row["attribute"]: row for row in csv.DictReader(file)}
    assert list(rows) == ["bare", "tree_lined"]
    assert float(rows["tree_lined"]["auc"]) > 0.95
    assert rows["tree_lined"]["kind"] == "logistic"
    assert rows["tree_lined"]["r2"] == ""
    assert (rows["bare"]["n_train"], rows["bare"]["n_held_out"]) == ("95", "23")
    predictor = load_predictor(fitted / "p.safetensors")
    assert predictor.attributes == ["bare", "tree_lined", "brightness"]
    scores = predictor.score(photos[0])
    assert scores.dtype == np.float32
    assert ((scores[:, 1] > 0) == photos[1]).mean() > 0.95
    np.testing.assert_allclose(scores[:, 2], load_predictor(PHOTOMETRIC).score(photos[0])[:, 0])


def test_judge_and_predictor_learn_from_different_photos_and_are_measured_on_the_same(fitted, tmp_path):
    said = {}
    for half in ("predictor", "judge"):
        fit_predictor(fitted / "photos.h5", tmp_path / f"{half}.safetensors", [HEADS], half=half)
        with open(tmp_path / f"{half}.accuracy.csv", newline="") as file:
            said[half] = next(csv.DictReader(file))
    assert said["predictor"]["n_held_out"] == said["judge"]["n_held_out"] == "23"
    assert int(said["predictor"]["n_train"]) + int(said["judge"]["n_train"]) == 95
    learned = labelled_photos(fitted / "photos.h5", None)
    one, other = (learned.half(half) for half in ("predictor", "judge"))
    trained = [{n for n, out in zip(half.names, half.held_out, strict=True) if not out} for half in (one, other)]
    assert min(map(len, trained)) > 30
    assert not trained[0] & trained[1]
    places = [learned.names.index(name) for name in other.names]
    np.testing.assert_array_equal(other.labels, learned.labels[places])
    np.testing.assert_array_equal(other.images([3, 1]), learned.images([places[3], places[1]]))


def test_heads_on_another_backbone_are_read_with_it(fitted, photos, tmp_path):
    settings = HeadsPredictor(kind="heads", input_size=64, backbone="efficientnet-lite2")
    fit_predictor(fitted / "photos.h5", tmp_path / "p.safetensors", [settings])
    scores = load_predictor(tmp_path / "p.safetensors").score(photos[0])
    assert ((scores[:, 1] > 0) == photos[1]).mean() > 0.95
    features = load_backbone(network="efficientnet-lite2").pooled(enlarged(photos[0], 64)).numpy()
    tensors = load_file(tmp_path / "p.safetensors")
    np.testing.assert_allclose(scores, features @ tensors["0.weight"].T + tensors["0.bias"], atol=1e-4)


def test_predictor_file_is_portable_and_repeatable(fitted, photos, tmp_path):
    shutil.copy(fitted / "p.safetensors", tmp_path / "elsewhere.safetensors")
    here, there = (load_predictor(path) for path in (fitted / "p.safetensors", tmp_path / "elsewhere.safetensors"))
    np.testing.assert_array_equal(here.score(photos[0][:5]), there.score(photos[0][:5]))
    fit_predictor(
        fitted / "photos.h5", tmp_path / "again.safetensors", [HEADS, PHOTOMETRIC], accuracy=tmp_path / "a.csv"
    )
    assert (tmp_path / "again.safetensors").read_bytes() == (fitted / "p.safetensors").read_bytes()
    assert str(fitted).encode() not in (fitted / "p.safetensors").read_bytes()


def test_scores_do_not_depend_on_the_batch_and_larger_photos_are_shrunk_first(fitted, photos):
    predictor = load_predictor(fitted / "p.safetensors")
    together = predictor.score(photos[0][:10])
    np.testing.assert_allclose(together[3:4], predictor.score(photos[0][3:4]), atol=1e-5)
    doubled = photos[0][:10].repeat(4, axis=1).repeat(4, axis=2)
    assert np.corrcoef(predictor.score(doubled)[:, 1], together[:, 1])[0, 1] > 0.98


def test_broken_predictor_files_are_refused(fitted, tmp_path):
    path = tmp_path / "p.safetensors"
    path.write_bytes((fitted / "p.safetensors").read_bytes()[:-100])
    with pytest.raises(SceneshiftError, match=r"p\.safetensors is not a whole \.safetensors file"):
        load_predictor(path)
    with safe_open(fitted / "p.safetensors", "numpy") as file:
        metadata = json.loads(file.metadata()["sceneshift"])
    tensors = load_file(fitted / "p.safetensors")
    save_file(tensors, path, {"sceneshift": json.dumps({**metadata, "format_version": 9})})
    with pytest.raises(SceneshiftError, match="format version 9; this sceneshift reads 1"):
        load_predictor(path)
    save_file(tensors, path, {})
    with pytest.raises(SceneshiftError, match="is not a predictor"):
        load_predictor(path)
    with pytest.raises(SceneshiftError, match=r"There is no predictor .*none\.safetensors"):
        load_predictor(tmp_path / "none.safetensors")
    with pytest.raises(SceneshiftError, match="must be fitted first"):
        load_predictor(HEADS)


def test_continuous_labels_are_regressed():
    random = np.random.default_rng(0)
    x = random.normal(size=(600, 40)).astype(np.float32) * 3 + 1
    hidden = x @ random.normal(size=40) / 20
    y = 1 / (1 + np.exp(-(hidden - hidden.mean())))
    head = fit_head("a", [x[:400]], y[:400], (x[400:], y[400:]))
    assert head.kind == "logit ridge"
    assert head.r2 > 0.98
    assert head.auc > 0.98
    score = x[400:] @ head.weight + head.bias
    np.testing.assert_allclose(1 / (1 + np.exp(-score)), y[400:], atol=0.1)
    linear = fit_head("a", [x[:400]], hidden[:400] / 20 + 0.5, (x[400:], hidden[400:] / 20 + 0.5))
    assert linear.r2 > 0.98


def test_a_feature_that_photos_hardly_vary_does_not_run_away_elsewhere():
    random = np.random.default_rng(0)
    x = random.normal(size=(600, 40)).astype(np.float32)
    y = 1 / (1 + np.exp(-x[:, 0]))
    x[:, 1] = 1e-5 * y  # nearly constant among photos, and telling there
    head = fit_head("a", [x[:400]], y[:400], (x[400:], y[400:]))
    elsewhere = x[400:].copy()
    elsewhere[:, 1] = random.normal(size=200)  # as synthesized images have it
    assert abs((elsewhere - x[400:]) @ head.weight).max() < 0.5


def test_heads_score_what_is_there_and_not_how_sharp_it_is():
    random = np.random.default_rng(0)
    sharpness, there = random.normal(size=(2, 600))
    y = 1 / (1 + np.exp(-there))
    photos = np.stack([there + 0.3 * random.normal(size=600), there + sharpness, sharpness], 1).astype(np.float32)
    soft = photos - np.array([0, 3, 0], np.float32)  # what softening takes away
    one = fit_head("a", [photos[:400]], y[:400], (photos[400:], y[400:]))
    both = fit_head("a", [photos[:400], soft[:400]], y[:400], (photos[400:], y[400:]))

    def shift(head):
        return abs(((photos - soft) @ head.weight).mean())

    assert shift(both) < shift(one) / 5
    assert both.r2 > 0.8


def test_softened_copies_depend_on_photo_index_and_seed_alone(photos):
    photos, _ = photos
    together = softened(photos[:4], range(4), seed=1)
    alone = softened(photos[2:3], [2], seed=1)
    np.testing.assert_array_equal(together[2:3], alone)
    assert (softened(photos[:4], range(4), seed=2) != together).any()
    fine = [np.abs(np.diff(x.astype(float), axis=1)).mean() for x in (photos[:4], together)]
    assert fine[1] < fine[0]


def test_ridge_path_solves_the_normal_equations():
    random = np.random.default_rng(0)
    x, y = random.normal(size=(50, 8)) + 2, random.normal(size=50)
    for strength, beta, intercept in ridge_path(x, y, (0.1, 10.0)):
        residual = y - x @ beta - intercept
        np.testing.assert_allclose(x.T @ residual, beta / strength, atol=1e-6)
        assert residual.sum() == pytest.approx(0, abs=1e-6)


def test_a_class_with_too_few_photos_is_named(tmp_path, photos):
    names = [f"{'rare' if i < 6 else 'common'}/{i}.png" for i in range(COUNT)]
    store = store_of(tmp_path / "s.h5", photos, names)
    with pytest.raises(SceneshiftError, match="'common' has 92 photos with it and 4 without"):
        fit_predictor(store, tmp_path / "p.safetensors", [HEADS], accuracy=tmp_path / "a.csv")
    names = [f"only/{i}.png" for i in range(COUNT)]
    store = store_of(tmp_path / "s.h5", photos, names)
    with pytest.raises(SceneshiftError, match=r"s\.h5: found 1 labelled classes, need two"):
        fit_predictor(store, tmp_path / "p.safetensors", [HEADS], accuracy=tmp_path / "a.csv")
    assert not (tmp_path / "p.safetensors").exists()


def test_the_same_name_twice_is_an_error(tmp_path, photos):
    store = store_of(tmp_path / "s.h5", photos, [f"{'brightness' if i % 2 else 'b'}/{i}" for i in range(COUNT)])
    with pytest.raises(SceneshiftError, match=r"brightness by number 1 \(heads\) and number 2 \(photometric\)"):
        fit_predictor(store, tmp_path / "p.safetensors", [HEADS, PHOTOMETRIC], accuracy=tmp_path / "a.csv")


def folder_with_csv(tmp_path, photos, lines):
    for i, image in enumerate(photos[0][:60]):
        Image.fromarray(image).save(tmp_path / f"{i}.png")
    (tmp_path / "labels.csv").write_text("file,green leaves\n" + "\n".join(lines) + "\n")
    return tmp_path / "labels.csv"


def test_labels_from_a_csv_beside_its_photos(tmp_path, photos):
    labels = folder_with_csv(tmp_path, photos, [f"{i}.png,{photos[1][i]}" for i in range(60)])
    with pytest.raises(SceneshiftError, match="need a size"):
        fit_predictor(labels, tmp_path / "p.safetensors", [HEADS], accuracy=tmp_path / "a.csv")
    fit_predictor(labels, tmp_path / "p.safetensors", [HEADS], accuracy=tmp_path / "a.csv", shape=(32, 32))
    predictor = load_predictor(tmp_path / "p.safetensors")
    assert predictor.attributes == ["green_leaves"]
    assert ((predictor.score(photos[0][60:])[:, 0] > 0) == photos[1][60:]).mean() > 0.85


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("1.png,2", r"labels\.csv, line 3, column 2 \(green_leaves\): found '2', expected 0 to 1"),
        ("1.png,yes", r"line 3, column 2 \(green_leaves\): found 'yes'"),
        ("1.png", r"line 3: found 1 columns, expected 2"),
        ("no.png,1", r"labels\.csv: 1 of 2 rows are on photos .*'no\.png' \(line 3\).*max_missing"),
        ("0.png,1", r"contrary labels for a photo:\n  '0\.png': green_leaves is 0 in line 2 and 1 in line 3"),
    ],
)
def test_mistakes_in_a_csv_are_named_by_line_and_column(tmp_path, photos, line, says):
    labels = folder_with_csv(tmp_path, photos, ["0.png,0", line])
    with pytest.raises(SceneshiftError, match=says):
        fit_predictor(labels, tmp_path / "p.safetensors", [HEADS], accuracy=tmp_path / "a.csv", shape=(32, 32))


def test_formulas_need_no_photos_and_heads_say_that_they_do(tmp_path, photos):
    fit_predictor(None, tmp_path / "p.safetensors", [PHOTOMETRIC], accuracy=tmp_path / "accuracy.csv", shape=(32, 32))
    assert load_predictor(tmp_path / "p.safetensors").score(photos[0][:3]).shape == (3, 1)
    with pytest.raises(SceneshiftError, match=r"`heads` without `labels`.*photo store"):
        fit_predictor(None, tmp_path / "p.safetensors", [HEADS], accuracy=tmp_path / "accuracy.csv", shape=(32, 32))


def test_heads_of_wide_images_see_what_a_square_would_lose(tmp_path):
    """A wide generator's images are not squeezed to its height first; larger photos come down to its shape."""
    weight, bias = np.random.default_rng(0).normal(size=(1, 1280)).astype(np.float32), np.zeros(1, np.float32)
    images, large = (np.stack([render_street(0, i, shape) for i in range(3)]) for shape in ((32, 96), (64, 192)))

    def scored(photos, shape):
        heads = Heads(["a"], weight, bias, ["logit"], View("efficientnet-lite0", shape, 128))
        save_predictor([heads], tmp_path / "p.safetensors", provenance={})
        return load_predictor(tmp_path / "p.safetensors").score(photos)

    seen = scored(images, (32, 96))
    np.testing.assert_array_equal(seen, scored(images, (512, 512)))
    assert np.abs(seen - scored(images, (32, 32))).max() > 1
    shrunk = (enlarged(large, (32, 96)) * 255).byte().permute(0, 2, 3, 1).numpy()
    np.testing.assert_array_equal(scored(large, (32, 96)), scored(shrunk, (32, 96)))


def test_unknown_attribute_lists_the_known():
    with pytest.raises(SceneshiftError, match=r"'fog' is unknown to p\.safetensors; it knows: snow, clouds"):
        column_of("fog", ["snow", "clouds"], "p.safetensors")


def test_score_writes_a_row_a_picture_and_names_what_it_skips(fitted, photos, tmp_path, capsys):
    (tmp_path / "in" / "sub").mkdir(parents=True)
    Image.fromarray(photos[0][0]).save(tmp_path / "in" / "a.png")
    Image.fromarray(photos[0][1]).resize((90, 50)).save(tmp_path / "in" / "sub" / "b.jpg")
    (tmp_path / "in" / "broken.jpg").write_bytes(b"no picture")
    shutil.copy(tmp_path / "in" / "a.png", tmp_path / "in" / os.fsdecode(b"caf\xe9.png"))  # no UTF-8
    score(fitted / "p.safetensors", tmp_path / "in", tmp_path / "s.csv")
    with open(tmp_path / "s.csv", errors="surrogateescape", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["file"] for row in rows] == ["a.png", os.fsdecode(b"caf\xe9.png"), "sub/b.jpg"]
    assert "broken.jpg: skipped" in capsys.readouterr().err
    expected = load_predictor(fitted / "p.safetensors").score(photos[0][:1])[0]
    assert float(rows[0]["tree_lined"]) == pytest.approx(expected[1], rel=1e-4)
    score(fitted / "p.safetensors", fitted / "photos.h5", tmp_path / "all.csv")
    assert len((tmp_path / "all.csv").read_text().splitlines()) == COUNT + 1


def mutations(value):
    """JSON with one value in it replaced by another type, emptied, or out of range; or left out."""
    for wrong in (None, [], {}, "", "x", -1, 0, 10**9, 1.5, True, [[]], float("inf")):
        if type(wrong) is not type(value) or wrong != value:
            yield wrong
    if isinstance(value, dict):
        for key in value:
            yield {name: inner for name, inner in value.items() if name != key}
            yield {**value, f"{key}_": value[key]}
            for wrong in mutations(value[key]):
                yield {**value, key: wrong}
    elif isinstance(value, list):
        for place, inner in enumerate(value[:2]):
            for wrong in mutations(inner):
                yield [*value[:place], wrong, *value[place + 1 :]]
        yield value[1:]
        yield [*value, *value]


def test_every_field_of_the_metadata_is_checked(tmp_path, photos):
    node = helper.make_node("ReduceMean", ["image", "axes"], ["score"], keepdims=0)
    shapes = ("image", ["n", 3, 8, 8]), ("score", ["n", 3])
    given, gives = (helper.make_tensor_value_info(name, 1, shape) for name, shape in shapes)
    graph = helper.make_graph([node], "g", [given], [gives], [numpy_helper.from_array(np.array((2, 3)), "axes")])
    onnx.save(helper.make_model(graph, ir_version=10), tmp_path / "m")
    exported = OnnxPredictor(kind="onnx", model=str(tmp_path / "m"), names=["r", "g", "b"], range=(0, 1)).build()
    heads = Heads(["None"], np.ones((1, 1280)), np.zeros(1), ["logit"], View("efficientnet-lite0", (32, 32), 32))
    path = tmp_path / "p.safetensors"
    save_predictor([exported, PHOTOMETRIC.build(), heads], path, {})
    with safe_open(path, "numpy") as file:
        metadata = json.loads(file.metadata()["sceneshift"])
    tensors, usable = load_file(path), 0
    for predictors in mutations(metadata["predictors"]):
        save_file(tensors, path, {"sceneshift": json.dumps({**metadata, "predictors": predictors})})
        with contextlib.suppress(SceneshiftError):  # anything else is a traceback for whoever has the file
            assert load_predictor(path).score(photos[0][:2, :8, :8]).dtype == np.float32
            usable += 1
    assert 0 < usable < 100, "names and numbers may differ; all else is refused"


def test_names_that_are_no_utf_8_are_scored(tmp_path):
    name = b"latin-\xe9.png".decode("utf-8", "surrogateescape")
    (tmp_path / "photos").mkdir()
    Image.fromarray(render_street(0, 0, (32, 32))).save(tmp_path / "a.png")
    (tmp_path / "a.png").rename(tmp_path / "photos" / name)
    save_predictor([Photometric(["brightness"])], tmp_path / "p.safetensors", provenance={})
    score(tmp_path / "p.safetensors", tmp_path / "photos", tmp_path / "scores.csv")
    assert b"latin-\xe9.png," in (tmp_path / "scores.csv").read_bytes()
