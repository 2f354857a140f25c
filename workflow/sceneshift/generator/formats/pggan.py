"""PGGAN: NVIDIA's TensorFlow pickles, karras2018iclr-*.pkl, and the *.pth of HiGAN, InterFaceGAN and genforce.

A pickle holds the networks G, D and Gs, each the state of a `tfutil.Network`, with its variables in one list.
`4x4/Dense` makes [C, 4, 4] of the code; layers that double the size are called Conv0, or Conv0_up where they do it by a
transposed convolution, whose kernels are stored [H, W, O, I] and act flipped after nearest-neighbour enlargement.

In the *.pth layers are numbered, two a resolution: from 0 (genforce, HiGAN), or from 1 (InterFaceGAN). The code is an
image of one pixel there, padded to 7×7, so the first layer's kernel is stored flipped. Kernels of transposed
convolutions are [I, O, H, W] in genforce, told by the bias where I is not O, and [H, W, I, O] in HiGAN.
"""

import re
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sceneshift.generator.formats import stylegan2_tf
from sceneshift.generator.formats.checkpoint import Checkpoint, held, state_dict_of
from sceneshift.runtime.errors import SceneshiftError

NAME = "pggan"
OUTPUT = "conv1.bias"  # which each resolution has
COMPUTES_W_AVG = False
CLASS = "tfutil.Network"
ARGUMENTS = {
    "num_channels": 3, "fmap_decay": 1.0, "normalize_latents": True, "use_wscale": True, "use_pixelnorm": True,
    "pixelnorm_epsilon": 1e-8, "use_leakyrelu": True,
}  # fmt: skip


NUMBERED = re.compile(r"(layer|output)_?(\d{1,4})(?:x\d+)?\.(?:conv\.|wscale\.)?(weight|bias)")


def recognizes(content: Any) -> bool:
    """Whether a file's content is of this kind."""
    names = [] if _of_nvidia(content) else list(state_dict_of(content))
    first = any(name.startswith(("layer0.", "layer1.")) for name in names)
    return _of_nvidia(content) or (first and any(name.startswith("output") for name in names))


def read(path: Path | str, content: Any) -> Checkpoint:
    """Take a checkpoint apart: Gs, or a network alone. The discriminator is left out."""
    if not recognizes(content):
        raise SceneshiftError(f"{path} holds no generator of PGGAN: it holds {held(content)}.")
    read_as = _of_tensorflow if _of_nvidia(content) else _of_pytorch
    tensors = read_as(path, content)
    lod = tensors.pop("lod", torch.zeros([]))
    if lod.numel() != 1 or lod.item() != 0:
        raise SceneshiftError(f"{path}: its lod is not 0: it was still growing, and makes smaller images.")
    leftover = re.compile(r"ToRGB_lod([1-9]|\d\d)/(weight|bias)")  # from growing
    tensors = {name: tensor for name, tensor in tensors.items() if not leftover.fullmatch(name)}
    sizes = tensors.get("4x4/Dense/weight", torch.zeros([])).shape
    if len(sizes) != 4:
        raise SceneshiftError(f"{path}: its 4x4/Dense/weight is missing, or not [z_dim, C·16].")
    tensors["w_avg"] = torch.zeros(sizes[-1])
    return Checkpoint(tensors, kind="pggan", code_width=sizes[-1])


def _of_nvidia(content: Any) -> bool:
    return stylegan2_tf.holds_networks(content, CLASS)


def _of_tensorflow(path: Path | str, content: Any) -> dict[str, Tensor]:
    network = content[-1] if isinstance(content, tuple | list) else content
    if (builder := network.fields.get("build_func_name")) != "G_paper":
        raise SceneshiftError(f"{path} was built by {builder}; of this code base PGGAN's generator, G_paper, is read.")
    stylegan2_tf.check_arguments(path, network, ARGUMENTS)
    tensors: dict[str, Tensor] = {}
    for name, tensor in stylegan2_tf.variables_of(path, network):
        if name == "4x4/Dense/weight" and tensor.ndim == 2 and not len(tensor) % 16:  # [C·16, z]
            tensor = tensor.reshape(-1, 4, 4, tensor.shape[1])
        if name.endswith("Conv0_up/weight") and tensor.ndim == 4:
            tensor = tensor.transpose(0, 1).flip(-2, -1)
        tensors[name.replace("Conv0_up", "Conv0")] = tensor
    return tensors


def _of_pytorch(path: Path | str, content: Any) -> dict[str, Tensor]:
    """TensorFlow's names; kernels [O, I, H, W], the first one's [O, H, W, I], all as they act."""
    given = state_dict_of(content)
    found = {name: NUMBERED.fullmatch(name) for name in given}
    first = min((int(match[2]) for match in found.values() if match and match[1] == "layer"), default=0)
    last = max((int(match[2]) for match in found.values() if match and match[1] == "output"), default=0)
    higan = any(".wscale." in name for name in given)
    tensors: dict[str, Tensor] = {}
    for name, tensor in given.items():
        if not isinstance(tensor, Tensor):
            raise SceneshiftError(f"{path}: {name} is not a tensor.")
        if not (match := found[name]):
            tensors[name] = tensor
            continue
        kind, number, part = match[1], int(match[2]), match[3]
        if kind == "output":
            tensors[f"ToRGB_lod{min(last - number, 10)}/{part}"] = tensor
            continue
        index = number - first
        if index == 0 and tensor.ndim == 4:
            tensor = tensor.flip(-2, -1).permute(0, 2, 3, 1)
        elif higan and name == f"layer{number}.weight" and tensor.ndim == 4:
            tensor = tensor.permute(3, 2, 0, 1).flip(-2, -1)
        place = ("Dense", "Conv")[index] if index < 2 else f"Conv{index % 2}"
        size = 4 << index // 2
        tensors[f"{size}x{size}/{place}/{part}"] = tensor
    doubling = {name: tensor for name, tensor in tensors.items() if name.endswith("Conv0/weight") and tensor.ndim == 4}
    bias = {name: tensors.get(name.replace("weight", "bias"), torch.zeros(0)) for name in doubling}
    if not higan and any(len(kernel) != len(bias[name]) for name, kernel in doubling.items()):  # genforce's fused_scale
        tensors |= {name: kernel.transpose(0, 1).flip(-2, -1) for name, kernel in doubling.items()}
    return tensors


def generator_name(name: str) -> str:
    """`synthesis.b8.conv0.weight` -> `8x8/Conv0/weight`, and so on."""
    network, block, *rest = name.split(".")
    if network == "mapping":
        return "w_avg" if block == "w_avg" else name  # it has no layers
    if block == "torgb":
        return f"ToRGB_lod0/{rest[0]}"
    r = block[1:]
    first = {"conv0": "Dense", "conv1": "Conv"} if r == "4" else {}
    return "/".join([f"{r}x{r}", first.get(rest[0], rest[0].capitalize()), *rest[1:]])


def to_ours(name: str, tensor: Tensor) -> Tensor:
    """A tensor of any shape, as it is."""
    return tensor
