"""Models of a few hundred bytes that ask for gigabytes or minutes: refused before anything of them runs."""

import resource
import time

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from sceneshift.foreign import onnx_cost
from sceneshift.foreign.onnx_models import open_session
from sceneshift.runtime.errors import SceneshiftError

SIDE = 32


def model(nodes, out=("n", 3), shape=("n", 3, SIDE, SIDE), **weights):
    """The serialized model of `nodes`, from `image` to `score`."""
    given = helper.make_tensor_value_info("image", TensorProto.FLOAT, list(shape))
    gives = helper.make_tensor_value_info("score", TensorProto.FLOAT, list(out))
    arrays = [numpy_helper.from_array(np.array(array), name) for name, array in weights.items()]
    graph = helper.make_graph(nodes, "g", [given], [gives], arrays)
    opsets = [helper.make_opsetid("", 20)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10).SerializeToString()


def node(kind, takes, gives, **attributes):
    return helper.make_node(kind, takes.split(), gives.split(), **attributes)


SCORE = node("ReduceMean", "image axes", "mean", keepdims=0)
AXES = np.array([2, 3])


def summed(nodes, **weights):
    """The pictures' mean plus the mean of `huge`, which `nodes` make."""
    end = [node("ReduceMean", "huge", "one", keepdims=0), node("Add", "mean one", "score")]
    return model([SCORE, *nodes, *end], axes=AXES, **weights)


def nested(depth):
    """`If` within `If`."""

    def branch(nodes):
        gives = helper.make_tensor_value_info(nodes[-1].output[0], TensorProto.FLOAT, ["n", 3])
        return helper.make_graph(nodes, "branch", [], [gives])

    made = [node("Identity", "mean", "inner")]
    for level in range(depth):
        other = branch([node("Identity", "mean", f"other{level}")])
        made = [node("If", "yes", f"level{level}", then_branch=branch(made), else_branch=other)]
    return model([SCORE, *made, node("Identity", f"level{depth - 1}", "score")], axes=AXES, yes=np.array(True))


def products(count):
    """A square matrix by itself, again and again."""
    one = node("ConstantOfShape", "side", "m0", value=helper.make_tensor("v", TensorProto.FLOAT, [1], [1e-4]))
    chain = [node("MatMul", f"m{k} m0", f"m{k + 1}" if k + 1 < count else "huge") for k in range(count)]
    return summed([one, *chain], side=np.array([4096, 4096]))


NORMAL = {"shape": [2**17, 2**15]}
GREEDY = {
    "ConstantOfShape": (summed([node("ConstantOfShape", "sizes", "huge")], sizes=np.array([2**20, 2**12])), "bytes"),
    "Expand": (
        summed([node("Expand", "x sizes", "huge")], x=np.float32(1), sizes=np.array([2**20, 2**12])), "bytes"),
    "Range": (summed([node("Range", "a b c", "huge")], a=np.float32(0), b=np.float32(4e9), c=np.float32(1)), "bytes"),
    "Range of whole numbers": (
        summed([node("Range", "a b c", "n"), node("Cast", "n", "huge", to=1)], a=np.array(0), b=np.array(2**33),
               c=np.array(1)), "finding out what it asks for"),
    "doubled again and again": (
        summed([node("Shape", "image", "n0"), *(node("Concat", f"n{k} n{k}", f"n{k + 1}", axis=0) for k in range(32)),
                node("Cast", "n32", "huge", to=1)]), "finding out what it asks for"),
    "RandomNormal": (summed([node("RandomNormal", "", "huge", **NORMAL)]), "bytes"),
    "Resize": (
        summed([node("Resize", "image nothing scales", "huge")], nothing=np.zeros(0, np.float32),
               scales=np.array([1, 1, 999, 999], np.float32)), "bytes"),
    "Tile": (summed([node("Tile", "image times", "huge")], times=np.array([1, 1, 999, 999])), "bytes"),
    "Pad": (summed([node("Pad", "image by", "huge")], by=np.array([0, 0, 0, 0, 0, 0, 2**15, 2**15])), "bytes"),
    "many that are held together": (
        summed([*(node("ConstantOfShape", "sizes", f"x{k}") for k in range(30)),
                node("Sum", " ".join(f"x{k}" for k in range(30)), "huge")], sizes=np.array([2**13, 2**14])), "bytes"),
    "MatMul": (products(60), "products"),
    "If within If": (nested(20), "branches within branches"),
    "what depends on the picture": (
        summed([node("Cast", "image", "whole", to=TensorProto.INT64), node("ReduceMax", "whole", "most", keepdims=0),
                node("Reshape", "most one_axis", "size"), node("ConstantOfShape", "size", "huge")],
               one_axis=np.array([1])), "ConstantOfShape .* cannot be known"),
    "NonZero": (summed([node("NonZero", "image", "places"), node("Cast", "places", "huge", to=1)]), "cannot be known"),
}  # fmt: skip


