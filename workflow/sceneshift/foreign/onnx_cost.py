"""What an ONNX model will ask for: memory and multiplications, from the shapes of all that it makes, before it runs.

A model of a hundred bytes can make tensors of gigabytes or multiply for hours. Its shapes tell, once its input's is
known: all that it makes must have one, and together they must stay within bounds.
"""

import math
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from sceneshift.runtime.errors import SceneshiftError

if TYPE_CHECKING:
    import onnx

MOST_BYTES = 4 * 2**30  # held at once for a batch; 16 pictures of 512 px in a small segmentation network take 0.7 GB
MOST_PRODUCTS = 3e12  # for a batch of 16; the huge vision transformer (ViT-H, 224 px) takes 2.7e12
MOST_CONSTANT = 1e10  # of what does not depend on the pictures: onnxruntime computes that when it opens the model
# operators that multiply: which of their inputs holds the weights; each output takes a product per weight of a channel
WEIGHTS = {"Conv": 1, "ConvInteger": 1, "QLinearConv": 3, "FusedConv": 1, "DeformConv": 1}
INNER = {"MatMul": 0, "MatMulInteger": 0, "QLinearMatMul": 0}  # … whose last dimension is summed over
RECURRENT = ("RNN", "GRU", "LSTM")
Shape = list[int]
# Shape inference itself computes with what shapes are made of: a chain of Concat doubles it again and again.
INFERENCE_BYTES, INFERENCE_SECONDS = 2**30, 60  # the first beside ten times the model
INFERENCE = """
import contextlib, resource, sys
most = {resource.RLIMIT_AS: int(sys.argv[1]), resource.RLIMIT_CPU: int(sys.argv[2]), resource.RLIMIT_CORE: 0}
for kind, limit in most.items():
    with contextlib.suppress(ValueError, OSError):  # systems without this one, or a lower limit than ours
        resource.setrlimit(kind, (limit, limit))
import onnx
model = onnx.ModelProto.FromString(sys.stdin.buffer.read())
try:
    inferred = onnx.shape_inference.infer_shapes(model, data_prop=True)
except MemoryError:
    sys.exit(1)
except Exception as error:  # they have no common class
    sys.exit(f"damaged: {error}")
sys.stdout.buffer.write(inferred.SerializeToString())
"""


def require_bounded(model: "onnx.ModelProto", shape: Sequence[int] | None, where: object) -> None:
    """Raise SceneshiftError if a model makes too much of a batch of pictures of this shape, or what cannot be foreseen.

    shape: [N, 3, H, W] or [N, H, W, 3]; None if the model does not take pictures: then what is made of its input is
    left out.
    """
    import onnx

    model = onnx.ModelProto.FromString(model.SerializeToString())
    for graph in _graphs(model.graph):  # only what is found below counts, not what the file says
        del graph.value_info[:]
        for output in graph.output:
            output.type.tensor_type.ClearField("shape")
    if shape is not None:
        for dimension, size in zip(_pictures(model)[0].type.tensor_type.shape.dim, shape, strict=True):
            dimension.dim_value = size
    model = onnx.ModelProto.FromString(_inferred(model.SerializeToString(), where))
    made = {tensor.name: (list(tensor.dims), _item_size(tensor.data_type)) for tensor in model.graph.initializer}
    for graph in _graphs(model.graph):
        for value in (*graph.input, *graph.value_info, *graph.output):
            made.setdefault(value.name, _shape_of(value))
    nodes = [node for graph in _graphs(model.graph) for node in graph.node]
    for node in nodes:
        for name in filter(None, node.output):
            if shape is not None and made.get(name, (None, 0))[0] is None:
                raise SceneshiftError(
                    f"{where}: how large a result {node.op_type} ({node.name or name}) makes cannot be known before it"
                    " runs. Export the model with fixed sizes, and without operators whose results depend on the"
                    " picture's content."
                )
    shapes = {name: found for name, (found, _) in made.items() if found is not None}
    sizes = {name: math.prod(found) * item for name, (found, item) in made.items() if found is not None}
    held = _most_held(nodes, sizes)
    products, constant = _products_of(nodes, shapes, {value.name for value in _pictures(model)})
    for found, most, what in (
        (held, MOST_BYTES, "bytes of memory"),
        (products, MOST_PRODUCTS, "products"),
        (constant, MOST_CONSTANT, "products that do not depend on the picture"),
    ):
        if found > most:
            raise SceneshiftError(
                f"{where} asks for {found:.1e} {what}; {most:.1e} are the most. Export it for smaller pictures"
                " (predictors.size), or use a smaller model."
            )


