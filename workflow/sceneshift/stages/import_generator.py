"""Taking over a generator that was trained elsewhere, with the discriminator where the file has one."""

import functools
import itertools
import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Literal

import torch
from torch import Tensor

from sceneshift.generator.checkpoints import KINDS, load_generator, save_generator
from sceneshift.generator.formats import FOREIGN, OWN, open_checkpoint, stylegan2_ada
from sceneshift.generator.formats.checkpoint import Checkpoint
from sceneshift.generator.networks import Discriminator, Generator
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.files import atomic_file
from sceneshift.runtime.model_files import fill, on_no_device
from sceneshift.runtime.randomness import torch_generator
from sceneshift.runtime.section import Natural

Format = Literal[
    "auto", "sceneshift", "stylegan2-ada-pytorch", "stylegan2", "stylegan", "pggan", "rosinality", "genforce"
]
RESOLUTIONS = [2**power for power in range(2, 11)]
COLUMNS = range(4, 17)  # of the 4×k constant: square to four times as wide as high
AVERAGED = 2**14  # mapped codes, where a file has no w_avg


def import_generator(
    checkpoint: Path | str,
    out: Path | str,
    *,
    format: Format = "auto",
    shape: tuple[int, int] | None = None,
    class_label: Natural | None = None,
) -> None:
    """Take over a generator made elsewhere: it computes the same images. Nothing that the file brings is run.

    checkpoint: StyleGAN2, StyleGAN or PGGAN generator (.safetensors, .pkl, .pt, .pth)
    out: generator to write (.safetensors)
    format: the code base that wrote it (default: auto, by what is in the file)
    shape: that its images must have (default: any)
    class_label: of a conditional generator of stylegan2-ada-pytorch, the class to draw; it is then one without labels

    Raises SceneshiftError if it cannot be read, naming the tensor and what was found and expected, or if its images
    have another height and width than `shape`.

    Example: network-snapshot-025000.pkl generator/generator.safetensors
    """
    name, content = open_checkpoint(checkpoint, format)
    if class_label is not None and name != stylegan2_ada.NAME:
        raise SceneshiftError(f"{checkpoint} is of {name}, of which no generator with class labels is read.")
    if name == OWN:
        _require_shape(checkpoint, load_generator(checkpoint), shape)
        with atomic_file(out) as temporary:
            shutil.copyfile(checkpoint, temporary)
        return
    layout = FOREIGN[name]
    parts = layout.read(checkpoint, content)
    if layout is stylegan2_ada:
        stylegan2_ada.fix_class(checkpoint, parts.generator, class_label)
    generator, discriminator = _networks(checkpoint, layout, parts)
    _require_shape(checkpoint, generator, shape)
    save_generator(out, generator, discriminator, imported_from=name)
    extra = "with its discriminator" if discriminator else "without a discriminator"
    print(f"{checkpoint}: {generator.width}×{generator.resolution} px, of {name}, {extra}.", flush=True)


def _networks(path: Path | str, layout: ModuleType, parts: Checkpoint) -> tuple[Generator, Discriminator | None]:
    sizes = _architecture(path, layout, parts)
    with on_no_device():
        generator = KINDS[parts.kind](**sizes, conv_clamp=parts.conv_clamp)
    average = layout.generator_name("mapping.w_avg")
    compute_average = layout.COMPUTES_W_AVG and average not in parts.generator
    if compute_average:
        parts.generator[average] = torch.zeros(generator.w_dim)
    _fill(path, generator, parts.generator, layout, layout.generator_name)
    if compute_average:
        print(f"{path} has no {average}: w_avg is the mean of {AVERAGED:,} mapped codes, as {layout.NAME} does it.")
        z = torch.randn(AVERAGED, generator.z_dim, generator=torch_generator(0, "w_avg"))
        with torch.no_grad():
            generator.w_avg.copy_(generator.mapping(z).mean(dim=0))
    if parts.discriminator is None:
        return generator, None
    sizes = {key: sizes[key] for key in ("resolution", "width", "channel_base", "channel_max")}
    with on_no_device():
        discriminator = Discriminator(**sizes, conv_clamp=parts.conv_clamp, group_size=parts.group_size)
    their_name = functools.partial(layout.discriminator_name, resolution=generator.resolution)
    try:
        _fill(path, discriminator, parts.discriminator, layout, their_name)
    except SceneshiftError as error:
        print(f"{error} So its discriminator is left out.", flush=True)
        return generator, None
    return generator, discriminator


