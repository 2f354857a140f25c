"""Votes become scores, scores become heads; agreement with held-out votes is measured beside what can be reached."""

import csv

import numpy as np
import pytest
from PIL import Image
from scipy.special import expit

from sceneshift.photos.store import PhotoStore, PhotoStoreWriter
from sceneshift.run.attributes import scored_attributes
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.scoring import load_predictor
from sceneshift.scoring.bradley_terry import Votes, agreement, bradley_terry
from sceneshift.scoring.comparisons import compared_photos
from sceneshift.scoring.kinds.comparisons import ComparisonsPredictor
from sceneshift.settings import load_settings
from sceneshift.stages.fit_predictor import fit_predictor
from sceneshift.streets import render_street

HEADER = "study_question,left,right,place_name_left,choice"  # Place Pulse's own
COUNT = 240


def simulated(labels, count, seed=0, sharpness=4.0, equal=0.1):
    """Votes of people who prefer the photo with more of the label with probability σ(sharpness·difference)."""
    random = np.random.default_rng(seed)
    left = random.integers(len(labels), size=count)
    right = (left + random.integers(1, len(labels), size=count)) % len(labels)
    likely = expit(sharpness * (labels[left] - labels[right]))
    winner = np.where(random.random(count) < likely, 1, -1)
    return Votes(left, right, np.where(random.random(count) < equal, 0, winner))


def write(path, votes, names, question="looks brighter", header=HEADER):
    words = {1: "left", -1: "right", 0: "equal"}
    rows = zip(votes.left.tolist(), votes.right.tolist(), votes.winner.tolist(), strict=True)
    lines = [f"{question},{names[left]},{names[right]},Here,{words[winner]}" for left, right, winner in rows]
    path.write_text("\n".join([header, *lines]) + "\n")
    return ComparisonsPredictor(kind="comparisons", votes=str(path), input_size=64, regularization=0.001)


@pytest.fixture(scope="module")
def streets(tmp_path_factory):
    """(a photo store of a street in dark to light pictures, how light they are, the pictures)."""
    light = np.random.default_rng(1).random(COUNT)
    day = render_street(0, 0, (32, 32), natural_light=0.9, fog=0, snow=0)
    images = np.stack([(day * (0.1 + 0.9 * value)).astype(np.uint8) for value in light])
    path = tmp_path_factory.mktemp("streets") / "photos.h5"
    with PhotoStoreWriter(path, (32, 32), crop="center", folder="", provenance="{}") as store:
        store.append(images, [f"city/{i:03d}.jpg" for i in range(COUNT)], np.arange(COUNT) % 4 == 0)
    return path, light, images


def test_scores_recover_the_labels_that_people_voted_by():
    labels = np.random.default_rng(2).random(400)
    theta = bradley_terry(simulated(labels, 20_000, equal=0), 400)
    assert np.corrcoef(theta, labels)[0, 1] > 0.93
    np.testing.assert_allclose(expit(theta[:10] - theta[10:20]), expit(4 * (labels[:10] - labels[10:20])), atol=0.25)


def test_scores_solve_the_equations_of_the_posterior():
    """At the mode, wins minus expected wins equal the pull of the prior; a photo that never loses stays finite."""
    votes = Votes(np.array([0, 0, 1, 2, 3]), np.array([1, 2, 2, 0, 0]), np.array([1, 1, 1, -1, 0]))
    theta = bradley_terry(votes, 5)
    surplus = (votes.winner + 1) / 2 - expit(theta[votes.left] - theta[votes.right])
    np.testing.assert_allclose(
        np.bincount(votes.left, surplus, 5) - np.bincount(votes.right, surplus, 5), theta, atol=1e-4
    )
    assert 0.5 < theta[0] < 3
    assert theta[4] == 0


def test_out_of_reach_is_the_minority_of_votes_on_the_same_two_photos():
    votes = Votes(np.array([0, 1, 0, 0, 2, 3]), np.array([1, 0, 1, 1, 3, 2]), np.array([1, 1, 1, 0, 1, -1]))
    scores = np.array([2.0, 1, 5, 5])
    agreed, unreachable, count = agreement(votes, scores)
    assert count == 5  # `equal` decides nothing
    assert unreachable == pytest.approx(1 / 5)  # 1 beat 0 once, 0 beat 1 twice
    assert agreed == pytest.approx((2 + 0.5 + 0.5) / 5)
    assert agreement(votes.where(votes.winner == 0), scores) == (None, None, 0)


