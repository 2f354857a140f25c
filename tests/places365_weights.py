"""Random weights in the very formats that Places365 publishes: what the tests download, import and score with."""

import pickle
import struct
from collections import OrderedDict
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
import torch


class Places365Files(NamedTuple):
    network: Path  # wideresnet18_places365.pth.tar
    attributes_matrix: Path  # W_sceneattribute_wideresnet18.npy
    tensors: dict[str, torch.Tensor]  # the network's, without `module.`


def write_places365(folder: Path, seed: int = 0) -> Places365Files:
    """Both files, as published: a checkpoint by PyTorch 0.2 under Python 2 on a GPU, and a float64 matrix."""
    tensors = random_tensors(torch.Generator().manual_seed(seed))
    network, matrix = folder / "wideresnet18_places365.pth.tar", folder / "W_sceneattribute_wideresnet18.npy"
    state = OrderedDict((f"module.{name}", tensor) for name, tensor in tensors.items())
    with open(network, "wb") as file:
        write_python2_checkpoint(file, {"epoch": 90, "arch": "wideresnet18", "state_dict": state, "best_prec1": 54.7})
    np.save(matrix, np.asfortranarray(np.random.default_rng(seed).normal(0, 0.01, (102, 512))))
    return Places365Files(network, matrix, tensors)


def random_tensors(random: torch.Generator) -> dict[str, torch.Tensor]:
    """Tensors with the names, order and shapes of wideresnet18's; the batch norms know no num_batches_tracked."""
    tensors: dict[str, torch.Tensor] = {}

    def convolution(name: str, norm: str, out: int, into: int, kernel: int, gain: float = 1.0) -> None:
        scale = gain * (2 / (into * kernel * kernel)) ** 0.5
        tensors[f"{name}.weight"] = torch.randn(out, into, kernel, kernel, generator=random) * scale
        tensors[f"{norm}.weight"] = torch.rand(out, generator=random) + 0.5
        tensors[f"{norm}.bias"] = torch.randn(out, generator=random) * 0.1
        tensors[f"{norm}.running_mean"] = torch.randn(out, generator=random) * 0.1
        tensors[f"{norm}.running_var"] = torch.rand(out, generator=random) + 0.5

    convolution("conv1", "bn1", 64, 3, 7)
    into = 64
    for layer, width in ((1, 64), (2, 128), (3, 256), (4, 512)):
        for block in (0, 1):
            at = f"layer{layer}.{block}"
            convolution(f"{at}.conv1", f"{at}.bn1", width, into, 3)
            convolution(f"{at}.conv2", f"{at}.bn2", width, width, 3, gain=0.3)
            if into != width:
                convolution(f"{at}.downsample.0", f"{at}.downsample.1", width, into, 1, gain=0.7)
            into = width
    tensors["fc.weight"] = torch.randn(365, 512, generator=random) * 0.1
    tensors["fc.bias"] = torch.randn(365, generator=random) * 0.1
    return tensors


class _Python2Pickler(pickle._Pickler):
    """Protocol 2 as Python 2 wrote it: text as byte strings; tensors as PyTorch 0.2 had them, in a GPU's storages."""

    def __init__(self, file: IO[bytes], storages: dict[str, torch.Tensor]) -> None:
        super().__init__(file, 2)
        self.storages = storages

    def _save_text(self, text: str) -> None:
        raw = text.encode("latin1")
        short = len(raw) < 256
        self.write((b"U" + struct.pack("<B", len(raw)) if short else b"T" + struct.pack("<i", len(raw))) + raw)
        self.memoize(text)

    dispatch = {**pickle._Pickler.dispatch, str: _save_text}  # noqa: RUF012

    def reducer_override(self, value: Any) -> Any:
        if not isinstance(value, torch.Tensor):
            return NotImplemented
        key = str(len(self.storages))
        self.storages[key] = value.contiguous()
        return torch._utils._rebuild_tensor, (_Storage(key, value.numel()), 0, tuple(value.shape), value.stride())

    def persistent_id(self, value: Any) -> Any:
        if isinstance(value, _Storage):
            return ("storage", torch.cuda.FloatStorage, value.key, "cuda:0", value.numel, None)
        return None


class _Storage(NamedTuple):
    key: str
    numel: int


def write_python2_checkpoint(file: IO[bytes], value: Any) -> None:
    """What `torch.save(value, file)` of PyTorch 0.2 under Python 2 wrote; the tensors in `value` are float32."""
    storages: dict[str, torch.Tensor] = {}
    sizes = {"short": 2, "int": 4, "long": 8}
    machine = {"protocol_version": 1001, "little_endian": True, "type_sizes": sizes}
    for part in (0x1950A86A20F9469CFC6C, 1001, machine, value):
        _Python2Pickler(file, storages).dump(part)
    _Python2Pickler(file, {}).dump(sorted(storages))
    for key in sorted(storages):
        file.write(struct.pack("<q", storages[key].numel()))
        file.write(storages[key].numpy().tobytes())
