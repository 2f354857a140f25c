"""The dose of an edit is measured, and an effect is reached on photos that were not measured."""

import numpy as np
import pytest
from PIL import Image

from sceneshift.evaluation.dose import STRENGTHS, dose_table, own_curves, read_responses
from sceneshift.photos.store import PhotoStoreWriter
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.scoring import load_predictor
from sceneshift.scoring.kinds.photometric import PhotometricPredictor
from sceneshift.settings import EvaluationSettings
from sceneshift.stages.fit_predictor import fit_predictor
from sceneshift.stages.measure_dose import measure_dose
from sceneshift.stages.translate import translate

SETTINGS = EvaluationSettings(count=12)


@pytest.fixture
def photos(tmp_path):
    """Smooth pictures, each of its own size and light."""
    rng = np.random.default_rng(0)
    (tmp_path / "photos").mkdir()
    for k in range(12):
        coarse = rng.integers(0, 80, (3, 3, 3)) + 12 * k
        picture = Image.fromarray(coarse.astype(np.uint8)).resize((20 + k, 24), Image.Resampling.BICUBIC)
        picture.save(tmp_path / "photos" / f"{k:02d}.png")
    return tmp_path / "photos"


@pytest.fixture
def measured(make_translator, photos, tmp_path):
    """A translator, with its table beside it, and the judge of brightness that measured it."""
    translator, judge = make_translator(), tmp_path / "light.safetensors"
    fit_predictor(
        None, judge, [PhotometricPredictor(kind="photometric", attributes=["brightness"])], accuracy=tmp_path / "a.csv"
    )
    more = brighter(translator, photos)
    rows = measure_dose(
        translator, photos, dose_table(translator), SETTINGS, judges=[judge], attribute="brightness",
        direction="more" if more else "less",
    )  # fmt: skip
    return translator, judge, rows


def brighter(translator, photos):
    from sceneshift.translator import load_translator

    photo = np.asarray(Image.open(photos / "05.png"))
    return load_translator(translator)(photo).mean() > photo.mean()


def brightness(judge, folder):
    scorer = load_predictor(judge)
    paths = sorted(folder.glob("*.png"))
    return np.array([scorer.score(np.asarray(Image.open(path))[None])[0, 0] for path in paths])


def test_the_curve_is_what_translating_does(measured, photos, tmp_path):
    translator, judge, rows = measured
    assert {row.strength for row in rows} == set(STRENGTHS)
    assert {row.attribute for row in rows if row.scorer == "pixels"} >= {"structure", "luminance"}
    before = brightness(judge, photos)
    for strength in (0.5, 2.0):
        translate(translator, photos, tmp_path / f"{strength}", strength=strength)
        change = (brightness(judge, tmp_path / f"{strength}") - before).mean() / before.std()
        row = next(row for row in rows if row.scorer == "judge:light" and row.strength == strength)
        assert row.change == pytest.approx(change, abs=1e-3)
        assert row.low < row.change < row.high


def test_an_effect_is_reached_for_the_set_and_for_each_photo(measured, photos, tmp_path, capsys):
    translator, judge, _ = measured
    (curve,) = own_curves(read_responses(dose_table(translator), translator))
    before, effect = brightness(judge, photos), 0.6 * max(curve.changes)
    translate(translator, photos, tmp_path / "set", effect=effect)
    assert "strength" in capsys.readouterr().err
    assert (brightness(judge, tmp_path / "set") - before).mean() / curve.unit == pytest.approx(effect, rel=0.05)
    done = translate(translator, photos, tmp_path / "each", effect=effect, per_photo=judge)
    skipped = {name for name, _ in done.skipped}
    assert done.count == 12 - len(skipped) > 3
    left = np.array([path.name not in skipped for path in sorted(photos.iterdir())])
    moved = (brightness(judge, tmp_path / "each") - before[left]) / curve.unit
    assert moved == pytest.approx(np.full(left.sum(), effect), rel=0.1)
    assert all("at most" in reason for _, reason in done.skipped)


def test_what_cannot_be_known_is_refused(measured, photos, tmp_path, make_translator):
    translator, judge, _ = measured
    out = tmp_path / "out"
    with pytest.raises(SceneshiftError, match=r"--effect 99: beyond what was measured"):
        translate(translator, photos, out, effect=99.0)
    with pytest.raises(SceneshiftError, match=r"None of the photos .*(.|\n)*cannot be moved by 99"):
        translate(translator, photos, out, effect=99.0, per_photo=judge)
    with pytest.raises(SceneshiftError, match="leave out --strength"):
        translate(translator, photos, out, effect=0.1, strength=2.0)
    with pytest.raises(SceneshiftError, match="--per-photo finds the strength of an effect"):
        translate(translator, photos, out, per_photo=judge)
    with pytest.raises(SceneshiftError, match=r"there is no .*image\.dose\.csv.*measure-dose"):
        translate(make_translator("image"), photos, out, effect=0.1)
    other = judge.rename(tmp_path / "other.safetensors")
    with pytest.raises(SceneshiftError, match=r"--per-photo: found 'other'.*has: light"):
        translate(translator, photos, out, effect=0.1, per_photo=other)
    with pytest.raises(SceneshiftError, match=r"is for joy, which no scorer given knows.*brightness"):
        measure_dose(translator, photos, out, SETTINGS, judges=[other], attribute="joy")


def test_held_out_photos_of_a_store_are_measured_and_moved(measured, tmp_path):
    translator, judge, _ = measured
    images = np.random.default_rng(1).integers(0, 200, (20, 16, 16, 3)).astype(np.uint8)
    with PhotoStoreWriter(tmp_path / "photos.h5", (16, 16), crop="center", folder="", provenance="{}") as store:
        store.append(images, [f"{k:02d}" for k in range(20)], np.arange(20) % 2 == 1)
    given = {"judges": [judge], "attribute": "brightness"}
    rows = measure_dose(translator, tmp_path / "photos.h5", tmp_path / "d.csv", SETTINGS, **given)
    assert {row.photos for row in rows} == {10}
    with pytest.raises(SceneshiftError, match=r"None of the photos .*(.|\n)*cannot be moved by 99"):
        translate(translator, tmp_path / "photos.h5", tmp_path / "out", effect=99.0, per_photo=judge)


def test_the_image_head_is_measured_up_to_its_own_most(make_translator, photos, measured, tmp_path):
    rows = measure_dose(
        make_translator("image"), photos, tmp_path / "d.csv", SETTINGS, judges=[measured[1]], attribute="brightness"
    )
    assert max(row.strength for row in rows) == 1
