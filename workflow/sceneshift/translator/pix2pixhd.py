"""pix2pixHD's generator files (arXiv 1711.11585), latest_net_G.pth: state dicts, layers named by place in the network.

Names and order follow the public code (NVIDIA/pix2pixHD, models/networks.py): `model.1.weight`, `model.4.weight`, …;
with the local enhancer, `model` is the global generator without its last convolution, and `model1_1`, `model1_2` are
the enhancer's two halves. Instance norms have no weights.
"""

import io
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from torch import Tensor

from sceneshift.foreign.pickles import read_torch
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.files import atomic_file
from sceneshift.translator.architecture import Architecture, TranslatorNetwork, network_shapes
from sceneshift.translator.checkpoints import read_translator

# before PyTorch 0.4 instance norms stored statistics that the forward pass does not use
UNUSED = re.compile(r"\.(running_mean|running_var|num_batches_tracked)$")
FIRST, FIRST_FINE = "model.1.weight", "model1_1.1.weight"


def read_pix2pixhd(checkpoint: Path | str) -> TranslatorNetwork:
    """The network in pix2pixHD's `checkpoint`, global or local, photos to photos.

    Raises SceneshiftError that names the file and the tensor for another format, missing or surplus tensors, other
    shapes, values that are not finite, and generators that take anything but RGB (label maps, instance edges).
    """
    weights = _state_dict(checkpoint)
    sizes = _sizes(checkpoint, weights)
    shapes = network_shapes(sizes)
    names = dict(_published_names(sizes))
    for name in sorted(names.values() | weights.keys(), key=_natural):
        if name not in weights or name not in names.values():
            found = "missing" if name not in weights else "not expected"
            raise SceneshiftError(f"{checkpoint}: tensor {name} is {found} in {_described(sizes)}.")
    for ours, theirs in names.items():
        found, wanted = tuple(weights[theirs].shape), shapes[ours]
        if found != wanted:
            raise SceneshiftError(
                f"{checkpoint}: tensor {theirs} is {found}; expected {wanted} in {_described(sizes)}."
            )
        if not weights[theirs].isfinite().all():
            raise SceneshiftError(f"{checkpoint}: tensor {theirs} has values that are not finite: its training failed.")
    network = TranslatorNetwork(sizes)
    network.load_state_dict({ours: weights[theirs].float() for ours, theirs in names.items()})
    return network


def write_pix2pixhd(path: Path | str, out: Path | str) -> None:
    """Write the translator in `path` as pix2pixHD's state dict. Raises SceneshiftError unless it has the image head."""
    network, facts = read_translator(path)
    if facts.sizes.head != "image":
        raise SceneshiftError(
            f"{path} has head: edit, which predicts gain, offset and mask; pix2pixHD's networks predict an image."
            " Train with head: image, or export to onnx or torchscript."
        )
    weights = network.state_dict()
    saved = io.BytesIO()  # into memory: the name of a file would go into its bytes
    torch.save({theirs: weights[ours] for ours, theirs in _published_names(facts.sizes)}, saved)
    with atomic_file(out) as temporary:
        temporary.write_bytes(saved.getbuffer())


def _published_names(sizes: Architecture) -> Iterator[tuple[str, str]]:
    """(our name, pix2pixHD's name) of every tensor, in the published order."""
    layers = list(_local_layers(sizes) if sizes.local_enhancer else _global_layers(sizes, "network.features"))
    for ours, theirs in layers:
        for kind in ("weight", "bias"):
            yield f"{ours}.{kind}", f"{theirs}.{kind}"


def _global_layers(sizes: Architecture, ours: str) -> Iterator[tuple[str, str]]:
    # a layer with its norm and ReLU takes three places, the first also one for its padding; a residual block takes one
    halves, blocks = sizes.downsamplings, sizes.blocks
    yield f"{ours}.enter", "model.1"
    yield from ((f"{ours}.down.{i}", f"model.{4 + 3 * i}") for i in range(halves))
    yield from _block_layers(f"{ours}.blocks", "model", 4 + 3 * halves, blocks)
    after = 4 + 3 * halves + blocks
    yield from ((f"{ours}.up.{i}", f"model.{after + 3 * i}") for i in range(halves))
    if not sizes.local_enhancer:
        yield "network.out", f"model.{after + 3 * halves + 1}"