def test_heads_learn_what_people_see_and_agree_with_them_nearly_as_far_as_possible(streets, tmp_path):
    path, light, images = streets
    settings = write(tmp_path / "votes.csv", simulated(light, 12_000), [f"{i:03d}" for i in range(COUNT)])
    fit_predictor(path, tmp_path / "p.safetensors", [settings], accuracy=tmp_path / "a.csv")
    with open(tmp_path / "a.csv", newline="") as file:
        (row,) = csv.DictReader(file)
    predictor = load_predictor(tmp_path / "p.safetensors")
    assert predictor.attributes == [row["attribute"]] == ["looks_brighter"]
    held_out = np.arange(COUNT) % 4 == 0
    assert np.corrcoef(predictor.score(images[held_out])[:, 0], light[held_out])[0, 1] > 0.9
    assert (row["n_train"], row["n_held_out"]) == ("180", "60")
    # people contradict themselves, and a pair's few votes hide some of it: the true scores bound what can be expected
    votes = write_read(settings, path)
    best, unreachable, count = agreement(votes, light[held_out])
    assert int(row["held_out_votes"]) == count > 400
    assert float(row["unreachable"]) == pytest.approx(unreachable, rel=1e-4)
    assert 0.05 < unreachable < 1 - best
    assert best - 0.04 < float(row["agreement"]) <= 1 - unreachable


def write_read(settings, path):
    """The votes between held-out photos, numbered among these."""
    with PhotoStore(path) as store:
        photos = compared_photos(settings, None, store)
    number = np.cumsum(photos.held_out) - 1
    (votes,) = photos.votes
    return Votes(number[votes.left], number[votes.right], votes.winner)


def test_labels_of_training_photos_know_nothing_of_the_votes_measured_by(streets, tmp_path):
    path, light, _ = streets
    votes = simulated(light, 3000)
    names = [f"city/{i:03d}.jpg" for i in range(COUNT)]
    held_out = np.arange(COUNT) % 4 == 0
    between = held_out[votes.left] & held_out[votes.right]
    turned = Votes(votes.left, votes.right, np.where(between, -votes.winner, votes.winner))
    with PhotoStore(path) as store:
        one, other = (
            compared_photos(write(tmp_path / "votes.csv", each, names), None, store) for each in (votes, turned)
        )
    np.testing.assert_array_equal(one.labels[~one.held_out], other.labels[~one.held_out])
    assert not np.array_equal(one.labels[one.held_out], other.labels[one.held_out])
    assert len(one.votes[0].left) == between.sum()


def test_photos_may_lie_in_a_folder_of_their_own(streets, tmp_path):
    images, light = streets[2], streets[1]
    folder = tmp_path / "photos" / "sub"
    folder.mkdir(parents=True)
    for i in range(60):
        Image.fromarray(images[i]).save(folder / f"{i:03d}.png")
    (folder / "059.png").write_bytes(b"no photo")
    settings = write(tmp_path / "votes.csv", simulated(light[:60], 1500), [f"{i:03d}.png" for i in range(60)])
    settings = settings.model_copy(update={"photos": str(tmp_path / "photos"), "max_missing": 0.1})
    photos = compared_photos(settings, (32, 32), None)
    assert len(photos.labels) == 59
    np.testing.assert_array_equal(photos.images([3, 5]), images[[3, 5]])
    assert np.corrcoef(photos.labels[:, 0], light[:59])[0, 1] > 0.9
    with pytest.raises(SceneshiftError, match="need a size"):
        compared_photos(settings, None, None)
    with pytest.raises(SceneshiftError, match=r"comparisons` without `photos` need a photo store"):
        compared_photos(settings.model_copy(update={"photos": None}), (32, 32), None)


