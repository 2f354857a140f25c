"""Writing a generator as the checkpoint of another code base."""

from pathlib import Path
from typing import Literal

import torch

from sceneshift.generator.checkpoints import load_discriminator, load_generator
from sceneshift.generator.formats import rosinality, stylegan2_ada
from sceneshift.generator.networks import Generator
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.file_kinds import by_suffix
from sceneshift.runtime.files import atomic_file

Format = Literal["stylegan2-ada-pytorch", "rosinality"]
SUFFIXES: dict[str, Format] = {".pt": "rosinality"}
WRITTEN = {module.NAME: module for module in (stylegan2_ada, rosinality)}


def export_generator(generator: Path | str, out: Path | str, *, format: Format | None = None) -> None:
    """Write a generator, with its discriminator, as state dicts of another code base.

    generator: generator (.safetensors)
    out: file of torch.save to write
    format: the code base (default: by the suffix of OUT: .pt is rosinality's)

    Raises SceneshiftError for images that are not square, and for sizes that the code base cannot build.

    Example: generator.safetensors generator.pt
    """
    format = format or by_suffix(out, SUFFIXES, ", or --format")
    g, d = load_generator(generator), load_discriminator(generator)
    if g.kind != Generator.kind:
        raise SceneshiftError(f"{generator} is of {g.kind}; only StyleGAN2 generators are exported.")
    if g.width != g.resolution:
        raise SceneshiftError(f"{generator} makes images of {g.width}×{g.resolution}; {format} makes squares only.")
    content = WRITTEN[format].written(g, d)
    # a file object: given a name, torch.save would write it (here a temporary one) into the file
    with atomic_file(out) as temporary, open(temporary, "wb") as file:
        torch.save(content, file)
