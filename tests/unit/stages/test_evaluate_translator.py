import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from sceneshift.evaluation.summary import COLUMNS, read_evaluation, summarize
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.tables import write_table
from sceneshift.scoring.kinds.photometric import PhotometricPredictor
from sceneshift.settings import EvaluationSettings, PhotosSettings
from sceneshift.stages import evaluate_translator as translators
from sceneshift.stages.fit_predictor import fit_predictor
from sceneshift.stages.prepare_photos import prepare_photos
from sceneshift.translator.translator import Edited


class Darkens:
    """A translator that halves every pixel at strength 1."""

    def edited(self, images, strength):
        return [Edited((image * (1 - 0.5 * strength)).astype(np.uint8), None) for image in images]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    settings = PhotosSettings(count=60, resolution=32, held_out=0.4)
    prepare_photos(None, folder / "photos.h5", settings, table=folder / "photos.csv", seed=4)
    fit_predictor(
        folder / "photos.h5",
        folder / "predictor.safetensors",
        [PhotometricPredictor(kind="photometric", attributes=["brightness", "warmth"])],
        accuracy=folder / "accuracy.csv",
    )
    (folder / "edit.json").write_text(json.dumps({"attribute": "b", "measured_by": "brightness", "direction": "less"}))
    return folder


def evaluate(run, out, monkeypatch, **options):
    monkeypatch.setattr(translators, "load_translator", lambda *_, **__: Darkens())
    return translators.evaluate_translator(
        "t.safetensors",
        run / "photos.h5",
        out,
        EvaluationSettings(count=10),
        predictor=run / "predictor.safetensors",
        edit=run / "edit.json",
        **options,
    )


def test_a_known_edit_is_measured_on_held_out_photos(run, tmp_path, monkeypatch):
    changes = {(c.scorer, c.attribute): c for c in evaluate(run, tmp_path / "e.csv", monkeypatch)}
    brightness = changes["predictor", "brightness"]
    assert brightness.after == pytest.approx(brightness.before / 2, abs=0.01)
    assert brightness.low <= brightness.change <= brightness.high < -0.3
    assert brightness.photos == 10
    assert changes["pixels", "structure"].after > 0.95
    assert changes["pixels", "sky_shift"].after == pytest.approx(0.5, abs=0.02)
    table = pd.read_csv(tmp_path / "e.csv")
    assert list(table.columns) == list(COLUMNS)
    taken = pd.read_csv(run / "photos.csv").set_index("file")
    assert taken.loc[table["photo"].unique(), "held_out"].all()
    of_table = [(c.scorer, c.attribute) for c in summarize(read_evaluation(tmp_path / "e.csv"))]
    assert of_table == [key for key in changes if key[0] != "verdict"]


def test_each_photo_is_audited(run, tmp_path, monkeypatch):
    changes = {c.attribute: c for c in evaluate(run, tmp_path / "e.csv", monkeypatch, verdicts=tmp_path / "v.csv")}
    table = pd.read_csv(tmp_path / "v.csv")
    assert len(table) == 10
    assert table["passed"].all()
    assert changes["passed"].after == changes["same_place"].after == 1
    assert (table["moved"] > 0).all(), "less of it is what the edit is for"
    assert table["structure_aligned"].min() > 0.9
    assert (table["zoom"] == 1).all()
    assert table["changed_10"].median() > 0.9, "of a street by night less"


def test_predictors_judge_under_their_files_names(run, tmp_path, monkeypatch):
    (tmp_path / "second.safetensors").write_bytes((run / "predictor.safetensors").read_bytes())
    changes = {
        (c.scorer, c.attribute): c
        for c in evaluate(run, tmp_path / "e.csv", monkeypatch, judges=[tmp_path / "second.safetensors"])
    }
    own, judged = changes["predictor", "brightness"], changes["judge:second", "brightness"]
    assert judged == replace(own, scorer="judge:second"), "in standard deviations too"


def test_strength_zero_changes_nothing(run, tmp_path, monkeypatch):
    changes = evaluate(run, tmp_path / "e.csv", monkeypatch, strength=0.0)
    assert all(c.change == pytest.approx(0 if c.before != 1 else c.after - 1, abs=1e-6) for c in changes)


def test_equal_seeds_choose_equal_photos(run, tmp_path, monkeypatch):
    for name in ("a.csv", "b.csv"):
        evaluate(run, tmp_path / name, monkeypatch, seed=4)
    evaluate(run, tmp_path / "c.csv", monkeypatch, seed=5)
    a, b, c = ((tmp_path / name).read_bytes() for name in ("a.csv", "b.csv", "c.csv"))
    assert a == b
    assert a != c


def test_an_attribute_that_the_predictor_does_not_know_is_named(run, tmp_path, monkeypatch):
    (run / "other.json").write_text(json.dumps({"attribute": "joy", "measured_by": "joy", "direction": "more"}))
    monkeypatch.setattr(translators, "load_translator", lambda *_, **__: Darkens())
    with pytest.raises(SceneshiftError, match=r"joy.*brightness, warmth"):
        translators.evaluate_translator(
            "t",
            run / "photos.h5",
            tmp_path / "e.csv",
            EvaluationSettings(),
            predictor=run / "predictor.safetensors",
            edit=run / "other.json",
        )


def rows_of(attribute, before, moved):
    return [
        dict(zip(COLUMNS, (f"p{place}", scorer, attribute, value, value + moved), strict=True))
        for scorer in ("predictor", "judge:streets")
        for place, value in enumerate(before)
    ]


def test_predictor_changes_are_in_standard_deviations_and_judge_changes_are_raw():
    predictor, judge = summarize(rows_of("snow", (0.2, 0.5, 0.8, 0.4), moved=0.3))
    assert judge.change == pytest.approx(0.3)
    assert predictor.change == pytest.approx(0.3 / np.std([0.2, 0.5, 0.8, 0.4]))


@pytest.mark.parametrize("before", [[0.2], [0.5, 0.5, 0.5]])
def test_where_photos_score_the_same_there_are_no_standard_deviations(before):
    """Not a change of 10⁷ of them."""
    predictor, judge = summarize(rows_of("snow", before, moved=0.3))
    assert np.isnan([predictor.change, predictor.low, predictor.high]).all()
    assert predictor.after - predictor.before == pytest.approx(0.3)
    assert judge.change == pytest.approx(0.3)
    assert np.isnan(judge.low) == ("one photo: no interval" in str(judge)) == (len(before) == 1)


def test_a_damaged_table_is_named_with_its_line(tmp_path):
    (tmp_path / "x.csv").write_text("a,b\n1,2\n")
    with pytest.raises(SceneshiftError, match=r"x\.csv: expected one column photo"):
        read_evaluation(tmp_path / "x.csv")
    write_table(tmp_path / "x.csv", list(COLUMNS), rows_of("snow", (0.2, 0.5), moved=0.1))
    whole = (tmp_path / "x.csv").read_bytes()
    (tmp_path / "x.csv").write_bytes(whole[:-6])
    with pytest.raises(SceneshiftError, match=r"x\.csv"):
        read_evaluation(tmp_path / "x.csv")