def _architecture(path: Path | str, layout: ModuleType, parts: Checkpoint) -> dict[str, int]:
    """The arguments that build the network, found from the shapes: layers, widths, and channels by resolution."""
    tensors = parts.generator

    def shape(name: str, dimensions: int) -> torch.Size:
        theirs = layout.generator_name(name)
        if theirs not in tensors:
            raise SceneshiftError(f"{path}: tensor {theirs} is missing.")
        found = tensors[theirs].shape
        if len(found) != dimensions or 0 in found:
            raise SceneshiftError(f"{path}: tensor {theirs} has shape {list(found)}; expected {dimensions} dimensions.")
        return found

    def has(name: str) -> bool:
        return layout.generator_name(name) in tensors

    if parts.code_width is None:
        w_dim, z_dim = shape("mapping.fc0.weight", 2)
        layers = next(i for i in itertools.count() if not has(f"mapping.fc{i}.weight"))
        w_dim = shape(f"mapping.fc{layers - 1}.weight", 2)[0]
    else:
        z_dim, w_dim, layers = parts.code_width, parts.code_width, 1
    outputs = [r for r in RESOLUTIONS if has(f"synthesis.b{r}.{layout.OUTPUT}")]
    if len(outputs) < 2 or outputs != RESOLUTIONS[: len(outputs)]:
        raise SceneshiftError(
            f"{path}: it has {layout.OUTPUT} at {outputs} px; expected 4, 8, … up to its resolution, as StyleGAN's,"
            " PGGAN's and StyleGAN2's skip architecture (no other is read) have."
        )
    channels = {r: shape(f"synthesis.b{r}.conv1.bias", 1)[0] for r in outputs}
    base, most = max(r * count for r, count in channels.items()), max(channels.values())
    if any(min(base // r, most) != count for r, count in channels.items()):
        raise SceneshiftError(f"{path}: its channels by resolution are {channels}; expected min(base / r, most).")
    const = tensors.get(layout.generator_name("synthesis.b4.const"))
    wide = const is not None and const.ndim and const.shape[-1] in COLUMNS  # else `_fill` names what is wrong with it
    width = (const.shape[-1] if wide else 4) * outputs[-1] // 4
    return {
        "z_dim": z_dim, "w_dim": w_dim, "mapping_layers": layers, "resolution": outputs[-1], "width": width,
        "channel_base": base, "channel_max": most,
    }  # fmt: skip


def _fill(
    path: Path | str,
    network: torch.nn.Module,
    tensors: dict[str, Tensor],
    layout: ModuleType,
    their_name: Callable[[str], str],
) -> None:
    """Fill `network` with a file's tensors; messages call them by the file's names."""
    left, given = dict(tensors), {}
    names = {name: their_name(name) for name in network.state_dict()}
    for name, expected in network.state_dict().items():
        if names[name] in left:
            tensor = left.pop(names[name])
            sizes, wanted = ([size for size in shape if size != 1] for shape in (tensor.shape, expected.shape))
            given[name] = layout.to_ours(name, tensor.reshape(expected.shape)) if sizes == wanted else tensor
    if left:
        raise SceneshiftError(f"{path}: tensor {min(left)} is not expected.")
    fill(path, network, given, names)


def _require_shape(checkpoint: Path | str, generator: Generator, shape: tuple[int, int] | None) -> None:
    found = (generator.resolution, generator.width)
    if shape is not None and found != shape:
        raise SceneshiftError(
            f"generator.import: {checkpoint} makes images {found[0]} px high and {found[1]} px wide, but the photos"
            f" are {shape[0]} px high and {shape[1]} px wide. Set photos.resolution to {found[0]} and photos.width"
            f" to {'null' if found[0] == found[1] else found[1]}."
        )