def test_each_question_is_an_attribute_and_some_may_be_chosen(streets, tmp_path):
    votes = tmp_path / "votes.csv"
    votes.write_text(
        "question,left,right,winner\nsafer,000,001,left\nmore beautiful,001,002,Right\nsafer,003,000,equal\n"
    )
    config = {"kind": "comparisons", "votes": str(votes)}
    assert scored_attributes(load_settings({"predictors": [config]})) == ["more_beautiful", "safer"]
    some = load_settings({"predictors": [{**config, "attributes": ["more beautiful"]}]})
    assert scored_attributes(some) == ["more_beautiful"]
    with PhotoStore(streets[0]) as store:
        both = compared_photos(ComparisonsPredictor(**config), None, store)
        assert compared_photos(some.predictors[0], None, store).labels.shape == (2, 1)
    assert np.isnan(both.labels).tolist() == [[True, False], [False, False], [False, True], [True, False]]
    with pytest.raises(SceneshiftError, match=r"predictors\.attributes.*'wealthier'.*more_beautiful, safer"):
        scored_attributes(load_settings({"predictors": [{**config, "attributes": ["wealthier"]}]}))


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (
            "brighter,000,001,Here,both",
            r"(?s)votes\.csv: 1 of 3 .*that is none of left, right, equal: line 5",
        ),
        ("brighter,000,001,Here,", r"a winner that is none of left, right, equal: line 5"),
        ("brighter,000,000,Here,left", r"1 are on a photo against itself: line 5"),
        (",000,001,Here,left", r"1 have no question: line 5"),
        ("brighter,,001,Here,left", r"1 have no left or right photo: line 5"),
        ("brighter,000,001,left", r"1 have a winner that is none of left, right, equal: line 5"),
        (
            "brighter,000,999,Here,left",
            r"(?s)1 are on a photo .*photos.h5 does not .*\('999'\): line 5.*max_missing",
        ),
    ],
)
def test_a_mistake_in_the_votes_is_named_by_its_line(streets, tmp_path, line, says):
    votes = tmp_path / "votes.csv"
    votes.write_text(f"{HEADER}\nbrighter,000,001,Here,left\n\nbrighter,001,002,Here,right\n" + line)
    with PhotoStore(streets[0]) as store, pytest.raises(SceneshiftError, match=says):
        compared_photos(ComparisonsPredictor(kind="comparisons", votes=str(votes)), None, store)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("left,right,winner\n", r"line 1: found 0 columns called question or study_question or category"),
        ("question,left,left_id,right,winner\n", r"found 2 columns called left or left_id"),
        ("question,left,right,winner\n", "no rows"),
        ("", "line 1"),
        ("question,left,right,winner\n\x00\xff", "votes"),
    ],
)
def test_a_table_that_holds_no_votes_is_named(tmp_path, text, says):
    votes = tmp_path / "votes.csv"
    votes.write_bytes(text.encode("latin-1"))
    with pytest.raises(SceneshiftError, match=says):
        scored_attributes(load_settings({"predictors": [{"kind": "comparisons", "votes": str(votes)}]}))


def test_a_few_votes_on_missing_photos_are_counted_and_said(streets, tmp_path, capsys):
    names = [f"{i:03d}" for i in range(COUNT - 1)] + ["elsewhere"]
    settings = write(tmp_path / "votes.csv", simulated(streets[1], 2000), names)
    with PhotoStore(streets[0]) as store:
        assert len(compared_photos(settings, None, store).labels) == COUNT - 1
    said = capsys.readouterr().err
    assert "of 2000 votes cannot be used" in said
    assert "('elsewhere', 'elsewhere', 'elsewhere'): line" in said


def test_a_few_votes_that_cannot_be_used_are_left_out_and_named(streets, tmp_path, capsys):
    names = [f"{i:03d}" for i in range(COUNT)]
    settings = write(tmp_path / "votes.csv", simulated(streets[1], 300), names)
    with PhotoStore(streets[0]) as store:
        clean = compared_photos(settings, None, store)
        good = (tmp_path / "votes.csv").read_text()
        lines = good.splitlines(keepends=True)
        bad = ["looks brighter,001,001,Here,left\n", "looks brighter,001,002,Here,\n", "another,1,1,Here,left\n"]
        (tmp_path / "votes.csv").write_text("".join([*lines[:100], *bad, *lines[100:]]))
        settings = settings.model_copy(update={"attributes": ["looks_brighter"]})
        np.testing.assert_array_equal(compared_photos(settings, None, store).labels, clean.labels)
        said = capsys.readouterr().err
        assert "2 of 302 votes cannot be used" in said, "questions that nobody asked do not count"
        assert "1 are on a photo against itself: line 101\n" in said
        assert "none of left, right, equal: line 102\n" in said
        (tmp_path / "votes.csv").write_bytes(good.encode("utf-16"))
        np.testing.assert_array_equal(compared_photos(settings, None, store).labels, clean.labels)
        (tmp_path / "votes.csv").write_text("".join([*lines[:100], *bad, *lines[100:]]))
        with pytest.raises(SceneshiftError, match=r"2 of 302"):
            compared_photos(settings.model_copy(update={"max_missing": 0.005}), None, store)
