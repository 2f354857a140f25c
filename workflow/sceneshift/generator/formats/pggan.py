"""PGGAN: NVIDIA's TensorFlow pickles, karras2018iclr-*.pkl, of the networks G, D and Gs.

Each is the state of a `tfutil.Network`, with its variables in one list. `4x4/Dense` makes [C, 4, 4] of the code; layers
that double the size are called Conv0, or Conv0_up where they do it by a transposed convolution, whose kernels are
stored [H, W, O, I] and act flipped after nearest-neighbour enlargement.
"""

import re
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sceneshift.generator.formats import stylegan2_tf
from sceneshift.generator.formats.checkpoint import Checkpoint, held
from sceneshift.runtime.errors import SceneshiftError

NAME = "pggan"
OUTPUT = "conv1.bias"  # which each resolution has
COMPUTES_W_AVG = False
CLASS = "tfutil.Network"
ARGUMENTS = {
    "num_channels": 3, "fmap_decay": 1.0, "normalize_latents": True, "use_wscale": True, "use_pixelnorm": True,
    "pixelnorm_epsilon": 1e-8, "use_leakyrelu": True,
}  # fmt: skip


def recognizes(content: Any) -> bool:
    """Whether a file's content is of this code base."""
    return stylegan2_tf.holds_networks(content, CLASS)


def read(path: Path | str, content: Any) -> Checkpoint:
    """Take a checkpoint apart: Gs, or a network alone. The discriminator is left out."""
    if not recognizes(content):
        raise SceneshiftError(f"{path} holds no network of {CLASS}: it holds {held(content)}.")
    network = content[-1] if isinstance(content, tuple | list) else content
    if (builder := network.fields.get("build_func_name")) != "G_paper":
        raise SceneshiftError(f"{path} was built by {builder}; of this code base PGGAN's generator, G_paper, is read.")
    stylegan2_tf.check_arguments(path, network, ARGUMENTS)
    tensors: dict[str, Tensor] = {}
    for name, tensor in stylegan2_tf.variables_of(path, network):
        if name == "lod" and (tensor.numel() != 1 or tensor.item() != 0):
            raise SceneshiftError(f"{path}: its lod is not 0: it was still growing, and makes smaller images.")
        if name == "lod" or re.fullmatch(r"ToRGB_lod([1-9]|\d\d)/(weight|bias)", name):
            continue  # left over from growing
        if name == "4x4/Dense/weight" and tensor.ndim == 2 and not len(tensor) % 16:  # [C·16, z]
            tensor = tensor.reshape(-1, 4, 4, tensor.shape[1])
        if name.endswith("Conv0_up/weight") and tensor.ndim == 4:
            tensor = tensor.transpose(0, 1).flip(-2, -1)
        tensors[name.replace("Conv0_up", "Conv0")] = tensor
    sizes = tensors.get("4x4/Dense/weight", torch.zeros([])).shape
    if len(sizes) != 4:
        raise SceneshiftError(f"{path}: its 4x4/Dense/weight is missing, or not [z_dim, C·16].")
    tensors["w_avg"] = torch.zeros(sizes[-1])
    return Checkpoint(tensors, kind="pggan", code_width=sizes[-1])


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
