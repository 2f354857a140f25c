"""Exported models: every shape they come in gives the scores that were meant; hostile and damaged ones are refused."""

import json
import shutil

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from sceneshift.run.attributes import scored_attributes
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.scoring import load_predictor
from sceneshift.scoring.kinds.onnx import OnnxPredictor
from sceneshift.settings import load_settings
from sceneshift.stages.fit_predictor import fit_predictor

SIDE = 8
FILE = "scorer.onnx"
METADATA = {"names": "red,green,blue light", "range": "0,1"}


def picture(rgb, side=SIDE):
    return np.full((1, side, side, 3), rgb, np.uint8)


def model(
    nodes,
    shape=("n", 3, SIDE, SIDE),
    out=("n", 3),
    weights=(),
    metadata=METADATA,
    type_=TensorProto.FLOAT,
    domains=(),
    functions=(),
):
    """A model from `image` to `score`."""
    given = helper.make_tensor_value_info("image", type_, list(shape))
    gives = helper.make_tensor_value_info("score", type_, list(out))
    graph = helper.make_graph(list(nodes), "scorer", [given], [gives], list(weights))
    opsets = [helper.make_opsetid("", 20), *(helper.make_opsetid(domain, 1) for domain in domains)]
    made = helper.make_model(graph, opset_imports=opsets, ir_version=10, functions=list(functions))
    helper.set_model_props(made, dict(metadata))
    return made


def means(axes=(2, 3), **more):
    """Scores: the mean of R, G and B, as the model gets them."""
    node = helper.make_node("ReduceMean", ["image", "axes"], ["score"], keepdims=0)
    return model([node], weights=[numpy_helper.from_array(np.array(axes), "axes")], **more)


@pytest.fixture
def saved(tmp_path):
    def save(made, **settings):
        (tmp_path / FILE).write_bytes(made if isinstance(made, bytes) else made.SerializeToString())
        return OnnxPredictor(kind="onnx", model=str(tmp_path / FILE), **settings)

    return save


@pytest.mark.parametrize(
    "made",
    [
        means(),
        means(shape=("n", "c", "h", "w"), metadata={**METADATA, "size": "8,8"}),
        means((1, 2), shape=("n", SIDE, SIDE, 3)),
        means(shape=(1, 3, SIDE, SIDE), out=(1, 3)),
        means(shape=(4, 3, SIDE, SIDE), out=(4, 3)),
        means(shape=("n", 3, SIDE, 2 * SIDE)),
        means(type_=TensorProto.FLOAT16),
    ],
    ids=["usual", "any size", "channels last", "batch of one", "batch of four", "wide", "half precision"],
)
def test_pictures_arrive_as_the_model_wants_them(made, saved):
    predictor = load_predictor(saved(made))
    assert predictor.attributes == ["red", "green", "blue_light"]
    images = np.concatenate([picture((51 * i, 0, 255), side=20) for i in range(6)])
    scores = predictor.score(images)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, [[0.2 * i, 0, 1] for i in range(6)], atol=1e-3)
    assert predictor.score(images[:0]).shape == (0, 3)


def test_the_config_wins_over_the_metadata(saved):
    metadata = {**METADATA, "mean": "0.5,0.5,0.5", "std": "0.5,0.5,0.5"}
    white = picture((255, 255, 255))
    np.testing.assert_allclose(load_predictor(saved(means(metadata=metadata))).score(white), [[1, 1, 1]])
    settings = saved(
        means(metadata=metadata),
        names=["x", "y", "z"],
        attributes=["z", "x"],
        range=(0, 255),
        mean=(5, 0, 15),
        std=(10, 1, 30),
    )
    predictor = load_predictor(settings)
    assert predictor.attributes == ["z", "x"]
    np.testing.assert_allclose(predictor.score(white), [[8, 25]])
    assert scored_attributes(load_settings({"predictors": [settings.model_dump()]})) == ["z", "x"]