@pytest.mark.parametrize("name", GREEDY)
def test_small_models_do_not_ask_for_much_memory_or_time(name):
    content, says = GREEDY[name]
    assert len(content) < 20_000
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    with pytest.raises(SceneshiftError, match=says) as refusal:
        open_session(content, "scorer.onnx", (SIDE, SIDE), 16)
    assert "scorer.onnx" in str(refusal.value)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # kilobytes
    assert time.process_time() - start < 10


def test_what_a_file_says_of_its_shapes_is_not_believed():
    made = onnx.load_from_string(GREEDY["Expand"][0])
    made.graph.value_info.append(helper.make_tensor_value_info("huge", TensorProto.FLOAT, [1, 1]))
    with pytest.raises(SceneshiftError):
        open_session(made.SerializeToString(), "scorer.onnx", (SIDE, SIDE), 16)


def test_sparse_tensors_are_refused():
    made = onnx.load_from_string(summed([node("Identity", "sparse", "huge")]))
    values, indices = (numpy_helper.from_array(np.array([1], kind), "sparse") for kind in (np.float32, np.int64))
    made.graph.sparse_initializer.append(helper.make_sparse_tensor(values, indices, [2**40]))
    with pytest.raises(SceneshiftError, match="sparse"):
        open_session(made.SerializeToString(), "scorer.onnx", (SIDE, SIDE), 16)


def test_a_segmentation_whose_sizes_follow_from_its_input_runs():
    """As torch exports them: the size to enlarge to is read off the input."""
    nodes = [
        node("Conv", "image kernel", "c", strides=[2, 2], pads=[1, 1, 1, 1]),
        node("Relu", "c", "r"),
        node("Shape", "image", "whole"),
        node("Slice", "whole two four", "sides"),
        node("Shape", "r", "half"),
        node("Slice", "half nought two", "first"),
        node("Concat", "first sides", "sizes", axis=0),
        node("Resize", "r nothing nothing sizes", "score", mode="linear"),
    ]
    kernel, nothing = np.ones((5, 3, 3, 3), np.float32), np.zeros(0, np.float32)
    places = {name: np.array([place]) for name, place in (("nought", 0), ("two", 2), ("four", 4))}
    content = model(nodes, ("n", 5, "h", "w"), shape=("n", 3, "h", "w"), kernel=kernel, nothing=nothing, **places)
    session = open_session(content, "scorer.onnx", (SIDE, SIDE), 16)
    (scores,) = session.run(None, {"image": np.ones((2, 3, SIDE, SIDE), np.float32)})
    assert scores.shape == (2, 5, SIDE, SIDE)
    with pytest.raises(SceneshiftError, match="bytes of memory"):
        open_session(content, "scorer.onnx", (2**13, 2**13), 16)


@pytest.mark.parametrize(
    ("kind", "takes", "expected"),
    [
        ("Conv", {"image": [2, 3, 8, 8], "w": [5, 3, 3, 3]}, 2 * 5 * 64 * 27),
        ("MatMul", {"a": [4, 7, 6], "b": [4, 6, 10]}, 4 * 7 * 10 * 6),
        ("Relu", {"a": [4, 7]}, 28),
    ],
)
def test_products_are_those_of_the_formulas(kind, takes, expected):
    gives = {"Conv": [2, 5, 8, 8], "MatMul": [4, 7, 10], "Relu": [4, 7]}[kind]
    assert onnx_cost._products(node(kind, " ".join(takes), "y"), {**takes, "y": gives}) == expected


def test_memory_is_that_of_the_widest_place():
    nodes = [node("Relu", "image", "a"), node("Relu", "a", "b"), node("Add", "a b", "c"), node("Relu", "c", "d")]
    assert onnx_cost._most_held(nodes, {"image": 1, "a": 10, "b": 100, "c": 1000, "d": 1}) == 1 + 10 + 100 + 1000
