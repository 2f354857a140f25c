"""Every reader of files that others could hand us, or that a disk could damage: how such a file is made and read."""

import struct
import zlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, NamedTuple

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from PIL import Image

import foreign_generators as foreign
from sceneshift.attributes.votes import read_votes
from sceneshift.evaluation import dose
from sceneshift.evaluation import summary as evaluation_table
from sceneshift.evaluation.audit import Verdict, read_verdicts, shares, write_verdicts
from sceneshift.evaluation.judge import FORMAT as JUDGE
from sceneshift.evaluation.judge import JudgeNetwork, load_judge
from sceneshift.evaluation.pair_files import find_pairs
from sceneshift.evaluation.summary import read_evaluation
from sceneshift.foreign.pickles import read_npy, read_pickle, read_torch
from sceneshift.foreign.torchscript import load_scripted
from sceneshift.generator.checkpoints import (
    attribution_of,
    images_seen,
    load_discriminator,
    load_generator,
    save_generator,
    shape_of,
)
from sceneshift.generator.networks import Discriminator, Generator
from sceneshift.images.places import read_places
from sceneshift.images.reading import UnusablePhotoError, read_photo
from sceneshift.latents import rescoring as rescoring_table
from sceneshift.latents.boundaries import Boundary, load_boundary, save_boundary
from sceneshift.latents.store import LatentStore, LatentStoreWriter
from sceneshift.pairs.distance import Point
from sceneshift.pairs.edit_record import EditRecord
from sceneshift.photos.store import PhotoStore, PhotoStoreWriter
from sceneshift.report import run_files
from sceneshift.report.page import PHOTOS, RANKED
from sceneshift.run.plan import Plan, chosen_attributes, planned_jobs, write_plan
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.progress import Progress, last_progress
from sceneshift.runtime.tables import write_table
from sceneshift.scoring.kinds.heads import Heads, HeadsPredictor, View
from sceneshift.scoring.kinds.onnx import OnnxPredictor
from sceneshift.scoring.kinds.photometric import Photometric
from sceneshift.scoring.labels import labelled_photos
from sceneshift.scoring.predictor import load_predictor, save_predictor
from sceneshift.settings import EditsSettings, TranslatorSettings
from sceneshift.stages.export_photos import export_photos
from sceneshift.stages.export_translator import export_translator
from sceneshift.stages.import_boundary import import_boundary
from sceneshift.stages.import_generator import import_generator
from sceneshift.stages.import_photos import import_photos
from sceneshift.stages.import_translator import import_translator
from sceneshift.stages.rank_attributes import rank_attributes
from sceneshift.study.votes import COLUMNS as STUDY
from sceneshift.study.votes import read_study
from sceneshift.training.snapshots import Snapshots, TrainingState
from sceneshift.training.status import History
from sceneshift.translator.architecture import TranslatorNetwork, architecture
from sceneshift.translator.checkpoints import TranslatorFacts, read_translator, save_translator


def own_generator(path):
    sizes = {"resolution": 8, "channel_base": 32, "channel_max": 4}
    save_generator(path, Generator(z_dim=4, w_dim=4, mapping_layers=2, **sizes), Discriminator(**sizes))


def read_own_generator(path):
    load_generator(path)
    load_discriminator(path)
    images_seen(path)
    shape_of(path)
    attribution_of(path)
    run_files.metadata(path)


def foreign_generator(name):
    sizes = {"base": 32, "most": 4, "z_dim": 4, "w_dim": 4, "layers": 2}
    return lambda path: foreign.write(path, name, foreign.Sizes(8, **sizes))


def take_over(path):
    import_generator(path, path.with_name("imported.safetensors"))


def translator(path, head="edit"):
    sizes = architecture(TranslatorSettings(head=head, width=2, downsamplings=1, blocks=1), 16)
    save_translator(TranslatorNetwork(sizes), path, TranslatorFacts(sizes, 16, 0, "", {}))


def predictor(path):
    heads = Heads(["snow"], np.ones((1, 1280)), np.zeros(1), ["logit"], View("efficientnet-lite0", (16, 16), 32))
    save_predictor([Photometric(["brightness", "warmth"]), heads], path, {})


