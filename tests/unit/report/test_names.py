"""Attributes whose names mean something to pandas, matplotlib or HTML go the whole way, from scores to page."""

import numpy as np
import pytest
import torch

from sceneshift.evaluation.dose import dose_table
from sceneshift.evaluation.summary import read_evaluation
from sceneshift.generator.checkpoints import save_generator
from sceneshift.generator.networks import Generator
from sceneshift.runtime.tables import read_table, write_table
from sceneshift.scoring.kinds.heads import Heads, View
from sceneshift.scoring.predictor import save_predictor
from sceneshift.settings import (
    BoundariesSettings,
    EditSettings,
    EditsSettings,
    EvaluationSettings,
    KeepSettings,
    PairsSettings,
    PhotosSettings,
    RescoringSettings,
    SynthesisSettings,
)
from sceneshift.stages.edit import edit
from sceneshift.stages.evaluate_translator import evaluate_translator
from sceneshift.stages.fit_boundary import fit_boundary
from sceneshift.stages.make_pairs import make_pairs
from sceneshift.stages.measure_dose import measure_dose
from sceneshift.stages.prepare_photos import prepare_photos
from sceneshift.stages.rank_attributes import rank_attributes
from sceneshift.stages.report import report
from sceneshift.stages.rescore_boundary import rescore_boundary
from sceneshift.stages.synthesize import synthesize
from sceneshift.stages.translate import translate

EDITED = ("nan", r"$\bad$")
NAMES = (*EDITED, "None", "<b>{x}&100%")
ALL = KeepSettings(source=1, edited=0, effect=0, others=1e9)


@pytest.fixture
def run(tmp_path, make_translator):
    """A run with these attributes, each scored by a head of random weights, up to the report."""
    folder = tmp_path / "run"
    g, p, store, photos = (folder / name for name in FILES)
    for path in (g, p):
        path.parent.mkdir(parents=True)
    torch.manual_seed(0)
    save_generator(g, Generator(z_dim=8, w_dim=8, resolution=16, channel_base=64, channel_max=8, mapping_layers=2))
    weight = np.random.default_rng(0).normal(size=(len(NAMES), 1280)).astype(np.float32)
    view = View("efficientnet-lite0", (16, 16), 32)
    heads = Heads(NAMES, weight, np.zeros(len(NAMES), np.float32), ["identity"] * len(NAMES), view)
    save_predictor([heads], p, {})
    accuracy = [[name, "ridge", 0.9, None, None, None] for name in NAMES]
    columns = ["attribute", "kind", "auc", "r2", "agreement", "unreachable"]
    write_table(folder / "predictor/accuracy.csv", columns, accuracy)
    prepare_photos(
        None, photos, PhotosSettings(count=40, resolution=16, held_out=0.3), table=folder / "photos.csv", seed=0
    )
    synthesize(g, store, SynthesisSettings(), predictor=p, count=120)
    fresh = folder / "rescoring/unedited.h5"
    synthesize(g, fresh, SynthesisSettings(keep_images=16), predictor=p, count=16, stream="rescoring")
    for name in NAMES:
        boundary = folder / f"boundaries/{name}.npz"
        fit_boundary(store, name, boundary, BoundariesSettings(examples=40))
        rescore_boundary(
            g, boundary, p, folder / f"rescoring/{name}.csv", RescoringSettings(), unedited=fresh, store=store
        )
    settings = EditsSettings(top=0, attributes=[{"attribute": name} for name in EDITED])
    tables, boundaries = ([folder / f"{kind[0]}/{name}.{kind[1]}" for name in NAMES] for kind in KINDS)
    rank_attributes(folder / "attributes.csv", settings, rescoring=tables, boundaries=boundaries)
    for name in EDITED:
        boundary, pairs = folder / f"boundaries/{name}.npz", folder / f"pairs/{name}"
        made = EditSettings(attribute=name, distance=2.0)
        make_pairs(g, boundary, pairs, PairsSettings(count=4, keep=ALL), predictor=p, store=store, edit=made)
        edit(g, boundary, folder / f"edits/{name}.png", images=1)
        translator = folder / f"translators/{name}/translator.safetensors"
        translator.parent.mkdir(parents=True)
        make_translator().rename(translator)
        translate(translator, photos, folder / f"translated/{name}")
        measure_dose(
            translator, photos, dose_table(translator), EvaluationSettings(count=4), predictor=p, attribute=name
        )
        out = folder / f"evaluation/{name}.csv"
        evaluate_translator(
            translator, photos, out, EvaluationSettings(count=8), predictor=p, edit=pairs / "edit.json",
            verdicts=folder / f"audit/{name}.csv",
        )  # fmt: skip
    return folder


FILES = ("generator/generator.safetensors", "predictor/predictor.safetensors", "synthesis.h5", "photos.h5")
KINDS = (("rescoring", "csv"), ("boundaries", "npz"))


def test_names_go_from_scores_to_page(run, tmp_path):
    report(run, tmp_path / "report.html")
    ranked = read_table(run / "attributes.csv", {"attribute": str, "chosen": bool})
    assert {row["attribute"] for row in ranked} == set(NAMES)
    assert {row["attribute"] for row in ranked if row["chosen"]} == set(EDITED)
    for name in EDITED:
        measured = {row["attribute"] for row in read_evaluation(run / f"evaluation/{name}.csv")}
        assert measured >= set(NAMES)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "more nan" in page
    assert r"More $\bad$" in page
    assert "&lt;b&gt;{x}&amp;100%" in page
    assert "<b>{x}" not in page
