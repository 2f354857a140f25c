"""`sceneshift COMMAND`: one command a stage. It parses and calls, nothing else; stages are imported when run."""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import sceneshift
from sceneshift import settings
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.interruption import Interrupted
from sceneshift.runtime.memory import keep_freed_memory

INTERRUPTED = 143  # 128 + SIGTERM, as a shell reports it: a workflow retries, and the work goes on from its snapshot

DESCRIPTION = """\
Turn a folder of scene photos into photo editors, without paired photos.

Each command is one stage of the workflow and is useful alone; in this order they make an editor:
  prepare-photos, train-generator, fit-predictor, synthesize, fit-boundary, make-pairs, train-translator, translate
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command. Returns the exit code: 0, 1 with `error: …` on stderr, or 143 when asked to stop."""
    arguments = build_parser().parse_args(argv)
    keep_freed_memory()
    try:
        arguments.run(arguments)
    except SceneshiftError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except Interrupted as interruption:
        print(f"interrupted: {interruption}", file=sys.stderr)
        return INTERRUPTED
    return 0


def build_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    parser = argparse.ArgumentParser(
        "sceneshift", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--version", action="version", version=f"sceneshift {sceneshift.__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True, title="commands")
    for define in (
        _prepare_photos, _train_generator, _import_generator, _fit_predictor, _synthesize, _index_synthesis, _score,
        _fit_boundary, _rescore_boundary, _rank_attributes, _edit, _make_pairs, _train_translator, _translate,
        _fit_judge, _evaluate_translator, _report,
    ):  # fmt: skip
        define(commands)
    return parser


class Command:
    """A command's parser, with the options that commands share."""

    def __init__(
        self, commands: Any, name: str, what: str, example: str, section: type[settings.Section] | None = None
    ) -> None:
        epilog = f"example:\n  sceneshift {name} {example}"
        if section:
            epilog += f"\n\nsettings, as JSON keys, with their defaults:\n{_defaults(section)}"
        self.parser = commands.add_parser(
            name, help=what, description=what, epilog=epilog, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        self.argument = self.parser.add_argument
        if section:
            self.settings("--settings", f"the {section.__name__.removesuffix('Settings').lower()} settings")

    def settings(self, option: str, what: str, required: bool = False) -> None:
        """An option that takes JSON."""
        self.argument(option, type=_json_text, metavar="JSON", required=required, help=f"{what}: JSON, or @FILE")

    def device(self) -> None:
        """`--device`."""
        self.argument(
            "--device", default="auto", help="auto, cpu, cuda or cuda:1 (default: auto, a GPU if there is one)"
        )

    def seed(self) -> None:
        """`--seed`."""
        self.argument("--seed", type=int, default=0, help="every random draw follows from it (default: 0)")

    def path(self, name: str, what: str, required: bool = True, **more: Any) -> None:
        """An argument or option that is a path."""
        if name.startswith("-"):
            more["required"] = required
        elif not required:
            more["nargs"] = "?"
        self.argument(name, type=Path, help=what, **more)

    def runs(self, run: Callable[[argparse.Namespace], None]) -> None:
        """What the command does."""
        self.parser.set_defaults(run=run)


def _json_text(value: str) -> str:
    if not value.startswith("@"):
        return value
    try:
        return Path(value[1:]).read_text(encoding="utf-8")
    except OSError as error:
        raise argparse.ArgumentTypeError(f"cannot read {value[1:]}: {error.strerror}") from error


def _defaults(section: type[settings.Section]) -> str:
    lines = []
    for name, field in section.model_fields.items():
        default = "required" if field.is_required() else field.get_default()
        shown = default.model_dump(by_alias=True) if isinstance(default, settings.Section) else default
        text = shown if field.is_required() else json.dumps(shown)
        lines.append(f"  {field.alias or name} ({text}): {field.description}")
    return "\n".join(lines)


def _device(name: str) -> Any:
    from sceneshift.runtime.devices import pick_device

    return pick_device(name)


def _prepare_photos(commands: Any) -> None:
    command = Command(
        commands, "prepare-photos", "Read a folder of photos, or draw street views, into one store.",
        """my_photos photos.h5 --settings '{"resolution": 128, "crop": "pad"}'""", settings.PhotosSettings,
    )  # fmt: skip
    command.path("folder", "folder of photos; without it, rendered streets", required=False)
    command.path("out", "the photo store to write (.h5)")
    command.path("--table", "which files were taken and which not, and why (default: OUT with .csv)", required=False)
    command.seed()

    def run(args: argparse.Namespace) -> None:
        from sceneshift.photos.prepare import prepare_photos

        source = {"source": "folder", "folder": str(args.folder)} if args.folder else {}
        chosen = settings.parse_section(settings.PhotosSettings, args.settings, **source)
        prepare_photos(chosen, args.seed, args.out, args.table or args.out.with_suffix(".csv"))

    command.runs(run)


def _train_generator(commands: Any) -> None:
    command = Command(
        commands, "train-generator", "Train StyleGAN2 on a photo store. Killed and started again, it goes on.",
        """photos.h5 generator/generator.safetensors --settings '{"images": 100000}'""", settings.GeneratorSettings,
    )  # fmt: skip
    command.path("photos", "photo store (.h5)")
    command.path("out", "generator to write (.safetensors); history, samples and snapshots go to training/ beside it")
    command.argument(
        "--mirror", action=argparse.BooleanOptionalAction, default=True, help="also train on mirrored photos"
    )
    command.seed()
    command.device()

    def run(args: argparse.Namespace) -> None:
        from sceneshift.generator.training import train_generator

        chosen = settings.parse_section(settings.GeneratorSettings, args.settings)
        device = _device(args.device)
        train_generator(
            args.photos, args.out, chosen, mirror=args.mirror, seed=args.seed, device=device,
            frechet=_frechet_distance(args.photos, chosen.frechet_images, device),
        )  # fmt: skip

    command.runs(run)


def _frechet_distance(photos: Path, count: int, device: Any) -> Callable[..., float] | None:
    """Distance to `count` of the training photos, evenly spread over the store."""
    from sceneshift.backbone import load_backbone
    from sceneshift.evaluation.frechet import FrechetMeter
    from sceneshift.photos import PhotoStore

    if not count:
        return None
    with PhotoStore(photos) as store:
        rows = store.train_indices[:: max(1, len(store.train_indices) // count)][:count]
        batches = (store.images(rows[start : start + 64]) for start in range(0, len(rows), 64))
        return FrechetMeter(batches, load_backbone(device)).distance


def _import_generator(commands: Any) -> None:
    command = Command(
        commands, "import-generator", "Check a generator made elsewhere and take it over.",
        "someone.safetensors generator/generator.safetensors",
    )  # fmt: skip
    command.path("checkpoint", "generator of sceneshift (.safetensors)")
    command.path("out", "generator to write (.safetensors)")
    command.argument("--resolution", type=int, help="side in pixels that its images must have (default: any)")

    def run(args: argparse.Namespace) -> None:
        from sceneshift.generator.importing import import_generator

        import_generator(args.checkpoint, args.out, args.resolution)

    command.runs(run)


def _fit_predictor(commands: Any) -> None:
    command = Command(
        commands, "fit-predictor", "Learn attribute predictors from labelled photos, several in one file.",
        """photos.h5 predictor.safetensors --settings '[{"kind": "heads", "labels": "labels.csv"}]'""",
    )  # fmt: skip
    command.path("labels", "photo store (.h5), CSV (file, then a column an attribute) or folder with one a class")
    command.path("out", "predictor to write (.safetensors)")
    command.path("--accuracy", "held-out accuracy of each head (default: accuracy.csv beside OUT)", required=False)
    command.argument("--resolution", type=int, help="side in pixels of the images to be scored (default: the store's)")
    command.settings("--settings", "list of predictors, each with its `kind`; heads if not given")
    command.seed()
    command.device()

    def run(args: argparse.Namespace) -> None:
        from sceneshift.scoring.fitting import fit_predictor

        fit_predictor(
            settings.parse_predictors(args.settings), args.labels, args.out,
            args.accuracy or args.out.with_name("accuracy.csv"), seed=args.seed, resolution=args.resolution,
            device=_device(args.device),
        )  # fmt: skip

    command.runs(run)


def _synthesize(commands: Any) -> None:
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
            device=_device(args.device), stream=args.stream,
        )  # fmt: skip

    command.runs(run)


def _index_synthesis(commands: Any) -> None:
    command = Command(
        commands, "index-synthesis", "Make one store of several shards, without copying them.",
        "synthesis/0000.h5 synthesis/0001.h5 synthesis.h5",
    )  # fmt: skip
    command.path("shards", "stores written by synthesize, in order", nargs="+")
    command.path("out", "store to write (.h5); it refers to the shards by relative path")

    def run(args: argparse.Namespace) -> None:
        from sceneshift.latents.store import index_synthesis

        index_synthesis(args.shards, args.out)

    command.runs(run)


def _score(commands: Any) -> None:
    command = Command(commands, "score", "Score images with a predictor.", "predictor.safetensors my_photos scores.csv")
    command.path("predictor", "predictor (.safetensors)")
    command.path("images", "image, folder or photo store (.h5)")
    command.path("out", "table to write (.csv): file, then one column an attribute")
    command.device()

    def run(args: argparse.Namespace) -> None:
        from sceneshift.scoring.tables import score_images

        score_images(args.predictor, args.images, args.out, device=_device(args.device))

    command.runs(run)


def _fit_boundary(commands: Any) -> None:
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


def _rescore_boundary(commands: Any) -> None:
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
            seed=args.seed, device=_device(args.device),
        )  # fmt: skip

    command.runs(run)


def _rank_attributes(commands: Any) -> None:
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


def _edit(commands: Any) -> None:
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
            truncation_psi=args.truncation_psi, seed=args.seed, device=_device(args.device),
        )  # fmt: skip

    command.runs(run)


def _make_pairs(commands: Any) -> None:
    command = Command(
        commands, "make-pairs", "Synthesise pairs before and after an edit; keep those where the predictor agrees.",
        "generator.safetensors vegetation.npz pairs/vegetation --predictor predictor.safetensors"
        " --store synthesis.h5 --rescoring vegetation.csv",
        settings.PairsSettings,
    )  # fmt: skip
    command.path("generator", "generator (.safetensors)")
    command.path("boundary", "boundary (.npz)")
    command.path("out", "folder to write: train_A, train_B, pairs.csv, edit.json")
    command.path("--predictor", "predictor (.safetensors)")
    command.path("--store", "the synthesised set (.h5), whose quantiles and spread the filter uses")
    command.path("--rescoring", "table of rescore-boundary, for level `auto`", required=False)
    command.path("--condition", "boundaries of attributes to hold", required=False, nargs="*", default=[])
    command.settings(
        "--edit", "the edit (attribute, direction, distance, …; default: more of the boundary's attribute)"
    )
    command.seed()
    command.device()

    def run(args: argparse.Namespace) -> None:
        from sceneshift.latents.boundaries import load_boundary
        from sceneshift.translator.pairs import make_pairs

        edit = args.edit or json.dumps({"attribute": load_boundary(args.boundary).attribute})
        make_pairs(
            args.generator, args.boundary, args.condition, args.predictor, args.store, args.rescoring, args.out,
            settings.parse_section(settings.EditSettings, edit),
            settings.parse_section(settings.PairsSettings, args.settings),
            seed=args.seed, device=_device(args.device),
        )  # fmt: skip

    command.runs(run)


def _train_translator(commands: Any) -> None:
    command = Command(
        commands, "train-translator", "Train pix2pixHD on pairs. Killed and started again, it goes on.",
        "pairs/vegetation translators/vegetation/translator.safetensors", settings.TranslatorSettings,
    )  # fmt: skip
    command.path("pairs", "folder with train_A and train_B")
    command.path("out", "translator to write (.safetensors); history, samples and snapshots go to training/ beside it")
    command.seed()
    command.device()

    def run(args: argparse.Namespace) -> None:
        from sceneshift.translator.training import train_translator

        chosen = settings.parse_section(settings.TranslatorSettings, args.settings)
        train_translator(args.pairs, args.out, chosen, seed=args.seed, device=_device(args.device))

    command.runs(run)


def _translate(commands: Any) -> None:
    command = Command(
        commands, "translate", "Edit real photos of any size.",
        "translator.safetensors my_photos edited --strength 0.7",
    )  # fmt: skip
    command.path("translator", "translator (.safetensors)")
    command.path("photos", "image, folder, or photo store (.h5), of which the held-out photos are taken")
    command.path("out", "folder to write")
    command.argument("--strength", type=float, default=1.0, help="0 leaves the photo, 1 is as trained (default: 1)")
    command.argument(
        "--masks", action="store_true", help="also write OUT/masks: where each photo was changed (edit head)"
    )
    command.device()

    def run(args: argparse.Namespace) -> None:
        from sceneshift.translator.photo_folders import translate

        translate(
            args.translator, args.photos, args.out, strength=args.strength, device=_device(args.device),
            masks=args.masks,
        )  # fmt: skip

    command.runs(run)


def _fit_judge(commands: Any) -> None:
    command = Command(
        commands, "fit-judge", "Fit the judge of rendered streets, which only the evaluation uses.",
        "judge.safetensors --resolution 64",
    )  # fmt: skip
    command.path("out", "judge to write (.safetensors)")
    command.argument("--resolution", type=int, default=64, help="side in pixels of the streets to judge (default: 64)")
    command.seed()
    command.device()

    def run(args: argparse.Namespace) -> None:
        from sceneshift.evaluation.judge_training import fit_judge

        fit_judge(args.resolution, args.out, seed=args.seed, device=_device(args.device))

    command.runs(run)


def _evaluate_translator(commands: Any) -> None:
    command = Command(
        commands, "evaluate-translator", "On held-out photos: did the attribute move, and did the rest stay?",
        "translator.safetensors photos.h5 vegetation.csv --predictor predictor.safetensors --edit edit.json",
        settings.EvaluationSettings,
    )  # fmt: skip
    command.path("translator", "translator (.safetensors)")
    command.path("photos", "photo store (.h5), of which the held-out photos are taken")
    command.path("out", "table to write (.csv)")
    command.path("--predictor", "predictor (.safetensors)")
    command.path("--edit", "edit.json of the pairs: which attribute, which direction")
    command.path("--judge", "judge of rendered streets (.safetensors)", required=False)
    command.argument("--strength", type=float, default=1.0, help="of the edit (default: 1)")
    command.seed()
    command.device()

    def run(args: argparse.Namespace) -> None:
        from sceneshift.evaluation.translators import evaluate_translator

        chosen = settings.parse_section(settings.EvaluationSettings, args.settings)
        evaluate_translator(
            args.translator, args.photos, args.predictor, args.edit, args.judge, args.out, chosen,
            strength=args.strength, seed=args.seed, device=_device(args.device),
        )  # fmt: skip

    command.runs(run)


def _report(commands: Any) -> None:
    command = Command(commands, "report", "Build the page that shows a run.", "results/streets report.html")
    command.path("run_folder", "results/RUN", metavar="folder")
    command.path("out", "page to write (.html)")
    command.path("--translated-from", "folder of the photos translated (default: the held-out ones)", required=False)

    def run(args: argparse.Namespace) -> None:
        from sceneshift.report import build_report

        build_report(args.run_folder, args.out, args.translated_from)

    command.runs(run)
