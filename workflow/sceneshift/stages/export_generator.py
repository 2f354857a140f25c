"""Writing a generator as the checkpoint of another code base."""

from pathlib import Path
from typing import Literal

import torch

from sceneshift.generator.checkpoints import load_discriminator, load_generator
from sceneshift.generator.formats import genforce, rosinality, stylegan2_ada
from sceneshift.generator.networks import Generator
from sceneshift.generator.state import state_of
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.file_kinds import by_suffix
from sceneshift.runtime.files import atomic_file

Format = Literal["stylegan2-ada-pytorch", "rosinality", "genforce"]
SUFFIXES: dict[str, Format] = {".pt": "rosinality", ".pth": "genforce"}
WRITTEN = {module.NAME: module for module in (stylegan2_ada, rosinality, genforce)}


def export_generator(
    generator: Path | str, out: Path | str, *, format: Format | None = None, snapshot: Path | str | None = None
) -> None:
    """Write a generator, with its discriminator, as state dicts of another code base, to use or to train on there.

    generator: generator (.safetensors)
    out: file of torch.save to write
    format: the code base (default: by the suffix of OUT: .pt is rosinality's, .pth genforce's)
    snapshot: training/snapshot.pt of the same training: networks, average and optimizers are then those of the snapshot
        (default: the average stands for the trained generator as well, and optimizers are fresh)

    Raises SceneshiftError for images that are not square, for sizes that the code base cannot build, and for a snapshot
    of other networks.

    Example: generator.safetensors generator.pt
    """
    format = format or by_suffix(out, SUFFIXES, ", or --format")
    g, d = load_generator(generator), load_discriminator(generator)
    if g.kind != Generator.kind:
        raise SceneshiftError(f"{generator} is of {g.kind}; only StyleGAN2 generators are exported.")
    if g.width != g.resolution:
        raise SceneshiftError(f"{generator} makes images of {g.width}×{g.resolution}; {format} makes squares only.")
    if snapshot and d is None:
        raise SceneshiftError(f"{generator} has no discriminator, so {snapshot} is not of its training.")
    content = WRITTEN[format].written(g, d and state_of(g, d, snapshot))
    # a file object: given a name, torch.save would write it (here a temporary one) into the file
    with atomic_file(out) as temporary, open(temporary, "wb") as file:
        torch.save(content, file)
