"""The attributes of a run, known before any job: they must be those that the predictor will have."""

import csv

import numpy as np
import pytest
from PIL import Image

from sceneshift.run.attributes import attributes_of, scored_attributes
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.scoring.labels import labelled_photos
from sceneshift.settings import load_settings
from sceneshift.streets import VISIBLE


@pytest.fixture
def folder(tmp_path):
    """Two classes, an empty subfolder, a hidden one, and photos without a class."""
    photos = tmp_path / "photos"
    for name in ("snowy road", "dirt", "unlabelled", ".hidden"):
        (photos / name).mkdir(parents=True)
        for i in range(10):
            pixels = np.random.default_rng(i).integers(0, 255, (40, 40, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(photos / name / f"{i}.png")
    (photos / "empty").mkdir()
    return photos


def of_folder(folder, **more):
    return load_settings({"photos": {"source": "folder", "folder": str(folder)}, **more})


def test_rendered_streets_and_formulas_stand_side_by_side():
    settings = load_settings({"predictors": [{"kind": "heads"}, {"kind": "photometric", "attributes": ["warmth"]}]})
    assert scored_attributes(settings) == [*VISIBLE, "warmth"]


def test_classes_are_those_that_the_heads_will_learn(folder):
    assert scored_attributes(of_folder(folder)) == ["dirt", "snowy_road"]
    assert labelled_photos(folder, (32, 32)).attributes == ["dirt", "snowy_road"]


def test_columns_are_those_that_the_heads_will_learn(folder, tmp_path):
    table = tmp_path / "labels.csv"
    with open(table, "w", newline="") as file:
        csv.writer(file).writerows([["file", "natural light", "snow"], ["photos/dirt/0.png", 0.5, 1]])
    settings = of_folder(folder, predictors=[{"kind": "heads", "labels": str(table)}])
    assert scored_attributes(settings) == ["natural_light", "snow"]
    assert labelled_photos(table, (32, 32)).attributes == ["natural_light", "snow"]


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"boundaries": {"attributes": ["greenrey"]}}, ["boundaries.attributes", "did you mean greenery", "snow"]),
        ({"edits": {"attributes": [{"attribute": "rain"}]}}, ["edits.attributes (rain)", "'rain'", "natural_light"]),
        ({"edits": {"attributes": [{"attribute": "snow", "condition_on": ["fogg"]}]}}, ["'fogg'", "fog"]),
        (
            {"boundaries": {"attributes": ["snow"]}, "edits": {"attributes": [{"attribute": "fog"}]}},
            ["'fog'", "there are boundaries of: snow"],
        ),
        (
            {"boundaries": {"sefa": {"components": 1}}, "edits": {"attributes": [{"attribute": "sefa_all_1"}]}},
            ["edits.attributes (sefa_all_1)", "measured_by", "natural_light"],
        ),
        (
            {"edits": {"attributes": [{"attribute": "snow", "measured_by": "cold"}]}},
            ["edits.attributes (snow): measured_by", "'cold'", "fog"],
        ),
        (
            {"boundaries": {"import": [{"name": "snow", "file": "a.npy"}, {"name": "snow", "file": "b.npy"}]}},
            ["snow is the name of several"],
        ),
        (
            {"predictors": [{"kind": "heads"}, {"kind": "heads"}]},
            ["natural_light, greenery", "by number 1 (heads) and number 2 (heads)"],
        ),
        (
            {"predictors": [{"kind": "heads"}, {"kind": "places365", "attributes": ["wood", "snow"]}]},
            ["scored more than once: snow by number 1 (heads) and number 2 (places365)", "leave each out"],
        ),
        (
            {"predictors": [{"kind": "places365", "attributes": ["scene_chruch_outdoor"]}]},
            ["places365", "did you mean scene_church_outdoor"],
        ),
        ({"predictors": [{"kind": "heads", "labels": "missing.csv"}]}, ["missing.csv", "does not exist"]),
    ],
)
def test_an_unknown_attribute_is_named_with_those_that_are_known(config, says):
    with pytest.raises(SceneshiftError) as error:
        attributes_of(load_settings(config))
    for part in says:
        assert part in str(error.value)


