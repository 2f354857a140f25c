"""Which jobs a run has and what they take in, from its settings."""

from types import SimpleNamespace

import pytest

from sceneshift.run.inputs import Edits, Ranking, Shards, learned, translator_settings
from sceneshift.run.plan import chosen_attributes
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.settings import load_settings


def of(**wildcards):
    return SimpleNamespace(run="r", **wildcards)


def test_the_last_shard_is_smaller_and_growing_adds_shards():
    shards = Shards(codes=25, size=10)
    assert shards.files(of()) == [f"results/r/synthesis/000{i}.h5" for i in range(3)]
    assert [(shards.start(of(shard=s)), shards.length(of(shard=s))) for s in ("0000", "0002")] == [(0, 10), (20, 5)]
    assert Shards(codes=30, size=10).count == 3
    assert Shards(codes=31, size=10).files(of())[:3] == shards.files(of())


def test_edits_are_those_named_or_the_default():
    named = [{"attribute": "snow", "distance": 2.0, "condition_on": ["clouds"], "also": {"fog": 0.5}}]
    edits = Edits(load_settings({"edits": {"top": 3, "attributes": named}}).edits)
    assert edits.count == 3
    assert edits.of(of(attribute="snow")).distance == 2
    assert edits.of(of(attribute="clouds")).distance == "auto"
    assert edits.held(of(attribute="snow")) == ["results/r/boundaries/clouds.npz"]
    assert edits.also(of(attribute="snow")) == ["results/r/boundaries/fog.npz"]
    assert edits.held(of(attribute="clouds")) == edits.also(of(attribute="clouds")) == []


def test_what_the_ranking_chose_is_filled_in():
    ranking = Ranking(lambda run: ["snow", "NA"])
    files = ranking.for_each_chosen("results/{run}/edits/{attribute}.png")
    assert ranking.patterns == ["results/{run}/edits/{attribute}.png"]
    assert files(of()) == ["results/r/edits/snow.png", "results/r/edits/NA.png"]


def test_the_ranking_is_read_from_its_table(tmp_path):
    table = tmp_path / "attributes.csv"
    table.write_text("attribute,chosen\nsnow,True\nfog,False\nNA,True\n")
    assert chosen_attributes(table) == ["snow", "NA"]
    table.write_text("attribute,chosen\nsnow\n")
    with pytest.raises(SceneshiftError, match=r"attributes\.csv, line 2"):
        chosen_attributes(table)


def test_formulas_need_no_photos():
    assert learned(load_settings({}).predictors)
    assert not learned(load_settings({"predictors": [{"kind": "photometric"}]}).predictors)


def test_an_editor_may_be_trained_for_longer():
    editors = [{"name": "night", "labels": {"natural_light": 0}, "images": 64}, {"name": "fog", "labels": {"fog": 1}}]
    settings = load_settings({"editors": editors, "translator": {"images": 8}})
    assert [translator_settings(settings, of(attribute=name)).images for name in ("night", "fog")] == [64, 8]
