"""Translators as graphs for other programs, ONNX and TorchScript, checked against PyTorch as they are written."""

import io
import json
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
import onnx
import onnxruntime
import torch
from torch import Tensor

from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.files import atomic_file, sha256_of
from sceneshift.runtime.provenance import made_by
from sceneshift.runtime.randomness import torch_generator
from sceneshift.translator.checkpoints import read_translator
from sceneshift.translator.portable import AnyStrength, PortableTranslator

OPSET = 17
LARGEST_DIFFERENCE = 1e-3  # of pixels in [0, 1]; float32 graphs stay below 1e-4
AS_TRAINED = torch.tensor(1.0)  # the strength that a graph is given if none is
UNKNOWN_RESOLUTION = 64  # what a translator made elsewhere is tried at

Run = Callable[[Tensor, Tensor], Tensor]


def write_graph(translator: Path, out: Path | str, format: Literal["onnx", "torchscript"]) -> float:
    """Write a translator's graph; its largest difference from PyTorch on photos of several sizes, pixels in [0, 1].

    The graph takes photos float32 [N, 3, H, W] in [0, 1] and a strength. Raises SceneshiftError if the file cannot be
    read, or the graph differs by more than 1e-3.
    """
    network, facts = read_translator(translator)
    editor = PortableTranslator(network, facts).eval()
    side = facts.resolution or UNKNOWN_RESOLUTION
    example = _photos(side + 4, side + 8)
    note = json.dumps(made_by(command="export-translator", translator_sha256=sha256_of(translator), edit=facts.edit))
    write, load = {"onnx": (_write_onnx, _load_onnx), "torchscript": (_write_torchscript, _load_torchscript)}[format]
    with atomic_file(out) as temporary:
        temporary.write_bytes(write(editor, example, note))
        difference = max(_differences(editor, load(temporary), side))
        if not difference <= LARGEST_DIFFERENCE:  # NaN is not a small difference
            raise SceneshiftError(
                f"{translator} as {format} differs from PyTorch by {difference:.2g} on pixels in [0, 1], more than"
                f" {LARGEST_DIFFERENCE:g}. Nothing was written. Export it with other versions of torch and onnxruntime."
            )
    return difference


def _write_onnx(editor: PortableTranslator, example: Tensor, note: str) -> bytes:
    """The graph's file; `example` [N, 3, H, W] is what it is traced with, `note` goes into its metadata."""
    graph = io.BytesIO()
    sizes = {0: "N", 2: "H", 3: "W"}
    with _quiet(), torch.no_grad():
        torch.onnx.export(
            editor, (example, AS_TRAINED), graph, dynamo=False, opset_version=OPSET, input_names=["photo", "strength"],
            output_names=["edited"], dynamic_axes={"photo": sizes, "edited": sizes},
        )  # fmt: skip
    model = onnx.load_from_string(graph.getvalue())
    # an input with an initializer of its name is one that may be left out
    model.graph.initializer.append(onnx.numpy_helper.from_array(AS_TRAINED.numpy(), "strength"))
    model.metadata_props.add(key="sceneshift", value=note)
    return model.SerializeToString(deterministic=True)


def _load_onnx(path: Path) -> Run:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors: it would warn of the input that may be left out
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return lambda photos, strength: torch.from_numpy(
        session.run(None, {"photo": photos.numpy(), "strength": strength.numpy()})[0]
    )


def _write_torchscript(editor: PortableTranslator, example: Tensor, note: str) -> bytes:
    """As `_write_onnx`; `example` [N, 3, H, W]."""
    saved, kept = io.BytesIO(), io.BytesIO()
    with _quiet(), torch.no_grad():
        graph = torch.jit.trace(editor, (example, AS_TRAINED), check_trace=False)
        torch.jit.save(torch.jit.script(AnyStrength(graph)), saved, _extra_files={"sceneshift.json": note})
    # without the debug records, which hold this machine's paths
    with zipfile.ZipFile(saved) as whole, zipfile.ZipFile(kept, "w") as archive:
        for record in whole.infolist():
            if not record.filename.endswith(".debug_pkl"):
                archive.writestr(record, whole.read(record))
    return kept.getvalue()


def _load_torchscript(path: Path) -> Run:
    with _quiet():
        graph = torch.jit.load(path, map_location="cpu")
    return lambda photos, strength: graph(photos, strength.item())


def _quiet() -> warnings.catch_warnings:
    """The tracer warns of sizes that become constants: only the numbers of channels do, as they should. And TorchScript
    always warns: torch.export does not follow sizes that a graph computes from its input."""
    return warnings.catch_warnings(action="ignore")


def _differences(editor: PortableTranslator, run: Run, side: int) -> list[float]:
    """At the training size, beside it, well above it, and below it; as trained and at half the strength."""
    sizes = ((side, side), (side + 3, 2 * side + 5), (3 * side + 1, 2 * side + 7), (side // 2 + 3, side // 3 + 4))
    with torch.inference_mode():
        tried = ((_photos(*size), strength) for size in sizes for strength in (AS_TRAINED, AS_TRAINED / 2))
        return [float(np.abs(run(*given).numpy() - editor(*given).numpy()).max()) for given in tried]


def _photos(height: int, width: int) -> Tensor:
    """Two smooth pictures with noise on them, float32 [2, 3, height, width] in [0, 1]."""
    rng = torch_generator("export", height, width)
    coarse = torch.rand(2, 3, 5, 5, generator=rng)
    smooth = torch.nn.functional.interpolate(coarse, size=(height, width), mode="bilinear", align_corners=False)
    return (0.9 * smooth + 0.1 * torch.rand(2, 3, height, width, generator=rng)).clamp(0, 1)
