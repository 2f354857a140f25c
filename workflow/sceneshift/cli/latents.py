"""Commands that work on synthesised images and their codes."""

import argparse
from typing import Any

from sceneshift import settings
from sceneshift.cli.command import Command, device_of


def add_synthesize(commands: Any) -> None:
    """`sceneshift synthesize`."""
    command = Command(
        commands, "synthesize", "Synthesise images, score them as they are made, store codes and scores.",
        "generator.safetensors synthesis.h5 --predictor predictor.safetensors --count 10000",
        settings.SynthesisSettings,
    )  # fmt: skip
    command.path("generator", "generator (.safetensors)")
    command.path("out", "latent/score store to write (.h5)")
    command.path("--predictor", "predictor (.safetensors); without it nothing is scored", required=False)
    command.argument("--start", type=int, default=0, help="index of the first code (default: 0)")
    command.argument("--count", type=int, help="number of codes (default: the settings' count)")
    command.argument("--stream", default="synthesis", choices=("synthesis", "rescoring", "pairs"), help="whose codes")
    command.argument("--keep-images", action="store_true", help="keep every image")
    command.seed()
    command.device()

    def run(args: argparse.Namespace) -> None:
        from sceneshift.latents.synthesis import synthesize

        chosen = settings.parse_section(settings.SynthesisSettings, args.settings)
        count = args.count or chosen.count
        if args.keep_images:
            chosen = chosen.model_copy(update={"keep_images": count})
        synthesize(
            args.generator, args.predictor, args.out, chosen, seed=args.seed, start=args.start, count=count,
            device=device_of(args.device), stream=args.stream,
        )  # fmt: skip

    command.runs(run)


def add_index_synthesis(commands: Any) -> None:
    """`sceneshift index-synthesis`."""
    command = Command(
        commands, "index-synthesis", "Make one store of several shards, without copying them.",
        "synthesis/0000.h5 synthesis/0001.h5 synthesis.h5", settings.SynthesisSettings,
    )  # fmt: skip
    command.path("shards", "stores written by synthesize, in order", nargs="+")
    command.path("out", "store to write (.h5); it refers to the shards by relative path")
    made_by = "that made the shards: with both, a shard that is not what was to be made is named and set aside"
    command.path("--generator", f"generator {made_by}", required=False)
    command.path("--predictor", f"predictor {made_by}", required=False)
    command.seed()

    def run(args: argparse.Namespace) -> None:
        from sceneshift.latents.index import Expected, index_synthesis, set_wrong_shards_aside

        if args.generator and args.predictor:
            chosen = settings.parse_section(settings.SynthesisSettings, args.settings)
            set_wrong_shards_aside(args.shards, Expected(args.generator, args.predictor, chosen, args.seed))
        index_synthesis(args.shards, args.out)

    command.runs(run)


def add_fit_boundary(commands: Any) -> None:
    """`sceneshift fit-boundary`."""
    command = Command(
        commands, "fit-boundary", "Find the hyperplane in W between codes with and without an attribute.",
        "synthesis.h5 vegetation boundaries/vegetation.npz", settings.BoundariesSettings,
    )  # fmt: skip
    command.path("store", "latent/score store (.h5)")
    command.argument("attribute", help="one of the store's attributes")
    command.path("out", "boundary to write (.npz)")
    command.seed()

    def run(args: argparse.Namespace) -> None:
        from sceneshift.latents.boundaries import fit_boundary_of_store

        chosen = settings.parse_section(settings.BoundariesSettings, args.settings)
        fit_boundary_of_store(args.store, args.attribute, args.out, chosen, seed=args.seed)

    command.runs(run)


def add_rescore_boundary(commands: Any) -> None:
    """`sceneshift rescore-boundary`."""
    command = Command(
        commands, "rescore-boundary", "Measure what moving along a boundary changes, attribute by attribute (HiGAN).",
        "generator.safetensors vegetation.npz predictor.safetensors vegetation.csv --unedited unedited.h5"
        " --store synthesis.h5",
        settings.RescoringSettings,
    )  # fmt: skip
    command.path("generator", "generator (.safetensors)")
    command.path("boundary", "boundary (.npz)")
    command.path("predictor", "predictor (.safetensors)")
    command.path("out", "table to write (.csv)")
    command.path("--unedited", "fresh codes and scores: synthesize --stream rescoring --keep-images")
    command.path("--store", "the synthesised set (.h5), whose spread standardises the changes")
    command.seed()
    command.device()

    def run(args: argparse.Namespace) -> None:
        from sceneshift.latents.rescoring import rescore_boundary

        chosen = settings.parse_section(settings.RescoringSettings, args.settings)
        rescore_boundary(
            args.generator, args.boundary, args.predictor, args.unedited, args.store, args.out, chosen,
            seed=args.seed, device=device_of(args.device),
        )  # fmt: skip

    command.runs(run)


def add_rank_attributes(commands: Any) -> None:
    """`sceneshift rank-attributes`."""
    command = Command(
        commands, "rank-attributes", "Rank attributes by what their boundaries change, and choose those that go on.",
        "attributes.csv --rescoring rescoring/*.csv --boundaries boundaries/*.npz", settings.EditsSettings,
    )  # fmt: skip
    command.path("out", "table to write (.csv)")
    command.path("--rescoring", "tables of rescore-boundary", nargs="+")
    command.path("--boundaries", "boundaries, in the same order", nargs="+")

    def run(args: argparse.Namespace) -> None:
        from sceneshift.latents.ranking import rank_attributes

        chosen = settings.parse_section(settings.EditsSettings, args.settings)
        rank_attributes(args.rescoring, args.boundaries, chosen, args.out)

    command.runs(run)


def add_edit(commands: Any) -> None:
    """`sceneshift edit`."""
    command = Command(
        commands, "edit", "Draw a strip of synthesised images moved along a boundary, to look at.",
        "generator.safetensors vegetation.npz vegetation.png --images 6",
    )  # fmt: skip
    command.path("generator", "generator (.safetensors)")
    command.path("boundary", "boundary (.npz)")
    command.path("out", "picture to write (.png)")
    command.argument("--images", type=int, default=6, help="rows (default: 6)")
    command.argument(
        "--distances", type=float, nargs="+", default=[-3, -2, -1, 0, 1, 2, 3], help="columns: steps in W (-3 … 3)"
    )
    command.argument("--level", default="all", choices=("all", "layout", "objects", "attributes", "color"))
    command.argument("--truncation-psi", type=float, default=0.7, help="truncation (default: 0.7)")
    command.seed()
    command.device()

    def run(args: argparse.Namespace) -> None:
        from sceneshift.latents.strips import draw_strip

        draw_strip(
            args.generator, args.boundary, args.out, images=args.images, distances=args.distances, level=args.level,
            truncation_psi=args.truncation_psi, seed=args.seed, device=device_of(args.device),
        )  # fmt: skip

    command.runs(run)
