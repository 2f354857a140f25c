"""export_translator: translators for other programs."""

import sys
from pathlib import Path
from typing import Literal

from sceneshift.runtime.file_kinds import by_suffix
from sceneshift.runtime.shipped import translator_file
from sceneshift.translator.exporting import OPSET, write_graph
from sceneshift.translator.pix2pixhd import write_pix2pixhd

Format = Literal["onnx", "torchscript", "pix2pixhd"]
SUFFIXES: dict[str, Format] = {
    ".onnx": "onnx",
    ".pt": "torchscript",
    ".torchscript": "torchscript",
    ".pth": "pix2pixhd",
}


def export_translator(translator: Path | str, out: Path | str, *, format: Format | None = None) -> None:
    """Write a translator for other programs, checked against PyTorch.

    translator: translator (.safetensors), or a shipped editor's name
    out: file to write
    format: onnx, torchscript: one graph, photos of any size in and out; pix2pixhd: latest_net_G.pth (head: image)
        (default: by the suffix of OUT: .onnx, .pt or .torchscript, .pth)

    onnx (opset 17), torchscript: the graph takes photos float32 [N, 3, H, W], RGB in [0, 1], of any H and W, and gives
    the edited photos, same shape and range: padding, cropping and, for the edit head, the guided filter included. A
    second input, `strength`, a float32 without axes (TorchScript: a number), may be left out: it is then 1. The
    written file is run on photos of several sizes, and its largest difference from PyTorch reported.

    Raises SceneshiftError if the file cannot be read, has no such form, or differs from PyTorch by more than 1e-3.

    Example: translator.safetensors night.onnx
    """
    translator = translator_file(translator)
    format = format or by_suffix(out, SUFFIXES, ", or --format")
    if format == "pix2pixhd":
        write_pix2pixhd(translator, out)
        return
    difference = write_graph(translator, out, format)
    opset = f", opset {OPSET}" if format == "onnx" else ""
    print(
        f"{out}: {format}{opset}; photo float32 [N, 3, H, W], RGB in [0, 1], any N, H and W (and strength, 1 if left"
        " out) -> edited, the same."
        f" Largest difference from PyTorch over four sizes: {difference:.2g}.",
        file=sys.stderr,
    )
