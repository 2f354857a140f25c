"""What fit_predictor would refuse is refused before the generator is trained, without a look at a photo."""

import numpy as np
import pytest

from sceneshift.photos.store import PhotoStoreWriter
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.scoring.kinds.comparisons import ComparisonsPredictor
from sceneshift.scoring.kinds.heads import HeadsPredictor
from sceneshift.scoring.kinds.photometric import PhotometricPredictor
from sceneshift.stages.check_labels import check_labels

HEADS = HeadsPredictor(kind="heads")
PHOTOMETRIC = PhotometricPredictor(kind="photometric")


def store(path, classes):
    names = [f"{name}/{i}.png" for i, name in enumerate(classes)]
    with PhotoStoreWriter(path, (32, 32), crop="center", folder="", provenance="{}") as writer:
        writer.append(np.zeros((len(names), 32, 32, 3), np.uint8), names, np.arange(len(names)) % 5 == 0)
    return path


def test_it_says_how_many_photos_there_are_of_each(tmp_path, capsys):
    photos = store(tmp_path / "photos.h5", ["None"] * 40 + ["nan"] * 30)
    check_labels(photos, [PHOTOMETRIC, HEADS])
    assert capsys.readouterr().err == (
        "None: 32 photos with it, 24 without, 14 held out\nnan: 24 photos with it, 32 without, 14 held out\n"
    )


def test_each_half_must_be_enough_where_a_judge_learns_from_one(tmp_path, capsys):
    photos = store(tmp_path / "photos.h5", ["a"] * 40 + ["b"] * 40)
    check_labels(photos, [HEADS], halves=True)
    said = capsys.readouterr().err
    counts = [int(line.split()[1]) for line in said.splitlines() if line.startswith("a:")]
    assert sum(counts) == 32
    assert "in the predictor's half, 16 held out" in said
    with pytest.raises(SceneshiftError, match=r"the half for the \w+ \(evaluation\.judges: \[\] leaves all"):
        check_labels(store(tmp_path / "few.h5", ["a"] * 15 + ["b"] * 40), [HEADS], halves=True)


def test_every_attribute_with_too_few_photos_is_named(tmp_path):
    photos = store(tmp_path / "photos.h5", ["common"] * 60 + ["rare"] * 11 + ["rarer"] * 5)
    with pytest.raises(SceneshiftError) as error:
        check_labels(photos, [HEADS])
    assert "'rare' has 8 photos with it and 52 without\n  'rarer' has 4 photos with it" in str(error.value)


def test_votes_that_cannot_be_used_are_named(tmp_path):
    photos = store(tmp_path / "photos.h5", ["a"] * 30)
    votes = tmp_path / "votes.csv"
    votes.write_text("question,left,right,winner\nsafer,1,2,left\nsafer,1,nowhere,left\n")
    with pytest.raises(SceneshiftError, match=r"votes\.csv: 1 of 2 votes cannot be used"):
        check_labels(photos, [ComparisonsPredictor(kind="comparisons", votes=str(votes))])


def test_an_attribute_that_will_not_be_measured_is_said(tmp_path, capsys):
    labels = "".join(f"a/{i}.png,{i % 2},{'' if i % 5 == 0 else i % 2}\n" for i in range(60))
    (tmp_path / "labels.csv").write_text(f"file,snow,night\n{labels}")
    photos = store(tmp_path / "photos.h5", ["a"] * 60)
    check_labels(photos, [HEADS.model_copy(update={"labels": str(tmp_path / "labels.csv")})])
    snow, night = capsys.readouterr().err.splitlines()
    assert snow.endswith("12 held out")
    assert night.endswith("none held out: not measured")
