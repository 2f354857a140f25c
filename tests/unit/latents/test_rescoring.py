"""Re-scoring a generator with a known direction: own effect, levels, entanglement, ranking, a strip to look at."""

import csv

import numpy as np
import pytest
import torch
from PIL import Image

from sceneshift.generator.checkpoints import save_generator
from sceneshift.generator.networks import Generator
from sceneshift.latents.boundaries import Boundary, load_boundary, save_boundary
from sceneshift.latents.rescoring import Change, best_level, effects_on, lowers, summarize
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.scoring.kinds.photometric import PhotometricPredictor
from sceneshift.settings import BoundariesSettings, EditsSettings, RescoringSettings, SynthesisSettings
from sceneshift.stages.edit import edit
from sceneshift.stages.fit_boundary import fit_boundary as fit_boundary_stage
from sceneshift.stages.fit_predictor import fit_predictor
from sceneshift.stages.rank_attributes import rank_attributes
from sceneshift.stages.rescore_boundary import rescore_boundary
from sceneshift.stages.synthesize import synthesize

ATTRIBUTES = ["brightness", "warmth"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rescoring")
    torch.manual_seed(0)
    generator = Generator(z_dim=16, w_dim=16, resolution=32, channel_base=256, channel_max=16, mapping_layers=2)
    save_generator(folder / "g.safetensors", generator)
    fit_predictor(
        folder,
        folder / "p.safetensors",
        [PhotometricPredictor(kind="photometric", attributes=ATTRIBUTES)],
        accuracy=folder / "accuracy.csv",
    )
    g, p = folder / "g.safetensors", folder / "p.safetensors"
    synthesize(g, folder / "s.h5", SynthesisSettings(), predictor=p, count=300)
    fresh = SynthesisSettings(keep_images=60)
    synthesize(g, folder / "u.h5", fresh, predictor=p, count=60, stream="rescoring")
    for name in ATTRIBUTES:
        fit_boundary_stage(folder / "s.h5", name, folder / f"{name}.npz", BoundariesSettings(examples=100))
        rescored(folder, name)
    return folder


def rescored(folder, name, unedited="u.h5", store="s.h5", **settings):
    rescore_boundary(
        folder / "g.safetensors",
        folder / f"{name}.npz",
        folder / "p.safetensors",
        folder / f"{name}.csv",
        RescoringSettings(**settings),
        unedited=folder / unedited,
        store=folder / store,
    )


def rows(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_own_attribute_rises_most_and_every_attribute_is_measured(run):
    table = rows(run / "brightness.csv")
    assert {row["attribute"] for row in table} == set(ATTRIBUTES)
    assert [row["level"] for row in table[::2]] == ["all", "layout", "objects", "attributes", "color"]
    own = effects_on("brightness", run / "brightness.csv")["all"]
    assert float(own["standardized"]) > 0.5
    assert float(own["low"]) < float(own["standardized"]) < float(own["high"])
    assert float(own["mean_change"]) > 0.4
    assert 0 < float(own["structure"]) < 1


def test_levels_move_less_than_all_layers(run):
    effects = {level: row["mean_change"] for level, row in effects_on("brightness", run / "brightness.csv").items()}
    assert max(value for level, value in effects.items() if level != "all") < 1.1 * effects["all"]
    assert best_level("brightness", run / "brightness.csv") != "all"


def test_single_layers_make_up_their_levels(run, tmp_path):
    save_boundary(load_boundary(run / "brightness.npz"), run / "by_layer.npz")
    rescored(run, "by_layer", layers=True)
    effects = effects_on("brightness", run / "by_layer.csv")
    assert list(effects) == ["all", "layout", "objects", "attributes", "color", *map(str, range(8))]
    whole = effects_on("brightness", run / "brightness.csv")
    assert all(effects[level]["mean_change"] == whole[level]["mean_change"] for level in whole)
    assert effects["0"]["mean_change"] == effects["layout"]["mean_change"], "the one layer of 4 px"
    assert len({row["mean_change"] for row in effects.values()}) > 9


def test_summary_is_higans_delta():
    change = Change(np.array([[1.0, -2.0], [-1.0, -4.0], [3.0, 0.0]], np.float32), np.array([0.5, 0.7, 0.9]))
    first, second = summarize("a", "all", change, ["a", "b"], np.array([2.0, 4.0]), 0)
    assert float(first["delta"]) == pytest.approx(4 / 3, rel=1e-5)
    assert float(first["standardized"]) == pytest.approx(2 / 3, rel=1e-5)
    assert float(first["mean_change"]) == pytest.approx(0.5)
    assert float(second["delta"]) == 0
    assert float(second["mean_change"]) == pytest.approx(-0.5)
    assert float(first["structure"]) == pytest.approx(0.7)


def test_bootstrap_interval_covers_the_error_of_the_mean():
    random = np.random.default_rng(0)
    changes = random.normal(1, 1, size=(400, 1)).astype(np.float32)
    (row,) = summarize("a", "all", Change(changes, np.ones(400)), ["a"], np.ones(1), 0)
    width = (row["high"] - row["low"]) / 2
    assert width == pytest.approx(1.96 * np.maximum(changes, 0).std() / 20, rel=0.15)


def test_ranking_orders_chooses_and_keeps_named_edits(run, tmp_path):
    tables, boundaries = ([run / f"{name}.{kind}" for name in ATTRIBUTES] for kind in ("csv", "npz"))
    edits = EditsSettings(top=1, attributes=[{"attribute": "warmth", "direction": "less"}])
    rank_attributes(tmp_path / "named.csv", edits, rescoring=tables, boundaries=boundaries)
    by_name = {row["attribute"]: row for row in rows(tmp_path / "named.csv")}
    assert by_name["warmth"]["chosen"] == "True"
    assert by_name["warmth"]["direction"] == "less"
    assert by_name["brightness"]["chosen"] == "False"
    rank_attributes(tmp_path / "top.csv", EditsSettings(top=1), rescoring=tables, boundaries=boundaries)
    ranked = rows(tmp_path / "top.csv")
    assert [row["rank"] for row in ranked] == ["1", "2"]
    assert float(ranked[0]["standardized"]) >= float(ranked[1]["standardized"])
    assert [row["chosen"] for row in ranked] == ["True", "False"]
    with pytest.raises(SceneshiftError, match="same order"):
        rank_attributes(tmp_path / "x.csv", edits, rescoring=tables, boundaries=boundaries[::-1])
    with pytest.raises(SceneshiftError, match=r"fog was not re-scored; known: "):
        rank_attributes(
            tmp_path / "x.csv",
            EditsSettings(attributes=[{"attribute": "fog"}]),
            rescoring=tables,
            boundaries=boundaries,
        )


@pytest.fixture(scope="module")
def with_direction(run):
    """Beside the fitted boundaries, warmth's turned round and under a name that nothing scores."""
    fitted = load_boundary(run / "warmth.npz")
    unnamed = {"normal": -fitted.normal, "attribute": "sefa_all_1", "validation_accuracy": float("nan")}
    save_boundary(Boundary(**{**vars(fitted), **unnamed}), run / "sefa_all_1.npz")
    rescored(run, "sefa_all_1")
    return run


def test_a_direction_without_an_attribute_is_ranked_by_what_it_changes(with_direction, tmp_path):
    names = ["sefa_all_1", *ATTRIBUTES]
    tables, boundaries = ([with_direction / f"{name}.{kind}" for name in names] for kind in ("csv", "npz"))
    rank_attributes(tmp_path / "ranked.csv", EditsSettings(top=3), rescoring=tables, boundaries=boundaries)
    ranked = rows(tmp_path / "ranked.csv")
    last = ranked[-1]
    assert (last["attribute"], last["changes_most"], last["standardized"]) == ("sefa_all_1", "warmth", "")
    assert float(last["mean_change"]) < -0.4
    assert last["validation_accuracy"] == ""
    assert [row["chosen"] for row in ranked] == ["True", "True", "False"], "not by its rank: nothing says which way"
    assert lowers("warmth", "all", with_direction / "sefa_all_1.csv")
    assert not lowers("warmth", "all", with_direction / "warmth.csv")
    assert best_level("warmth", with_direction / "sefa_all_1.csv") == best_level(
        "warmth", with_direction / "warmth.csv"
    )
    edits = EditsSettings(top=1, attributes=[{"attribute": "sefa_all_1", "measured_by": "warmth"}])
    rank_attributes(tmp_path / "named.csv", edits, rescoring=tables, boundaries=boundaries)
    assert [row["chosen"] for row in rows(tmp_path / "named.csv")] == ["False", "False", "True"]


def test_all_layers_of_a_boundary_are_those_that_it_is_for(run):
    fitted = load_boundary(run / "warmth.npz")
    save_boundary(Boundary(**{**vars(fitted), "resolutions": (4,)}), run / "coarse.npz")
    rescored(run, "coarse")
    effects = {level: row["mean_change"] for level, row in effects_on("warmth", run / "coarse.csv").items()}
    whole = effects_on("warmth", run / "warmth.csv")
    assert effects["all"] == effects["layout"] == whole["layout"]["mean_change"]
    assert effects["all"] != whole["all"]["mean_change"]
    save_boundary(Boundary(**{**vars(fitted), "resolutions": (64, 128)}), run / "coarse.npz")
    with pytest.raises(SceneshiftError, match="for layers at 64, 128 px, but the generator's are at 4, 8, 16, 32 px"):
        rescored(run, "coarse")


def test_files_that_do_not_belong_together_are_refused(run, tmp_path):
    with pytest.raises(SceneshiftError, match=r"s\.h5 lacks its images"):
        rescored(run, "warmth", unedited="s.h5")
    torch.manual_seed(1)
    other = Generator(z_dim=16, w_dim=16, resolution=32, channel_base=256, channel_max=16, mapping_layers=2)
    save_generator(tmp_path / "other.safetensors", other)
    with pytest.raises(SceneshiftError, match="was made with another generator"):
        rescore_boundary(
            tmp_path / "other.safetensors",
            run / "warmth.npz",
            run / "p.safetensors",
            tmp_path / "x.csv",
            RescoringSettings(),
            unedited=run / "u.h5",
            store=run / "s.h5",
        )
    boundary = load_boundary(run / "warmth.npz")
    save_boundary(Boundary(**{**vars(boundary), "normal": np.ones(9, np.float32) / 3}), run / "short.npz")
    with pytest.raises(SceneshiftError, match=r"codes of 9 dimensions, but .*g\.safetensors has 16"):
        rescored(run, "short")


def test_strip_has_a_row_a_code_and_a_column_a_step(run):
    edit(run / "g.safetensors", run / "brightness.npz", run / "strip.png", images=3, distances=(-4, 0, 4))
    sheet = np.asarray(Image.open(run / "strip.png"))
    assert sheet.shape == (24 + 3 * 132 - 4, 3 * 132 - 4, 3)
    left, right = (sheet[24:, x : x + 128].mean() for x in (0, 264))
    assert right > left + 5
