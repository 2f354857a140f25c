"""The only place that reads ONNX files: as data, checked before onnxruntime sees them.

A model can name files to read (external tensors, whose location may also be an address in memory), ask for libraries
of its own operators, and run forever (loops, functions that call functions). None of these is needed to score a
picture, so a model that has one is refused by name. What the rest may take is in `onnx_cost`.
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sceneshift.foreign.onnx_cost import picture_shape, require_bounded
from sceneshift.runtime.errors import SceneshiftError

if TYPE_CHECKING:  # both are imported late: most of what imports this module opens no model
    import onnx
    import onnxruntime

DOMAINS = ("", "ai.onnx", "ai.onnx.ml", "com.microsoft")  # whose operators onnxruntime brings itself


def read_onnx(path: Path | str) -> bytes:
    """A model's bytes, not yet checked. Raises SceneshiftError that names the file."""
    path = Path(path)
    if not path.is_file():
        raise SceneshiftError(f"predictors.model: found {str(path)!r}, which does not exist; expected an .onnx file.")
    return path.read_bytes()


def checked_model(content: bytes, where: object) -> "onnx.ModelProto":
    """The parsed model. SceneshiftError, naming `where`, if it is not an ONNX model, damaged, or asks for too much."""
    import onnx

    try:
        model = onnx.load_model_from_string(content)
        graph_given = model.HasField("graph")
    except Exception as error:  # of protobuf, or of damaged text in it
        raise SceneshiftError(f"{where} is not an ONNX model, or a damaged one: {_first_line(error)}") from error
    if not graph_given:
        raise SceneshiftError(f"{where} is not an ONNX model, or a cut one: it has no graph.")
    if any(not isinstance(text, str) for entry in model.metadata_props for text in (entry.key, entry.value)):
        raise SceneshiftError(f"{where} is a damaged ONNX model: its metadata is not UTF-8 text.")
    for message in _messages(model):
        _refuse_what_it_could_do(message, where)
    try:
        onnx.checker.check_model(model)
    except Exception as error:  # the checker's own, and UnicodeDecodeError of what it quotes
        raise SceneshiftError(f"{where} is a damaged ONNX model: {_first_line(error)}") from error
    return model


def open_session(
    content: bytes, where: object, size: Sequence[int], batch: int, device: Any = "cpu"
) -> "onnxruntime.InferenceSession":
    """onnxruntime's session of a model, checked again, on as many threads as torch uses (OMP_NUM_THREADS).

    size, batch: height and width of the pictures, and how many it will be given at once, where the model does not say.
    On a CUDA device where onnxruntime-gpu is installed, else on the CPU.
    """
    import onnxruntime
    import torch

    model = checked_model(content, where)
    require_bounded(model, picture_shape(model, size, batch), where)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.inter_op_num_threads = 1
    # beside other work, threads that wait by spinning cost up to half the speed; the scores are the same bits
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.use_deterministic_compute = True
    options.log_severity_level = 4  # errors arrive as exceptions
    options.add_session_config_entry("session.load_model_format", "ONNX")  # not the flat format, which nothing checked
    providers: list[Any] = ["CPUExecutionProvider"]
    device = torch.device(device)
    if device.type == "cuda":
        if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
            providers.insert(0, ("CUDAExecutionProvider", {"device_id": device.index or 0}))
        else:
            print(f"{where}: runs on the CPU; for the GPU, pip install onnxruntime-gpu instead", file=sys.stderr)
    try:
        return onnxruntime.InferenceSession(content, options, providers=providers, enable_fallback=0)
    except Exception as error:  # its exceptions have no common class
        raise SceneshiftError(f"{where}: onnxruntime cannot run this model: {_first_line(error)}") from error


def metadata_of(model: "onnx.ModelProto") -> dict[str, str]:
    """The model's own metadata: key -> text."""
    return {entry.key: entry.value for entry in model.metadata_props}


def _refuse_what_it_could_do(message: Any, where: object) -> None:
    kind = message.DESCRIPTOR.name
    if kind == "TensorProto" and (message.data_location == message.EXTERNAL or message.external_data):
        raise SceneshiftError(
            f"{where}: the weights {message.name!r} lie in another file. Save the model with its weights inside:"
            " onnx.save(onnx.load(path), path, save_as_external_data=False)."
        )
    if kind == "SparseTensorProto":
        raise SceneshiftError(f"{where} has sparse tensors, which may claim any size. Export it with plain ones.")
    if kind == "FunctionProto":
        raise SceneshiftError(
            f"{where} defines functions of its own ({message.name}). Save it with them inlined:"
            " onnx.inliner.inline_local_functions(model)."
        )
    if kind != "NodeProto":
        return
    if message.domain not in DOMAINS or message.op_type == "EPContext":
        raise SceneshiftError(
            f"{where} needs the operator {message.domain}.{message.op_type}, which is not part of onnxruntime;"
            " libraries that bring operators are not loaded. Export it with standard operators."
        )
    inner = [one.op_type for one in _messages(message) if one.DESCRIPTOR.name == "NodeProto"]
    if inner.count("If") > 1:
        raise SceneshiftError(f"{where} has branches within branches (If). Export it without them.")
    if message.op_type != "If" and any(one.HasField("g") or one.graphs for one in message.attribute):
        raise SceneshiftError(
            f"{where} runs parts of itself in loops ({message.op_type}), whose end nobody can foresee."
            " Export it without loops."
        )


def _messages(message: Any) -> Iterator[Any]:
    """A protobuf message and all that it holds, at any depth (protobuf itself reads no deeper than 100)."""
    yield message
    for field, value in message.ListFields():
        if field.type == field.TYPE_MESSAGE:
            for inner in value if field.is_repeated else [value]:
                yield from _messages(inner)


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:300]