def segmentation(classes, last=False, softmax=False):
    """Logits of each class at each pixel: `classes` rows of weights on R, G and B."""
    weight = np.array(classes, np.float32)[:, :, None, None]
    to_first = helper.make_node("Transpose", ["image"], ["first"], perm=[0, 3, 1, 2])
    nodes = [to_first] if last else []
    nodes.append(helper.make_node("Conv", ["first" if last else "image", "weight"], ["logits"]))
    if softmax:
        nodes.append(helper.make_node("Softmax", ["logits"], ["score"], axis=1))
    elif last:
        nodes.append(helper.make_node("Transpose", ["logits"], ["score"], perm=[0, 2, 3, 1]))
    else:
        nodes[-1].output[0] = "score"
    shape = ("n", SIDE, SIDE, 3) if last else ("n", 3, SIDE, SIDE)
    names = ",".join("abc"[: len(classes)])
    return model(
        nodes, shape, ("n", None, None, None), [numpy_helper.from_array(weight, "weight")], {**METADATA, "names": names}
    )


@pytest.mark.parametrize(
    "made",
    [segmentation(np.eye(3) * 20), segmentation(np.eye(3) * 20, last=True), segmentation(np.eye(3) * 20, softmax=True)],
    ids=["logits", "channels last", "probabilities"],
)
def test_a_segmentation_becomes_area_fractions(made, saved):
    image = picture((255, 0, 0))
    image[:, 2:] = (0, 0, 255)  # three quarters
    np.testing.assert_allclose(load_predictor(saved(made)).score(image), [[0.25, 0, 0.75]], atol=1e-3)


def test_a_segmentation_of_one_class_has_its_fraction(saved):
    image = picture((255, 0, 0))
    image[:, 2:] = (0, 0, 255)
    np.testing.assert_allclose(load_predictor(saved(segmentation([[20, 0, -20]]))).score(image), [[0.25]], atol=1e-3)


def test_the_predictor_file_holds_the_model_and_moves(saved, tmp_path):
    settings = saved(means())
    fit_predictor(None, tmp_path / "p.safetensors", [settings], accuracy=tmp_path / "a.csv")
    fit_predictor(None, tmp_path / "again.safetensors", [settings], accuracy=tmp_path / "a.csv")
    assert (tmp_path / "p.safetensors").read_bytes() == (tmp_path / "again.safetensors").read_bytes()
    assert str(tmp_path).encode() not in (tmp_path / "p.safetensors").read_bytes()
    images = np.random.default_rng(0).integers(0, 255, (5, 30, 40, 3), dtype=np.uint8)
    expected = load_predictor(settings).score(images)
    (tmp_path / FILE).unlink()
    (tmp_path / "elsewhere").mkdir()
    moved = shutil.move(tmp_path / "p.safetensors", tmp_path / "elsewhere")
    np.testing.assert_array_equal(load_predictor(moved).score(images), expected)


@pytest.mark.parametrize(
    ("made", "settings", "says"),
    [
        (means(metadata={"range": "0,1"}), {}, ["Set predictors.names", FILE]),
        (means(metadata={"names": "a,b,c"}), {}, ["predictors.range", "[0, 1]"]),
        (means(metadata={**METADATA, "range": "high"}), {}, ["'high'", "expected 2 numbers", "predictors.range"]),
        (means(shape=("n", 3, "h", "w")), {}, ["any size", "predictors.size"]),
        (means(), {"names": ["a", "b"]}, ["3 scores", "2 names", "predictors.names"]),
        (means(), {"names": ["a", "a", "b"]}, ["expected different ones"]),
        (means(), {"attributes": ["sky"]}, ["'sky'", "blue_light"]),
        (means(), {"size": 16}, ["[n, 3, 8, 8]", "predictors.size"]),
        (means(type_=TensorProto.DOUBLE), {}, ["double", "float16"]),
        (means(shape=("n", 4, SIDE, SIDE), out=("n", 4)), {}, ["4, 8, 8", "[N, 3, 8, 8]"]),
        (means((3,), out=("n", 3, SIDE)), {}, ["(1, 3, 8)", "[N, K]"]),
    ],
)
def test_what_cannot_be_found_or_does_not_fit_names_the_key(made, settings, says, saved):
    with pytest.raises(SceneshiftError) as error:
        load_predictor(saved(made, **settings))
    for part in says:
        assert part in str(error.value)


