"""An exported model, people's votes and closed formulas in one run: their attributes stand side by side."""

import csv

import h5py
import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from sceneshift.streets import LABELS, street_labels

pytestmark = pytest.mark.slow

ATTRIBUTES = ["looks_lighter", "red", "blue", "contrast"]


def write_model(path):
    """Scores: the means of R, G and B."""
    given = helper.make_tensor_value_info("image", 1, ["n", 3, 16, 16])
    gives = helper.make_tensor_value_info("score", 1, ["n", 3])
    node = helper.make_node("ReduceMean", ["image", "axes"], ["score"], keepdims=0)
    graph = helper.make_graph([node], "means", [given], [gives], [numpy_helper.from_array(np.array([2, 3]), "axes")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    helper.set_model_props(model, {"names": "red,green,blue", "range": "0,1"})
    onnx.save(model, path)


def write_votes(path, seed, photos):
    """3000 votes for the lighter of two streets, one in ten by mistake."""
    light = [street_labels(seed, i)[LABELS.index("natural_light")] for i in range(photos)]
    random = np.random.default_rng(0)
    with open(path, "w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["study_question", "left", "right", "choice"])
        for _ in range(3000):
            left, right = random.choice(photos, 2, replace=False).tolist()
            wins = (light[left] > light[right]) != (random.random() < 0.1)
            table.writerow(["looks lighter", f"street-{left:06d}", f"street-{right:06d}", "left" if wins else "right"])


def test_a_model_votes_and_formulas_through_to_the_pairs(fresh):
    write_model(fresh.folder / "scorer.onnx")
    write_votes(fresh.folder / "votes.csv", 0, 120)
    config = fresh.config("photos", to={"source": "rendered", "count": 120, "resolution": 32})
    config["predictors"] = [
        {"kind": "comparisons", "votes": "votes.csv", "input_size": 32},
        {"kind": "onnx", "model": "scorer.onnx", "attributes": ["red", "blue"]},
        {"kind": "photometric", "attributes": ["contrast"]},
    ]
    config["generator"] |= {"images": 256}
    config["synthesis"] |= {"count": 128, "keep_images": 8}
    config["boundaries"] = {"attributes": ["looks_lighter", "blue"], "examples": 30}
    config["edits"] = {"attributes": [{"attribute": "blue", "distance": 2, "condition_on": ["looks_lighter"]}]}
    fresh.make(config, "results/tiny/pairs/blue/pairs.csv")

    with open(fresh.results / "predictor" / "accuracy.csv", newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["attribute"] == "looks_lighter"
    assert float(row["agreement"]) > 0.6
    assert int(row["held_out_votes"]) > 5
    with h5py.File(fresh.results / "synthesis" / "0000.h5") as shard:
        assert list(shard["scores"].attrs["attributes"]) == ATTRIBUTES
        blue = shard["images"][:, :, :, 2].mean((1, 2)) / 255
        np.testing.assert_allclose(shard["scores"][: len(blue), 2], blue, atol=0.01)
    votes = fresh.folder / "votes.csv"
    votes.write_text(votes.read_text() + "looks lighter,street-000000,street-000001,left\n")
    assert fresh.plan(config)["fit_predictor"] == 1
