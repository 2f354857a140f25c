"""Commands for directions from elsewhere."""

import argparse
from pathlib import Path
from typing import Any

from sceneshift.cli.command import Command

NUMBERINGS = ("stylegan2", "stylegan")


def add_import_boundary(commands: Any) -> None:
    """`sceneshift import-boundary`."""
    command = Command(
        commands, "import-boundary", "Take over a boundary of HiGAN or InterFaceGAN (.npy).",
        "natural_light_boundary.npy natural_light.npz --generator generator.safetensors",
    )  # fmt: skip
    command.path("boundary", "boundary (.npy): an array (1, w_dim), or a dict with boundary and meta_data")
    command.path("out", "boundary to write (.npz)")
    command.path("--generator", "generator whose codes it is for (.safetensors)")
    command.argument("--name", help="attribute that it is more of (default: the file's name, without _boundary)")
    command.argument(
        "--layers-of", choices=NUMBERINGS, default=NUMBERINGS[0],
        help="whose layers manipulate_layers counts (default: stylegan2)",
    )  # fmt: skip

    def run(args: argparse.Namespace) -> None:
        from sceneshift.latents.higan_boundaries import import_boundary

        name = args.name or Path(args.boundary).stem.removesuffix("_boundary")
        import_boundary(args.boundary, args.generator, args.out, name, args.layers_of)

    command.runs(run)


def add_export_boundary(commands: Any) -> None:
    """`sceneshift export-boundary`."""
    command = Command(
        commands, "export-boundary", "Write a boundary as HiGAN and InterFaceGAN keep theirs (.npy).",
        "boundaries/snow.npz snow_boundary.npy",
    )  # fmt: skip
    command.path("boundary", "boundary (.npz)")
    command.path("out", "boundary to write (.npy)")
    command.argument(
        "--layers-of", choices=NUMBERINGS, default=NUMBERINGS[0],
        help="whose layers to count, for a boundary of certain layers (default: stylegan2)",
    )  # fmt: skip

    def run(args: argparse.Namespace) -> None:
        from sceneshift.latents.higan_boundaries import export_boundary

        export_boundary(args.boundary, args.out, args.layers_of)

    command.runs(run)


def add_factorize_generator(commands: Any) -> None:
    """`sceneshift factorize-generator`."""
    command = Command(
        commands, "factorize-generator", "Find directions without labels, from the generator's weights (SeFa).",
        "generator.safetensors sefa_1.npz sefa_2.npz sefa_3.npz --level layout",
    )  # fmt: skip
    command.path("generator", "generator (.safetensors)")
    command.path("out", "boundaries to write (.npz), the strongest first", nargs="+")
    command.argument("--level", default="all", choices=("all", "layout", "objects", "attributes", "color"))

    def run(args: argparse.Namespace) -> None:
        from sceneshift.latents.sefa import factorize_generator

        factorize_generator(args.generator, args.out, args.level)

    command.runs(run)