def test_scores_that_are_no_numbers_are_an_error(saved):
    predictor = load_predictor(saved(model([helper.make_node("Log", ["image"], ["score"])], out=("n", 3, SIDE, SIDE))))
    with pytest.raises(SceneshiftError, match=r"not finite.*predictors\.range"):
        predictor.score(picture((0, 0, 0)))


def weight_elsewhere(location):
    weight = numpy_helper.from_array(np.zeros(1, np.float32), "weight")
    weight.ClearField("raw_data")
    weight.data_location = TensorProto.EXTERNAL
    for key, value in (("location", location), ("offset", "0"), ("length", "4")):
        weight.external_data.add(key=key, value=value)
    return weight


def hostile():
    """What a stranger's model can ask for, by name."""
    value = helper.make_tensor_value_info
    add = helper.make_node("Add", ["image", "weight"], ["score"])
    for location in ("/etc/passwd", "../../secret", "beside.bin", "*/_ORT_MEM_ADDR_/*"):
        yield f"reads {location}", model([add], weights=[weight_elsewhere(location)]), "another file"
    constant = helper.make_node("Constant", [], ["weight"], value=weight_elsewhere("/etc/passwd"))
    yield "reads in a constant", model([constant, add]), "another file"
    branch = helper.make_graph([constant], "branch", [], [value("weight", 1, [1])])
    yes = helper.make_node("Constant", [], ["yes"], value=numpy_helper.from_array(np.array(True)))
    either = helper.make_node("If", ["yes"], ["weight"], then_branch=branch, else_branch=branch)
    yield "reads in a branch", model([yes, either, add]), "another file"
    custom = helper.make_node("Run", ["image"], ["score"], domain="evil")
    yield "custom operator", model([custom], domains=["evil"]), "evil.Run"
    context = helper.make_node(
        "EPContext", ["image"], ["score"], domain="com.microsoft", ep_cache_context="/etc/passwd"
    )
    yield "compiled part", model([context], domains=["com.microsoft"]), "EPContext"
    picture_ = value("a", 1, ["n", 3, SIDE, SIDE])
    body = helper.make_graph(
        [helper.make_node("Identity", ["c"], ["d"]), helper.make_node("Relu", ["a"], ["b"])],
        "body",
        [value("i", TensorProto.INT64, []), value("c", TensorProto.BOOL, []), picture_],
        [value("d", TensorProto.BOOL, []), value("b", 1, ["n", 3, SIDE, SIDE])],
    )
    often = numpy_helper.from_array(np.array(2**40), "often")
    loop = helper.make_node("Loop", ["often", "yes", "image"], ["score"], body=body)
    yield "runs for ever", model([yes, loop], weights=[often]), r"loops \(Loop\)"
    doubling = [
        helper.make_function(
            "f",
            f"F{i}",
            ["x"],
            ["y"],
            [helper.make_node(f"F{i + 1}", [x], [y], domain="f") for x, y in (("x", "z"), ("z", "y"))],
            [helper.make_opsetid("f", 1)],
        )
        for i in range(40)
    ]
    call = helper.make_node("F0", ["image"], ["score"], domain="f")
    yield "a trillion calls", model([call], domains=["f"], functions=doubling), "inlined|f.F0"


@pytest.mark.parametrize(("made", "says"), [pytest.param(*rest, id=name) for name, *rest in hostile()])
def test_a_strangers_model_reads_no_file_and_runs_nothing_of_its_own(made, says, saved):
    with pytest.raises(SceneshiftError, match=says):
        load_predictor(saved(made))