def _local_layers(sizes: Architecture) -> Iterator[tuple[str, str]]:
    yield from _global_layers(sizes, "network.coarse")
    yield "network.enter", "model1_1.1"
    yield "network.down", "model1_1.4"
    yield from _block_layers("network.blocks", "model1_2", 0, sizes.local_blocks)
    yield "network.up", f"model1_2.{sizes.local_blocks}"
    yield "network.out", f"model1_2.{sizes.local_blocks + 4}"


def _block_layers(ours: str, theirs: str, first: int, count: int) -> Iterator[tuple[str, str]]:
    for i in range(count):
        for conv, place in (("conv1", 1), ("conv2", 5)):
            yield f"{ours}.{i}.{conv}", f"{theirs}.{first + i}.conv_block.{place}"


def _state_dict(checkpoint: Path | str) -> dict[str, Tensor]:
    weights = read_torch(checkpoint)
    if not isinstance(weights, Mapping) or not all(isinstance(value, Tensor) for value in weights.values()):
        raise SceneshiftError(
            f"{checkpoint} holds {type(weights).__name__}, not the state dict of a pix2pixHD generator"
            " (latest_net_G.pth: names such as model.1.weight, each with a tensor)."
        )
    return {str(name): value for name, value in weights.items() if not UNUSED.search(str(name))}


def _sizes(checkpoint: Path | str, weights: Mapping[str, Tensor]) -> Architecture:
    """The architecture by the names there are, and the first layer [O, C, 7, 7]; the rest is compared afterwards."""
    places = sorted({int(m[1]) for name in weights if (m := re.fullmatch(r"model\.(\d{1,3})\.conv_block\..*", name))})
    first = weights.get(FIRST)
    if first is None or first.ndim != 4 or not places or places[0] not in range(7, 29, 3):
        raise SceneshiftError(
            f"{checkpoint}: its tensors ({', '.join(list(weights)[:3])}, …) are not those of a pix2pixHD generator:"
            f" {FIRST} and residual blocks model.N.conv_block were expected."
        )
    if first.shape[1] != 3:
        raise SceneshiftError(
            f"{checkpoint}: {FIRST} takes {first.shape[1]} channels; expected 3, a photo. Generators for label maps or"
            " instance edges are not photo editors (pix2pixHD's options --label_nc 0 --no_instance)."
        )
    if any(name.startswith("model2_") for name in weights):
        raise SceneshiftError(f"{checkpoint} has several local enhancers; sceneshift has one.")
    enhancer_blocks = {name.split(".")[1] for name in weights if re.match(r"model1_2\.\d+\.conv_block\.", name)}
    try:
        return Architecture(
            head="image", width=first.shape[0], downsamplings=(places[0] - 4) // 3, blocks=len(places),
            local_enhancer=FIRST_FINE in weights, discriminators=0, local_blocks=len(enhancer_blocks),
        )  # fmt: skip
    except ValueError as error:
        raise SceneshiftError(f"{checkpoint} is not a generator of pix2pixHD: {error}.") from None


def _described(sizes: Architecture) -> str:
    enhancer = f", in a local enhancer with {sizes.local_blocks} blocks" if sizes.local_enhancer else ""
    return (
        f"a pix2pixHD generator of width {sizes.width} with {sizes.downsamplings} downsamplings and {sizes.blocks}"
        f" blocks{enhancer}"
    )


def _natural(name: str) -> list[tuple[int, str]]:
    """model.4 before model.10, so that the first tensor of several is named."""
    return [(int(part) if part.isdigit() else 0, part) for part in name.split(".")]
