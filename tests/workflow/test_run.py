"""The whole workflow, tiny, from rendered streets to the report."""

import csv
import json
import re
import shlex
import subprocess
import sys

import numpy as np
import pytest
import yaml

from sceneshift.generator.checkpoints import attribution_of
from sceneshift.latents.store import LatentStore
from sceneshift.pairs.edit_record import EditRecord
from sceneshift.photos.store import PhotoStore
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.scoring import predictor as predictor_file
from sceneshift.settings import PhotosSettings
from sceneshift.stages.publish import publish
from sceneshift.translator import load_translator
from sceneshift.translator.checkpoints import read_translator

pytestmark = pytest.mark.slow

ATTRIBUTES = ("natural_light", "greenery", "snow")
EDITED = ("natural_light", "greenery")


def test_everything_is_where_the_design_says(run):
    files = [
        "photos.h5", "photos.csv", "generator/generator.safetensors", "generator/training/history.csv",
        "predictor/predictor.safetensors", "predictor/accuracy.csv", "synthesis/0000.h5", "synthesis/0001.h5",
        "synthesis.h5", "rescoring/unedited.h5", "attributes.csv", "report.html",
        "explorer/index.html",
        *(f"boundaries/{name}.npz" for name in ATTRIBUTES),
        *(f"rescoring/{name}.csv" for name in ATTRIBUTES),
    ]  # fmt: skip
    for name in EDITED:
        files += [f"pairs/{name}/pairs.csv", f"pairs/{name}/edit.json", f"edits/{name}.png", f"evaluation/{name}.csv"]
        files += [f"translators/{name}/translator.safetensors", f"translators/{name}/training/history.csv"]
    missing = [name for name in files if not (run.results / name).is_file()]
    assert missing == []