def boundary(path):
    normal = np.eye(4, dtype=np.float32)[0]
    save_boundary(Boundary(normal, 0.0, "snow", 0.9, 100, "extremes", ""), path)


ATTRS = {"seed": 0, "stream": "synthesis", "truncation_psi": 0.7, "generator_sha256": "", "predictor_sha256": ""}


def latents(path):
    with LatentStoreWriter(path, 4, ["snow", "clouds"], ATTRS | {"provenance": "{}"}) as store:
        store.append(np.arange(9), np.ones((9, 4)), np.ones((9, 2)), np.zeros((0, 2, 2, 3), np.uint8))


def read_latents(path):
    with LatentStore(path) as store:
        run_files.metadata(path), run_files.codes_in(path)
        return store.index, store.w([3, 1]), store.scores, store.column("snow"), store.deviations(), store.attrs


def photos(path):
    with PhotoStoreWriter(path, (16, 16), crop="center", folder="", provenance="{}", attributes=["snow"]) as store:
        store.append(np.zeros((3, 16, 16, 3), np.uint8), ["a", "b", "c"], [False, False, True], np.zeros((3, 1)))


def read_photos(path):
    with PhotoStore(path) as store:
        return store.images([0, 2]), store.names, store.labels, store.train_indices


def boundary_npy(path):
    np.save(path, {"boundary": np.ones((1, 4)), "meta_data": {"manipulate_layers": "6-11"}}, allow_pickle=True)


def import_boundary_npy(path):
    import_boundary(
        path,
        path.with_name("boundary.npz"),
        generator=path.with_name("g.safetensors"),
        name="snow",
        layers_of="stylegan",
    )


def higan_boundary(path):
    own_generator(path.with_name("g.safetensors"))
    np.save(path, {"boundary": np.ones((1, 4)), "meta_data": {"manipulate_layers": "0-3"}}, allow_pickle=True)


def pix2pixhd(path):
    translator(path.with_name("t.safetensors"), head="image")
    export_translator(path.with_name("t.safetensors"), path, format="pix2pixhd")


def exported_scorer(path):
    shapes = ("image", ["n", 3, 8, 8]), ("score", ["n", 2])
    given, gives = (helper.make_tensor_value_info(name, 1, shape) for name, shape in shapes)
    arrays = {"kernel": np.ones((2, 3, 3, 3), np.float32), "axes": np.array([2, 3])}
    nodes = [
        helper.make_node("Conv", ["image", "kernel"], ["c"], strides=[2, 2]),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("ReduceMean", ["r", "axes"], ["score"], keepdims=0),
    ]
    weights = [numpy_helper.from_array(array, name) for name, array in arrays.items()]
    model = helper.make_model(helper.make_graph(nodes, "g", [given], [gives], weights), ir_version=10)
    helper.set_model_props(model, {"names": "sky,road", "range": "0,1"})
    onnx.save(model, path)


def packed_photos(path):
    photos(path.with_name("p.h5"))
    export_photos(path.with_name("p.h5"), path)


def scripted(path):
    torch.jit.save(torch.jit.script(torch.nn.Linear(3, 2)), path)


def score_by_exported(path):
    load_predictor(OnnxPredictor(kind="onnx", model=str(path))).score(np.zeros((2, 9, 9, 3), np.uint8))


def votes(path):
    path.write_text("question,left,right,winner\n" + "".join(f"safer,{i},{i + 1},left\n" for i in range(9)))


def edit_record(path):
    curve = [Point(1.5 * n, 1.5 * n, 0.1 * n, 0.9) for n in (1, 2)]
    facts = {"attribute": "snow", "direction": "more", "measured_by": "snow", "level": "all"}
    EditRecord(**facts, **asdict(curve[0]), curve=curve, kept=3, tried=9).write(path.parent)


def table(columns):
    """A table of as many columns, each with values of its kind."""
    values = {str: "snow", float: 0.25, float | None: 0.25, int: 1, int | None: 1}
    return lambda path: write_table(path, list(columns), [[values[kind] for kind in columns.values()]] * 9)


