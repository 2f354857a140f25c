"""Pairs are kept where the predictor agrees; the result depends on the seed alone."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from sceneshift.generator.checkpoints import save_generator
from sceneshift.generator.networks import Generator
from sceneshift.latents import fit_boundary
from sceneshift.latents.boundaries import Boundary, load_boundary, save_boundary
from sceneshift.latents.codes import z_of
from sceneshift.latents.store import LatentStore
from sceneshift.pairs.keep import KeepRule
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.scoring import load_predictor
from sceneshift.scoring.kinds.photometric import PhotometricPredictor
from sceneshift.settings import BoundariesSettings, EditSettings, KeepSettings, PairsSettings, SynthesisSettings
from sceneshift.stages import make_pairs as pairs_module
from sceneshift.stages.fit_boundary import fit_boundary as fit_boundary_stage
from sceneshift.stages.fit_predictor import fit_predictor
from sceneshift.stages.make_pairs import make_pairs
from sceneshift.stages.synthesize import synthesize

ATTRIBUTES = ["brightness", "warmth"]
LOOSE = KeepSettings(source=0.9, edited=0.1, effect=0.1, others=20)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pairs")
    torch.manual_seed(0)
    generator = Generator(z_dim=16, w_dim=16, resolution=16, channel_base=256, channel_max=16, mapping_layers=2)
    save_generator(folder / "g.safetensors", generator)
    predictors = [PhotometricPredictor(kind="photometric", attributes=ATTRIBUTES)]
    fit_predictor(folder, folder / "p.safetensors", predictors, accuracy=folder / "accuracy.csv")
    synthesize(
        folder / "g.safetensors",
        folder / "s.h5",
        SynthesisSettings(),
        predictor=folder / "p.safetensors",
        seed=0,
        start=0,
        count=300,
    )
    for name in ATTRIBUTES:
        fit_boundary_stage(folder / "s.h5", name, folder / f"{name}.npz", BoundariesSettings(examples=100))
    return folder


def made(run, out, edit=None, hold=(), also=(), **settings):
    make_pairs(
        run / "g.safetensors",
        run / "brightness.npz",
        out,
        PairsSettings(**({"count": 20, "keep": LOOSE} | settings)),
        predictor=run / "p.safetensors",
        store=run / "s.h5",
        rescoring=None,
        condition=[run / f"{name}.npz" for name in hold],
        also=[run / f"{name}.npz" for name in also],
        edit=EditSettings(**({"attribute": "brightness"} | (edit or {}))),
    )
    with open(out / "pairs.csv", newline="") as file:
        return list(csv.DictReader(file)), json.loads((out / "edit.json").read_text())


@pytest.mark.parametrize("direction", ["more", "less"])
def test_kept_pairs_obey_the_filter_and_files_match_the_table(run, tmp_path, direction):
    keep = KeepSettings(source=0.6, edited=0.6, effect=0.5, others=3)
    table, edit = made(run, tmp_path / "p", {"direction": direction}, keep=keep)
    kept = [row for row in table if row["kept"] == "True"]
    assert len(kept) == 20
    assert table[-1]["kept"] == "True"  # stops there
    assert [int(row["index"]) for row in table] == list(range(len(table)))
    names = [f"{int(row['index']):06d}.png" for row in kept]
    for side in ("train_A", "train_B"):
        assert sorted(path.name for path in (tmp_path / "p" / side).iterdir()) == names
    sign = 1 if direction == "more" else -1
    changes = [sign * (float(row["after_brightness"]) - float(row["before_brightness"])) for row in kept]
    assert min(changes) > 0
    assert any(row["kept"] == "False" and row["reason"] for row in table)
    assert (edit["kept"], edit["tried"], edit["direction"], edit["level"]) == (20, len(table), direction, "all")
    assert edit["reason"] == "target"
    assert edit["effect"] >= 1
    assert edit["distance"] in [point["distance"] for point in edit["curve"]]
    # the scores in the table are those of the pictures
    predictor = load_predictor(run / "p.safetensors")
    pixels = np.asarray(Image.open(tmp_path / "p" / "train_B" / names[0]))
    assert predictor.score(pixels[None])[0, 0] == pytest.approx(float(kept[0]["after_brightness"]), rel=1e-4)


def test_result_does_not_depend_on_the_batch_and_is_repeatable(run, tmp_path, monkeypatch):
    made(run, tmp_path / "a")
    monkeypatch.setattr(pairs_module, "BATCH", 7)
    made(run, tmp_path / "b")
    files = sorted(path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*") if path.is_file())
    assert len(files) == 42
    for file in files:
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes(), file


def test_conditioning_holds_the_other_attribute(run, tmp_path):
    other = load_boundary(run / "warmth.npz").normal
    normal = load_boundary(run / "brightness.npz").normal
    assert abs(normal @ other) > 1e-3

    def drift(table):
        rows = [(float(row["after_warmth"]), float(row["before_warmth"])) for row in table]
        return abs(np.mean([after - before for after, before in rows]))

    free, _ = made(run, tmp_path / "free", {"distance": 3.0})
    held, edit = made(run, tmp_path / "held", {"distance": 3.0, "condition_on": ["warmth"]}, hold=["warmth"])
    assert edit["reason"] == "given"
    assert edit["distance"] == 3.0
    assert drift(held) < drift(free)


@pytest.mark.parametrize("direction", ["more", "less"])
def test_an_edit_moves_several_attributes_each_its_own_way(run, tmp_path, direction):
    """More warmth along with brighter or darker pictures; `others` lets it move, and nothing else."""
    keep = KeepSettings(source=1, edited=0, effect=0, others=0.001)
    alone = {"direction": direction, "distance": 2.0}
    table, record = made(run, tmp_path / "p", alone | {"also": {"warmth": 1.5}}, also=["warmth"], keep=keep)
    changes = {
        name: np.mean([float(row[f"after_{name}"]) - float(row[f"before_{name}"]) for row in table])
        for name in ATTRIBUTES
    }
    assert changes["warmth"] > 0
    assert changes["brightness"] * (1 if direction == "more" else -1) > 0
    assert (record["also"], record["distance"], record["kept"]) == ({"warmth": 1.5}, 2.0, 20)
    with pytest.raises(SceneshiftError, match=r"pairs\.keep\.others refused most"):
        made(run, tmp_path / "alone", alone | {"distance": 6.0}, keep=keep)
    with pytest.raises(SceneshiftError, match="also moves warmth, but the boundaries given for that are of nothing"):
        made(run, tmp_path / "x", alone | {"also": {"warmth": 1.5}})


def test_the_effect_is_that_on_images_that_may_be_sources(run, tmp_path):
    keep = KeepSettings(source=0.3, edited=0, effect=0, others=100)  # what may be a source and rises is kept
    table, edit = made(run, tmp_path / "p", {"distance": 3.0}, keep=keep, count=100)
    changes = np.array([float(row["after_brightness"]) - float(row["before_brightness"]) for row in table])
    sources = np.array(["source" not in row["reason"] for row in table])
    with LatentStore(run / "s.h5") as store:
        deviation = store.column("brightness").std()
    on_sources, on_all = (changes[rows].mean() / deviation for rows in (sources, slice(None)))
    assert abs(edit["effect"] - on_sources) < abs(on_all - on_sources) / 2
    with pytest.raises(SceneshiftError, match="none of 256 images may be a source of pairs"):
        made(run, tmp_path / "none", keep=KeepSettings(source=0), truncation_psi=0)


def rule(direction, keep):
    scores = np.arange(101, dtype=np.float32)  # quantile q is 100·q
    return KeepRule.of(keep, scores, 0, direction, np.array([10.0, 1.0]))


@pytest.mark.parametrize(
    ("before", "after", "reasons"),
    [
        ((50, 0), (70, 1), []),
        ((61, 0), (80, 0), ["source"]),
        ((50, 0), (59, 0), ["edited"]),
        ((58, 0), (62, 0), ["effect"]),
        ((50, 0), (70, -1.6), ["others"]),
        ((70, 0), (50, 2), ["source", "edited", "effect", "others"]),
    ],
)
def test_thresholds(before, after, reasons):
    before, after = np.float32(before), np.float32(after)
    assert rule("more", KeepSettings()).refusals(before, after) == reasons
    # less is its mirror image about the middle of the scores, 50
    mirrored = [np.array([100 - pair[0], pair[1]], np.float32) for pair in (before, after)]
    assert rule("less", KeepSettings()).refusals(*mirrored) == reasons


def test_too_few_pairs_is_an_error_that_names_the_threshold(run, tmp_path):
    with pytest.raises(SceneshiftError, match=r"brightness, more: 0 of 160 .*keep\.effect refused most \(160\): raise"):
        made(run, tmp_path / "p", keep=KeepSettings(source=1, edited=0, effect=50, others=20))
    assert not (tmp_path / "p").exists()
    assert list(tmp_path.iterdir()) == []


def test_fewer_than_asked_for_is_a_warning(run, tmp_path, capsys):
    made(run, tmp_path / "p", candidates=1)
    assert "warning: brightness, more:" in capsys.readouterr().err


def test_a_direction_without_an_attribute_is_turned_to_more_of_what_measures_it(run, tmp_path):
    fitted = load_boundary(run / "brightness.npz")
    save_boundary(Boundary(**{**vars(fitted), "normal": -fitted.normal, "attribute": "sefa_1"}), run / "sefa_1.npz")
    table = tmp_path / "sefa_1.csv"
    row = "sefa_1,{},{},0,0.1,0,0.2,-0.9,0.5\n"
    lines = (row.format(level, name) for level in ("all", "layout") for name in ATTRIBUTES)
    table.write_text("edited,level,attribute,delta,standardized,low,high,mean_change,structure\n" + "".join(lines))
    files = {"predictor": run / "p.safetensors", "store": run / "s.h5"}
    by_sefa = EditSettings(attribute="sefa_1", measured_by="brightness")
    settings = PairsSettings(count=20, keep=LOOSE)
    direction = (run / "g.safetensors", run / "sefa_1.npz")
    make_pairs(*direction, tmp_path / "p", settings, **files, rescoring=table, edit=by_sefa)
    facts = json.loads((tmp_path / "p" / "edit.json").read_text())
    assert (facts["attribute"], facts["measured_by"], facts["reversed"]) == ("sefa_1", "brightness", True)
    _, plain = made(run, tmp_path / "plain")
    assert (plain["measured_by"], plain["reversed"]) == ("brightness", False)
    assert facts["effect"] == pytest.approx(plain["effect"])
    with pytest.raises(SceneshiftError, match="a direction without an attribute of its own needs the re-scoring"):
        make_pairs(*direction, tmp_path / "x", settings, **files, edit=by_sefa)


def test_wrong_boundary_or_missing_table_is_an_error(run, tmp_path):
    with pytest.raises(SceneshiftError, match=r"edit is of 'warmth', but .* is the boundary of 'brightness'"):
        made(run, tmp_path / "p", {"attribute": "warmth"})
    with pytest.raises(SceneshiftError, match="level `auto` needs the re-scoring table"):
        made(run, tmp_path / "p", {"level": "auto"})


def test_an_edit_of_z_to_an_absolute_distance(run, tmp_path):
    fitted = load_boundary(run / "brightness.npz")
    z = z_of(0, "synthesis", range(300), 16)
    with LatentStore(run / "s.h5") as store:
        of_z = fit_boundary(z, store.column("brightness"), examples=100, attribute="brightness")
    save_boundary(replace(of_z, space="z"), run / "z.npz")
    edit = {"attribute": "brightness", "absolute": True}
    inputs = {"predictor": run / "p.safetensors", "store": run / "s.h5"}

    def of(boundary, out, condition=()):
        make_pairs(
            run / "g.safetensors", boundary, out, PairsSettings(count=5, keep=LOOSE), **inputs, condition=condition,
            edit=EditSettings(**edit | ({"absolute": False, "condition_on": ["warmth"]} if condition else {})),
        )  # fmt: skip
        return json.loads((out / "edit.json").read_text())

    record = of(run / "z.npz", tmp_path / "z")
    assert (record["space"], record["absolute"], record["effect"] > 0.9) == ("z", True, True)
    assert of(run / "brightness.npz", tmp_path / "w")["space"] == "w"
    assert fitted.space == "w"
    with pytest.raises(SceneshiftError, match=r"all of W, or all of Z; these are of brightness: Z, warmth: W"):
        of(run / "z.npz", tmp_path / "x", [run / "warmth.npz"])
