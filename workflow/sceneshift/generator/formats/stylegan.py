"""The first StyleGAN: NVIDIA's TensorFlow pickles (*.pkl), and the *.pth of HiGAN and genforce.

All are brought to genforce's names and shapes: `synthesis.layer{k}`, two a resolution from 4 px on, `output{k}`, one a
resolution, of which only the last counts (the others are left over from growing). Two conventions are converted:
leaky ReLU has no gain in the mapping, whose biases are therefore √2 times ours; and kernels of layers that double the
size act flipped from 128 px on, where the original doubles by a transposed convolution.
"""

import math
import re
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sceneshift.generator.formats import stylegan2_tf
from sceneshift.generator.formats.checkpoint import Checkpoint, held, refuse_conditional, state_dict_of
from sceneshift.generator.stylegan import BLUR
from sceneshift.runtime.errors import SceneshiftError

NAME = "stylegan"
OUTPUT = "conv1.bias"  # which each resolution has
COMPUTES_W_AVG = False
TRANSPOSED = 128  # px: from here on the original doubles by a transposed convolution
ARGUMENTS = stylegan2_tf.ARGUMENTS | {
    "resample_kernel": None, "fused_scale": "auto", "blur_filter": [1, 2, 1], "use_styles": True,
    "const_input_layer": True, "use_instance_norm": True, "use_pixel_norm": False, "use_wscale": True,
}  # fmt: skip
PARTS = {
    "weight": "weight",
    "bias": "bias",
    "noise_strength": "apply_noise.weight",
    "noise_const": "apply_noise.noise",
    "affine.weight": "style.weight",
    "affine.bias": "style.bias",
}


def recognizes(content: Any) -> bool:
    """Whether a file's content is of this kind."""
    if stylegan2_tf.recognizes(content):
        return _network(content).fields.get("build_func_name") == "G_style"
    return "synthesis.layer0.const" in state_dict_of(content)  # StyleGAN2's first layer has a convolution


def read(path: Path | str, content: Any) -> Checkpoint:
    """Take a checkpoint apart. Its discriminator differs from StyleGAN2's and is left out."""
    if not recognizes(content):
        raise SceneshiftError(f"{path} holds no generator of the first StyleGAN: it holds {held(content)}.")
    if stylegan2_tf.recognizes(content):
        tensors = _of_tensorflow(path, content)
    else:
        tensors = _of_pytorch(path, state_dict_of(content))
    lod = tensors.pop("synthesis.lod", torch.zeros([]))
    if lod.numel() != 1 or lod.item() != 0:
        raise SceneshiftError(
            f"{path}: its lod is not 0: it was still growing, and makes images of a lower resolution."
        )
    outputs = [int(found[1]) for name in tensors if (found := re.match(r"synthesis\.output(\d{1,2})\.weight", name))]
    last = f"synthesis.output{max(outputs, default=0)}."
    kept = {
        name.replace(last, "synthesis.output."): tensor
        for name, tensor in tensors.items()
        if not name.startswith("synthesis.output") or name.startswith(last)
    }
    return Checkpoint(kept, kind="stylegan")


def generator_name(name: str) -> str:
    """`synthesis.b8.conv0.weight` -> `synthesis.layer2.weight`, and so on."""
    network, block, *rest = name.split(".")
    if name == "mapping.w_avg":
        return "truncation.w_avg"
    if network == "mapping":
        return f"mapping.{block.replace('fc', 'dense')}.{rest[0]}"
    if block == "torgb":
        return f"synthesis.output.{rest[0]}"
    if rest == ["const"]:
        return "synthesis.layer0.const"
    layer = 2 * int(math.log2(int(block[1:]))) - 4 + (rest[0] == "conv1")
    return f"synthesis.layer{layer}.{PARTS.get('.'.join(rest[1:]), '.'.join(rest[1:]))}"


def to_ours(name: str, tensor: Tensor) -> Tensor:
    """By our name: the mapping's biases [w_dim], and the kernels [O, I, 3, 3] that act flipped."""
    if name.startswith("mapping.") and name.endswith("bias"):
        return tensor / math.sqrt(2)
    found = re.match(r"synthesis\.b(\d+)\.conv0\.weight", name)
    return tensor.flip(-2, -1) if found and int(found[1]) >= TRANSPOSED else tensor


def _network(content: Any) -> Any:
    return content[-1] if isinstance(content, tuple | list) else content


def _of_pytorch(path: Path | str, content: dict[str, Any]) -> dict[str, Tensor]:
    """HiGAN's names (`.epilogue.`, `.fc.`, `.wscale.`, kernels [H, W, I, O] where transposed) as genforce's."""
    tensors, taps = {}, torch.tensor(BLUR)
    for name, tensor in content.items():
        if not isinstance(tensor, Tensor):
            raise SceneshiftError(f"{path}: {name} is not a tensor.")
        if name.endswith("blur.kernel"):
            if not torch.allclose(tensor.float(), (torch.outer(taps, taps) / 16).expand_as(tensor)):
                raise SceneshiftError(f"{path}: the filter {name} is not StyleGAN's [1, 2, 1].")
            continue
        if "label" in name:
            refuse_conditional(path, name)
        if name == "truncation.truncation":  # ψ by layer: HiGAN's choice when it samples
            continue
        if re.fullmatch(r"synthesis\.layer\d+\.weight", name) and tensor.shape[:2] == (3, 3):
            tensor = tensor.permute(3, 2, 0, 1)
        for theirs, ours in (
            (".epilogue", ""),
            ("style_mod.dense", "style"),
            (".fc", ""),
            (".wscale", ""),
            (".conv.", "."),
        ):
            name = name.replace(theirs, ours)
        tensors[name] = tensor
    return tensors


def _of_tensorflow(path: Path | str, content: Any) -> dict[str, Tensor]:
    network = _network(content)
    parts = network.fields.get("components")
    tensors: dict[str, Tensor] = {}
    for prefix, part in (("", network), *(parts.items() if isinstance(parts, dict) else ())):
        stylegan2_tf.check_arguments(path, part, ARGUMENTS)
        for name, tensor in stylegan2_tf.variables_of(path, part):
            tensors[_name_of(prefix, name)] = tensor
    tensors.pop("lod", None)  # the synthesis has it too
    return tensors


def _name_of(part: str, name: str) -> str:
    """The name of a variable of mapping, synthesis or, "", the whole, as genforce has it."""
    if name == "dlatent_avg":
        return "truncation.w_avg"
    if found := re.fullmatch(r"Dense(\d+)/(weight|bias)", name):
        return f"mapping.dense{found[1]}.{found[2]}"
    if found := re.fullmatch(r"noise(\d+)", name):
        return f"synthesis.layer{found[1]}.apply_noise.noise"
    if found := re.fullmatch(r"ToRGB_lod(\d+)/(weight|bias)", name):
        return f"synthesis.output{99 - int(found[1])}.{found[2]}"  # lod 0, the last, gets the highest number
    if found := re.fullmatch(r"(\d+)x\d+/(Const|Conv|Conv0_up|Conv1)/(.+)", name):
        first = 2 * (int(found[1]).bit_length() - 1) - 4
        ends = {"Noise/weight": "apply_noise.weight", "StyleMod/weight": "style.weight", "StyleMod/bias": "style.bias"}
        return f"synthesis.layer{first + (found[2] in ('Conv', 'Conv1'))}.{ends.get(found[3], found[3])}"
    return f"{part}.{name}" if part else name