def test_a_predictor_file_is_checked_like_a_model(saved, tmp_path):
    """Its bytes come from a stranger too."""
    from safetensors import safe_open
    from safetensors.numpy import save_file

    fit_predictor(None, tmp_path / "p.safetensors", [saved(means())], accuracy=tmp_path / "a.csv")
    with safe_open(tmp_path / "p.safetensors", "numpy") as file:
        metadata = file.metadata()
    evil = model([helper.make_node("Run", ["image"], ["score"], domain="evil")], domains=["evil"])
    save_file({"0.model": np.frombuffer(evil.SerializeToString(), np.uint8)}, tmp_path / "p.safetensors", metadata)
    with pytest.raises(SceneshiftError, match=r"evil\.Run"):
        load_predictor(tmp_path / "p.safetensors")
    assert json.loads(metadata["sceneshift"])["predictors"][0]["columns"] == [0, 1, 2]


def class_ids(type_=TensorProto.INT64, keepdims=0, classes=3):
    """The class of each pixel, by argmax within the model."""
    nodes = [helper.make_node("ArgMax", ["image"], ["ids"], axis=1, keepdims=keepdims)]
    nodes.append(helper.make_node("Cast", ["ids"], ["score"], to=type_))
    made = model(
        nodes, out=["n", *([None] * (2 + keepdims))], metadata={**METADATA, "names": ",".join("abc"[:classes])}
    )
    made.graph.output[0].type.tensor_type.elem_type = type_
    return made


@pytest.mark.parametrize(
    "made",
    [class_ids(), class_ids(TensorProto.UINT8, keepdims=1), class_ids(TensorProto.FLOAT)],
    ids=["integers", "bytes with a channel", "cast to float"],
)
def test_class_ids_become_the_shares_of_the_classes(made, saved, tmp_path):
    image = picture((255, 0, 0))
    image[:, 2:] = (0, 0, 255)  # three quarters
    settings = saved(made)
    np.testing.assert_array_equal(load_predictor(settings).score(image), [[0.25, 0, 0.75]])
    fit_predictor(None, tmp_path / "p.safetensors", [settings], accuracy=tmp_path / "a.csv")
    np.testing.assert_array_equal(load_predictor(tmp_path / "p.safetensors").score(image), [[0.25, 0, 0.75]])


def test_a_class_without_a_name_is_an_error(saved):
    predictor = saved(class_ids(classes=2))
    with pytest.raises(SceneshiftError, match=r"gave the class 2 and has names for 0 … 1: set predictors\.names"):
        load_predictor(predictor).score(picture((0, 0, 255)))


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("{0: 'red', 1: 'green', 2: 'blue light'}", ["red", "green", "blue_light"]),
        ("{'2': 'blue', '0': 'red', '1': 'green'}", ["red", "green", "blue"]),
        ('["red, dark", "green", "blue"]', ["red;_dark", "green", "blue"]),
        ("red, green ,blue", ["red", "green", "blue"]),
    ],
)
def test_names_are_read_in_every_form_that_exporters_write(names, expected, saved):
    assert load_predictor(saved(means(metadata={**METADATA, "names": names}))).attributes == expected


@pytest.mark.parametrize("names", ["{1: 'red', 2: 'green', 3: 'blue'}", "[1, 2, 3]", "{0: 'red'", "[" * 10**5])
def test_names_in_no_form_that_is_known_are_an_error(names, saved):
    with pytest.raises(SceneshiftError, match=r"Set predictors\.names"):
        load_predictor(saved(means(metadata={**METADATA, "names": names})))


def test_a_model_that_takes_bytes_gets_the_pixels_as_they_are(saved):
    cast = helper.make_node("Cast", ["image"], ["floats"], to=TensorProto.FLOAT)
    mean = helper.make_node("ReduceMean", ["floats", "axes"], ["score"], keepdims=0)
    made = model(
        [cast, mean],
        weights=[numpy_helper.from_array(np.array((2, 3)), "axes")],
        type_=TensorProto.UINT8,
        metadata={"names": "r,g,b"},
    )
    made.graph.output[0].type.tensor_type.elem_type = TensorProto.FLOAT
    np.testing.assert_array_equal(load_predictor(saved(made)).score(picture((7, 200, 255))), [[7, 200, 255]])
    with pytest.raises(SceneshiftError, match=r"leave predictors\.range, mean and std out"):
        load_predictor(saved(made, range=(0, 1)))