def rescoring(path):
    cells = dict.fromkeys(rescoring_table.COLUMNS, 0.5) | {"edited": "snow", "attribute": "snow"}
    rows = [cells | {"level": level} for level in ("all", "layout", "color")]
    write_table(path, list(rescoring_table.COLUMNS), rows)
    normal = np.eye(4, dtype=np.float32)[0]
    save_boundary(Boundary(normal, 0.0, "snow", 0.9, 100, "extremes"), path.with_suffix(".npz"))


def rank(path):
    boundaries, out = [path.with_suffix(".npz")], path.with_name("attributes.csv")
    rank_attributes(out, EditsSettings(), rescoring=[path], boundaries=boundaries)


def pickled_torch(path):
    torch.save({"state_dict": {"module.fc.weight": torch.zeros(3, 4)}, "epoch": 1}, path)


def judge(path):
    facts = {"attributes": ["snow"], "shape": [16, 16]}
    JUDGE.save(path, JudgeNetwork(1).state_dict(), facts)


def picture(path):
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 255, (24, 32, 3), dtype=np.uint8)).save(path, exif=rotated())


def dark_picture(path):
    """12-bit colors in 16 bits, which are decoded twice."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    colors = np.random.default_rng(0).integers(0, 2**12, (24, 96)).astype(">u2")
    rows = zlib.compress(b"".join(b"\0" + row.tobytes() for row in colors))
    header = struct.pack(">IIBBBBB", 32, 24, 16, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", rows), (b"IEND", b"")]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*each) for each in chunks))


def rotated():
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: turned
    return exif


def read_picture(path):
    try:
        read_photo(path)
    except UnusablePhotoError as error:
        raise SceneshiftError(f"{path}: {error}") from None


def labels(path):
    """A table of labels beside its photos."""
    names = [f"{k}.png" for k in range(4)]
    for name in names:
        Image.new("RGB", (16, 16)).save(path.with_name(name))
    path.write_text("file,snow,trees\n" + "".join(f"{name},{k % 2},0.{k}\n" for k, name in enumerate(names)))


def read_labels(path):
    HeadsPredictor(kind="heads", labels=str(path)).attribute_names()
    labelled_photos(path, (16, 16))


def plan(path):
    jobs = [{"wildcards": {"run": "r", "attribute": name}, "due": True} for name in ("snow", "trees")]
    files = {"log": "logs/{run}/{attribute}.log", "benchmark": "b/{attribute}", "outputs": ["{attribute}.npz"]}
    rule = {"rule": "fit_boundary", "behind_ranking": False, "attributes": ".*", "jobs": jobs, **files}
    write_plan(path, Plan(run="r", rules=[rule]))
    ranking(path.with_name("attributes.csv"))


def ranking(path):
    cells = {"rank": 1, "attribute": "snow", "standardized": 0.5, "chosen": True, "changes_most": "snow"}
    row = [cells.get(name, "all" if kind is str else 0.5) for name, kind in RANKED.items()]
    write_table(path, list(RANKED), [row] * 3)


def progress(path):
    with Progress("synthesizing", 9, folder=path.parent) as shown:
        shown.advance(3)


def read_progress(path):
    last_progress(path)
    with Progress("synthesizing", 9, initial=3, folder=path.parent) as shown:
        shown.advance(1)


def history(path):
    table = History(path, 0)
    for images in (100, 200, 300):
        table.append(images=images, loss=images / 7)


@dataclass
class State(TrainingState):
    """A training of one weight."""

    weight: torch.Tensor
    images: int = 0


def snapshot(path):
    Snapshots(path.parent, "digest").save(State(torch.ones(9), 5))


def read_snapshot(path):
    Snapshots(path.parent, "digest", writes=False).restore(State(torch.zeros(9)), images=9)


ACCURACY = {"attribute": str, "kind": str, "auc": float | None}


def read_doses(path):
    dose.own_curves(dose.read_responses(path))


def audited(path):
    facts = {name: 0.5 for name in ("zoom", "structure_aligned", "halos")}
    write_verdicts(path, [Verdict(f"{n}.jpg", ["zoomed", "blocks"][:n], facts, 0.1, 0.2, "snow") for n in range(3)])


def study_votes(path):
    row = ("rater", "safer?", "a.jpg", "b.jpg", "left", "night", "photo", 0, 1, "")
    write_table(path, list(STUDY), [row, (*row[:4], "equal", *row[5:]), (*row[:-1], "left")])


def pairs_of_names(path):
    for name in ("a", "b"):
        (path.parent / name).touch()
    write_table(path, ["before", "after"], [("a", "b"), ("b", "a")])


def places(path):
    write_table(path, ["file", "latitude", "longitude", "time"], [("a", 1.29, 103.85, "2026-11-27T06:50:10")] * 3)


class Reader(NamedTuple):
    """How a file is made and read. refuses: a damaged one is an error; else whatever is damaged counts as not there."""

    make: Callable[[Path], Any]
    read: Callable[[Path], Any]
    refuses: bool = True


READERS = {
    "generator.safetensors": Reader(own_generator, read_own_generator),
    "network-snapshot.pkl": Reader(foreign_generator("stylegan2-ada-pytorch"), take_over),
    "rosinality.pt": Reader(foreign_generator("rosinality"), take_over),
    "genforce.pth": Reader(foreign_generator("genforce"), take_over),
    "translator.safetensors": Reader(translator, read_translator),
    "latest_net_G.pth": Reader(pix2pixhd, lambda path: import_translator(path, path.with_name("t.safetensors"))),
    "boundary.npz": Reader(boundary, load_boundary),
    "boundary.npy": Reader(boundary_npy, read_npy),
    "higan_boundary.npy": Reader(higan_boundary, import_boundary_npy),
    "predictor.safetensors": Reader(predictor, load_predictor),
    "judge.safetensors": Reader(judge, load_judge),
    "latents.h5": Reader(latents, read_latents),
    "photos.h5": Reader(photos, read_photos),
    "plain.pkl": Reader(foreign_generator("stylegan2-ada-pytorch"), read_pickle),
    "weights.pth.tar": Reader(pickled_torch, read_torch),
    "scorer.onnx": Reader(exported_scorer, score_by_exported),
    "dataset.zip": Reader(packed_photos, lambda path: import_photos(path, mkdtemp(dir=path.parent))),
    "inception.pt": Reader(scripted, lambda path: load_scripted(path, "cpu", "a network")),
    "edit.json": Reader(edit_record, EditRecord.read),
    "plan.json": Reader(plan, lambda path: planned_jobs(path.parent)),
    "progress.jsonl": Reader(progress, read_progress, refuses=False),
    "history.csv": Reader(history, lambda path: History(path, 10**6), refuses=False),
    "snapshot.pt": Reader(snapshot, read_snapshot),
    "rescoring.csv": Reader(rescoring, rank),
    "evaluation.csv": Reader(
        table(evaluation_table.COLUMNS), lambda path: evaluation_table.summarize(read_evaluation(path))
    ),
    "translator.dose.csv": Reader(table(dose.COLUMNS | {"translator_sha256": str}), read_doses),
    "places.csv": Reader(places, read_places),
    "audit.csv": Reader(audited, lambda path: shares(read_verdicts(path))),
    "study.csv": Reader(study_votes, lambda path: read_study([path])),
    "named_pairs.csv": Reader(pairs_of_names, lambda path: find_pairs(path.parent, path.parent, path)),
    "attributes.csv": Reader(ranking, lambda path: (chosen_attributes(path), run_files.table(path, RANKED))),
    "photos.csv": Reader(table(PHOTOS), lambda path: run_files.table(path, PHOTOS)),
    "accuracy.csv": Reader(table(ACCURACY), lambda path: run_files.table(path, ACCURACY)),
    "votes.csv": Reader(votes, read_votes),
    "labels.csv": Reader(labels, read_labels),
    "photo.jpg": Reader(picture, read_picture),
    "photo.png": Reader(picture, read_picture),
    "dark.png": Reader(dark_picture, read_picture),
    "photo.webp": Reader(picture, read_picture),
    "photo.tiff": Reader(picture, read_picture),
}