def _inferred(content: bytes, where: object) -> bytes:
    """The model with the shapes of all that it makes, by a process of its own that may take so much and no more."""
    limits = str(INFERENCE_BYTES + 10 * len(content)), str(INFERENCE_SECONDS)
    command = [sys.executable, "-P", "-c", INFERENCE, *limits]
    one_thread = os.environ | {"OPENBLAS_NUM_THREADS": "1"}  # each other one would take some of the memory
    done = subprocess.run(command, input=content, capture_output=True, env=one_thread, check=False)
    if done.returncode:
        said = (done.stderr.decode(errors="replace").strip().splitlines() or [""])[0]
        if said.startswith("damaged: "):
            raise SceneshiftError(f"{where} is a damaged ONNX model: {said.removeprefix('damaged: ')[:300]}")
        raise SceneshiftError(
            f"{where}: finding out what it asks for takes more than {INFERENCE_BYTES:.1e} bytes or {INFERENCE_SECONDS}"
            " seconds. Export it with fixed sizes."
        )
    return done.stdout


def picture_shape(model: "onnx.ModelProto", size: Sequence[int], batch: int) -> list[int] | None:
    """The shape of the model's input for pictures of `size`; None unless it has one input with four dimensions."""
    pictures = _pictures(model)
    if len(pictures) != 1 or len(given := pictures[0].type.tensor_type.shape.dim) != 4:
        return None
    fixed = [dimension.dim_value or None for dimension in given]
    wanted = [batch, *size, 3] if fixed[3] == 3 and fixed[1] != 3 else [batch, 3, *size]
    return [found or size for found, size in zip(fixed, wanted, strict=True)]


def _pictures(model: "onnx.ModelProto") -> list[Any]:
    """The inputs that are given to a model: not its weights."""
    weights = {tensor.name for tensor in model.graph.initializer}
    return [value for value in model.graph.input if value.name not in weights]


def _graphs(graph: "onnx.GraphProto") -> Iterator["onnx.GraphProto"]:
    """A graph and the branches in it."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from _graphs(attribute.g)


def _shape_of(value: Any) -> tuple[Shape | None, int]:
    """The shape, None where a part of it is unknown, and the bytes of an item."""
    kind = value.type.tensor_type
    if not value.type.HasField("tensor_type") or not kind.HasField("shape"):
        return None, 0
    known = all(dimension.HasField("dim_value") and dimension.dim_value >= 0 for dimension in kind.shape.dim)
    return [d.dim_value for d in kind.shape.dim] if known else None, _item_size(kind.elem_type)


def _item_size(kind: int) -> int:
    import onnx

    try:
        return onnx.helper.tensor_dtype_to_np_dtype(kind).itemsize
    except KeyError:
        return 16  # of no type that is known


def _most_held(nodes: Sequence[Any], sizes: dict[str, int]) -> int:
    """Bytes at the widest place: each result is held from the node that makes it to the last that takes it."""
    last = {name: place for place, node in enumerate(nodes) for name in (*node.output, *node.input)}
    leaves: dict[int, list[str]] = {}
    for name, place in last.items():
        leaves.setdefault(place, []).append(name)
    made = {name for node in nodes for name in node.output}
    held = most = sum(size for name, size in sizes.items() if name not in made)
    for place, node in enumerate(nodes):
        held += sum(sizes.get(name, 0) for name in node.output)
        most = max(most, held)
        held -= sum(sizes.get(name, 0) for name in leaves.get(place, ()) if name in made)
    return most


def _products_of(nodes: Sequence[Any], shapes: dict[str, Shape], pictures: set[str]) -> tuple[float, float]:
    """Multiplications of all nodes, and of those that take nothing that is made of the pictures."""
    of_pictures, total, constant = set(pictures), 0.0, 0.0
    for node in nodes:
        products = _products(node, shapes)
        total += products
        has_branches = any(attribute.HasField("g") for attribute in node.attribute)  # which may take pictures
        if of_pictures.isdisjoint(node.input) and not has_branches:
            constant += products
        else:
            of_pictures.update(node.output)
    return total, constant


def _products(node: Any, shapes: dict[str, Shape]) -> float:
    """Multiplications of a node, at least its items; each shape that is unknown counts as nothing."""
    given = [shapes.get(name, []) for name in node.input]
    result = math.prod(shapes.get(node.output[0], [0])) if node.output else 0
    kernel = next((attribute.ints for attribute in node.attribute if attribute.name == "kernel_shape"), [])
    kind = node.op_type
    if kind in WEIGHTS and len(given) > WEIGHTS[kind]:
        return result * math.prod(given[WEIGHTS[kind]][1:])
    if kind == "ConvTranspose" and len(given) > 1:
        return math.prod(given[0]) * math.prod(given[1][1:])
    if kind in INNER and given and given[0]:
        return result * given[0][-1]
    if kind == "Gemm" and given:
        return result * max(given[0], default=1)
    if kind in RECURRENT and len(given) > 2:
        return math.prod(given[0][:2]) * (math.prod(given[1]) + math.prod(given[2]))
    if kind == "Einsum":
        return result * max((size for shape in given for size in shape), default=1)  # of what is summed, the longest
    return max([result * math.prod(kernel), *(math.prod(shape) for shape in given if shape)], default=0)