def test_only_the_chosen_went_on(run):
    with open(run.results / "attributes.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["attribute"] for row in rows} == {*ATTRIBUTES, "sefa_all_1"}
    assert {row["attribute"] for row in rows if row["chosen"] == "True"} == set(EDITED)
    assert {path.name for path in (run.results / "translators").iterdir()} == set(EDITED)


def test_directions_from_elsewhere_are_ranked_beside_the_fitted_ones(run):
    with open(run.results / "attributes.csv", newline="") as file:
        rows = {row["attribute"]: row for row in csv.DictReader(file)}
    assert rows["snow"]["standardized"]
    assert rows["snow"]["validation_accuracy"] == "", "imported, not fitted"
    with np.load(run.results / "boundaries" / "snow.npz") as boundary:
        assert boundary["resolutions"].tolist() == [8, 16]
    assert rows["sefa_all_1"]["standardized"] == "", "it has no attribute of its own"
    assert rows["sefa_all_1"]["changes_most"]
    assert "sefa all 1" in (run.results / "report.html").read_text(encoding="utf-8")


def test_pairs_match_and_the_held_out_photos_were_translated(run):
    with open(run.results / "photos.csv", newline="") as file:
        held_out = {row["file"] for row in csv.DictReader(file) if row["held_out"] == "1"}
    for name in EDITED:
        pairs = run.results / "pairs" / name
        names = [sorted(path.name for path in (pairs / side).glob("*.png")) for side in ("train_A", "train_B")]
        assert names[0] == names[1]
        assert len(names[0]) == 24
        translated = {path.stem for path in (run.results / "translated" / name).glob("*.png")}
        assert translated == held_out
    edits = {name: json.loads((run.results / "pairs" / name / "edit.json").read_text()) for name in EDITED}
    assert edits["greenery"]["condition_on"] == ["natural_light"]
    with open(run.results / "attributes.csv", newline="") as file:
        best = {row["attribute"]: row["best_level"] for row in csv.DictReader(file)}
    assert edits["natural_light"]["level"] == best["natural_light"] != "auto"


def test_every_rule_wrote_its_log_and_benchmark(run):
    logs = {path.relative_to(run.results / "logs").with_suffix("") for path in (run.results / "logs").rglob("*.log")}
    marks = run.results / "benchmarks"
    assert logs == {path.relative_to(marks).with_suffix("") for path in marks.rglob("*.tsv")}
    assert len(logs) > 20


def test_nothing_is_left_half_written(run):
    meant = (".snakemake_timestamp", ".translated.json")
    assert [path for path in run.results.rglob(".*") if path.name not in meant] == []


def test_a_second_run_has_nothing_to_do(run):
    assert "Nothing to be done" in run.make(run.config())


def test_the_published_scale_is_planned(run, tmp_path):
    """500,000 images and 102 boundaries; the line that the config says to edit is edited."""
    config = yaml.safe_load((run.repository / "config" / "paper.yaml").read_text())
    (tmp_path / "photos").mkdir()
    picture = next((run.results / "translated" / "greenery").glob("*.png"))
    (tmp_path / "photos" / "a.png").write_bytes(picture.read_bytes())
    config["photos"]["folder"] = str(tmp_path / "photos")
    paper = type(run)(tmp_path)
    plan = paper.plan(config)
    assert plan["fetch"] == 2
    assert plan["synthesize"] == 100
    assert plan["fit_boundary"] == plan["rescore_boundary"] == 102
    submitted = sum(plan.values()) - plan["fetch"]
    assert submitted == 312  # docs/cluster.md: without the edits, chosen later, seven jobs each


def test_make_quickstart_starts_the_default_run(fresh):
    said = subprocess.run(
        ["make", "--dry-run", "quickstart"], cwd=fresh.repository, capture_output=True, text=True
    ).stdout
    (arguments,) = re.findall(r"^\S+/sceneshift run(.*)$", said, flags=re.M)
    words = [*shlex.split(arguments), "--directory", str(fresh.folder), "--dry-run"]
    planned = subprocess.run([sys.executable, "-m", "sceneshift", "run", *words], capture_output=True, text=True)
    assert planned.returncode == 0, planned.stderr
    plan = planned.stdout + planned.stderr
    assert "results/streets/photos.h5" in plan
    assert "fit_judge" in plan  # from the start: it waits for no ranking
    assert "Exception" not in plan


def test_every_file_names_the_licence_of_the_photos_that_it_comes_from(run):
    with PhotoStore(run.results / "photos.h5") as store, LatentStore(run.results / "synthesis/0000.h5") as codes:
        named = [store.attribution, json.loads(codes.attrs["provenance"])["photos"]]
    named.append(attribution_of(run.results / "generator/generator.safetensors"))
    _, translator = read_translator(run.results / "translators/greenery/translator.safetensors")
    named.append(translator.edit["provenance"]["photos"])
    named.append(EditRecord.read(run.results / "pairs/greenery/edit.json").provenance["photos"])
    named.append(predictor_file.FORMAT.facts(run.results / "predictor/predictor.safetensors")["provenance"]["photos"])
    assert named == ["CC0 1.0"] * 6


def test_a_run_is_published_as_one_folder(run, tmp_path):
    """What a model hub gets: a card with the run's figures, and files that work without the run."""
    publish(run.results, tmp_path / "out", PhotosSettings(licence="CC: BY"))
    names = {path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert {"README.md", "generator.safetensors", "explorer/index.html", "onnx/greenery.onnx"} <= names
    assert {"translators/greenery.safetensors", "translators/greenery.dose.csv", "strips/greenery.png"} <= names
    _, head, text = (tmp_path / "out" / "README.md").read_text(encoding="utf-8").split("---\n", 2)
    assert yaml.safe_load(head)["license_name"] == "CC: BY"
    assert "moved by" in text
    assert load_translator(tmp_path / "out" / "translators" / "greenery.safetensors").head == "edit"


def test_a_damaged_table_is_not_published(run, tmp_path):
    damaged = run.copy(tmp_path / "run").results
    dose = damaged / "translators" / "greenery" / "translator.dose.csv"
    dose.write_bytes(dose.read_bytes()[:-20])
    with pytest.raises(SceneshiftError, match=r"dose\.csv.* Measure it again"):
        publish(damaged, tmp_path / "out", PhotosSettings())
    assert not (tmp_path / "out").exists()