def test_a_class_with_too_few_photos_is_named_before_any_job(folder):
    (folder / "dirt" / "0.png").unlink()
    with pytest.raises(SceneshiftError, match=r"photos\.folder: .* under 10 photos, .*: dirt \(9\)\."):
        attributes_of(of_folder(folder))


def test_photos_without_classes_need_labels(tmp_path):
    Image.new("RGB", (40, 40)).save(tmp_path / "a.png")
    with pytest.raises(SceneshiftError, match="subfolders with photos"):
        attributes_of(of_folder(tmp_path))


def test_boundaries_come_from_three_places():
    sources = {
        "attributes": ["snow", "fog"],
        "import": [{"name": "snow", "file": "s.npy"}, {"name": "fog_higan", "file": "c.npy"}],
        "sefa": {"components": 2, "levels": ["layout"]},
    }
    attributes = attributes_of(load_settings({"boundaries": sources}))
    assert attributes.fitted == ["fog"], "an imported boundary takes the place of the fitted one"
    assert attributes.boundaries == ["fog", "snow", "fog_higan", "sefa_layout_1", "sefa_layout_2"]


def test_of_votes_only_the_questions_are_looked_at(tmp_path):
    """A million votes are a second of every command; a wrong vote is named when it is counted."""
    votes = tmp_path / "votes.csv"
    votes.write_text(
        "\ufeffid,study_question,left,right,choice\n1,livelier,a,b,left\n\n"
        '2,looks safer,a,a,nobody\n3,"livelier",a,b,right\nshort\n4,,a,b,left\n'
    )
    settings = load_settings({"predictors": [{"kind": "comparisons", "votes": str(votes)}]})
    assert scored_attributes(settings) == ["livelier", "looks_safer"]
    for text, says in (
        ("question,left,right,winner\n", "no rows"),
        ("a,b\n1,2\n", "line 1"),
        ("Größe".encode("latin-1"), "UTF-8"),
    ):
        votes.write_bytes(text if isinstance(text, bytes) else text.encode())
        with pytest.raises(SceneshiftError, match=says):
            scored_attributes(settings)


def test_any_legal_name_of_a_folder_or_column_becomes_an_attribute(tmp_path):
    """Snakemake would read {x} and <x> in the names of files as its own."""
    names = {"{x}": "(x)", "<results>": "(results)", "a, b": "a;_b", "1/2 full": "1-2_full", r"$\bad$": r"$\bad$"}
    table = tmp_path / "labels.csv"
    with open(table, "w", newline="") as file:
        csv.writer(file).writerows([["file", *names], ["a.png", *(1 for _ in names)]])
    settings = load_settings({"predictors": [{"kind": "heads", "labels": str(table)}]})
    assert attributes_of(settings).scored == list(names.values())


@pytest.mark.parametrize("name", ["<x>", "{x}", "a,b", ".hidden", "-x", "a\nb"])
def test_what_no_file_can_be_called_is_named(name):
    with pytest.raises(SceneshiftError, match=r"boundaries\.import.*Rename it"):
        attributes_of(load_settings({"boundaries": {"import": [{"name": name, "file": "a.npy"}]}}))


@pytest.mark.parametrize(
    ("config", "says"),
    [
        (
            {"synthesis": {"count": 10**12, "shard_size": 1000}},
            r"synthesis: .*10,000 shards.*shard_size to 100,000,000",
        ),
        ({"boundaries": {"sefa": {"components": 10**8}}}, r"boundaries\.sefa\.components: found 100000000.*1000"),
    ],
)
def test_a_plan_without_end_is_refused_with_the_limit(config, says):
    with pytest.raises(SceneshiftError, match=says):
        load_settings(config)
