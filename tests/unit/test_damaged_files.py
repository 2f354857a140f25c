"""Every reader of files that others could hand us: damaged ones are refused by name. Add yours to READERS."""

import json
from dataclasses import asdict

import numpy as np
import onnx
import pytest
import torch
from onnx import helper, numpy_helper

import foreign_generators as foreign
from fuzzing import KINDS, fuzz
from sceneshift.attributes.votes import read_votes
from sceneshift.evaluation import summary as evaluation_table
from sceneshift.evaluation.summary import read_evaluation
from sceneshift.foreign.pickles import read_npy, read_pickle, read_torch
from sceneshift.generator.checkpoints import load_discriminator, load_generator, save_generator
from sceneshift.generator.networks import Discriminator, Generator
from sceneshift.latents import rescoring as rescoring_table
from sceneshift.latents.boundaries import Boundary, load_boundary, save_boundary
from sceneshift.latents.store import LatentStore, LatentStoreWriter
from sceneshift.pairs.distance import Point
from sceneshift.pairs.edit_record import EditRecord
from sceneshift.photos.store import PhotoStore, PhotoStoreWriter
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.tables import write_table
from sceneshift.scoring.kinds.heads import Heads
from sceneshift.scoring.kinds.onnx import OnnxPredictor
from sceneshift.scoring.kinds.photometric import Photometric
from sceneshift.scoring.predictor import load_predictor, save_predictor
from sceneshift.settings import EditsSettings, TranslatorSettings
from sceneshift.stages.export_translator import export_translator
from sceneshift.stages.import_boundary import import_boundary
from sceneshift.stages.import_generator import import_generator
from sceneshift.stages.import_translator import import_translator
from sceneshift.stages.rank_attributes import rank_attributes
from sceneshift.translator.architecture import architecture
from sceneshift.translator.checkpoints import TranslatorFacts, read_translator, save_translator
from sceneshift.translator.state import new_networks

COUNT = 180  # damaged files a reader


def own_generator(path):
    sizes = {"resolution": 8, "channel_base": 32, "channel_max": 4}
    save_generator(path, Generator(z_dim=4, w_dim=4, mapping_layers=2, **sizes), Discriminator(**sizes))


def read_own_generator(path):
    load_generator(path)
    load_discriminator(path)


def foreign_generator(name):
    sizes = {"base": 32, "most": 4, "z_dim": 4, "w_dim": 4, "layers": 2}
    return lambda path: foreign.write(path, name, foreign.Sizes(8, **sizes))


def take_over(path):
    import_generator(path, path.with_name("imported.safetensors"))


def translator(path, head="edit"):
    sizes = architecture(TranslatorSettings(head=head, width=2, downsamplings=1, blocks=1), 16)
    network, _ = new_networks(sizes, seed=0)
    save_translator(network, path, TranslatorFacts(sizes, 16, 0, "", {}))


def predictor(path):
    heads = Heads(["snow"], np.ones((1, 1280)), np.zeros(1), shape=(16, 16), input_size=32, links=["logit"])
    save_predictor([Photometric(["brightness", "warmth"]), heads], path, json.dumps({}))


def boundary(path):
    normal = np.eye(4, dtype=np.float32)[0]
    save_boundary(Boundary(normal, 0.0, "snow", 0.9, 100, "extremes", ""), path)


ATTRS = {"seed": 0, "stream": "synthesis", "truncation_psi": 0.7, "generator_sha256": "", "predictor_sha256": ""}


def latents(path):
    with LatentStoreWriter(path, 4, ["snow", "clouds"], ATTRS | {"provenance": "{}"}) as store:
        store.append(np.arange(9), np.ones((9, 4)), np.ones((9, 2)), np.zeros((0, 2, 2, 3), np.uint8))


def read_latents(path):
    with LatentStore(path) as store:
        return store.index, store.w([3, 1]), store.scores, store.column("snow"), store.deviations(), store.attrs


def photos(path):
    with PhotoStoreWriter(path, 16, crop="center", folder="", provenance="{}", attributes=["snow"]) as store:
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
    values = {str: "snow", float: 0.25}
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


READERS = {
    "generator.safetensors": (own_generator, read_own_generator),
    "network-snapshot.pkl": (foreign_generator("stylegan2-ada-pytorch"), take_over),
    "rosinality.pt": (foreign_generator("rosinality"), take_over),
    "genforce.pth": (foreign_generator("genforce"), take_over),
    "translator.safetensors": (translator, read_translator),
    "latest_net_G.pth": (pix2pixhd, lambda path: import_translator(path, path.with_name("imported.safetensors"))),
    "boundary.npz": (boundary, load_boundary),
    "boundary.npy": (boundary_npy, read_npy),
    "higan_boundary.npy": (higan_boundary, import_boundary_npy),
    "predictor.safetensors": (predictor, load_predictor),
    "latents.h5": (latents, read_latents),
    "photos.h5": (photos, read_photos),
    "plain.pkl": (foreign_generator("stylegan2-ada-pytorch"), read_pickle),
    "weights.pth.tar": (pickled_torch, read_torch),
    "scorer.onnx": (exported_scorer, score_by_exported),
    "edit.json": (edit_record, EditRecord.read),
    "rescoring.csv": (rescoring, rank),
    "evaluation.csv": (table(evaluation_table.COLUMNS), lambda path: evaluation_table.summarise(read_evaluation(path))),
    "votes.csv": (votes, read_votes),
}


@pytest.mark.parametrize("name", READERS)
@pytest.mark.timeout(120)
@pytest.mark.filterwarnings("ignore:invalid escape sequence")  # within damaged pickles
def test_damaged_files_are_refused_by_name_and_nothing_else_comes_out(tmp_path, name):
    make, read = READERS[name]
    path = tmp_path / name
    make(path)
    # over flipped bytes in its heap, the HDF5 library itself can loop for ever, where nothing stops it
    kinds = ("cut", "end") if path.suffix == ".h5" else KINDS
    assert fuzz(path, read, COUNT, kinds) > COUNT / 5


@pytest.mark.parametrize("name", ["latents.h5", "photos.h5"])
def test_a_byte_that_fails_hdf5s_checksum_is_damage(tmp_path, name):
    make, read = READERS[name]
    path = tmp_path / name
    make(path)
    raw = path.read_bytes()
    headers = [at for at in range(len(raw)) if raw.startswith(b"OHDR", at)]
    assert len(headers) > 3
    for at in headers:
        path.write_bytes(raw[: at + 12] + bytes([raw[at + 12] ^ 1]) + raw[at + 13 :])
        with pytest.raises(SceneshiftError, match=rf"{name} is .*damaged"):
            read(path)
