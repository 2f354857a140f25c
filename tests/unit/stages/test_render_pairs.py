"""Rendered pairs: the same street twice, one label moved; a function of seed and index; whole or not at all."""

import numpy as np
import pytest
from PIL import Image

from sceneshift.pairs.dataset import PairsDataset
from sceneshift.pairs.edit_record import EditRecord
from sceneshift.pairs.rendered import RenderedPairs
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.settings import EditorSettings
from sceneshift.stages.render_pairs import render_pairs
from sceneshift.streets import draw_street

SHAPE = (32, 40)
NIGHT = EditorSettings(name="night", labels={"natural_light": 0.0})


def test_pairs_are_streets_of_the_world_with_one_label_moved():
    pairs = RenderedPairs(3, SHAPE, NIGHT)
    for index in range(3):
        before, after = pairs.pair(index)
        labels = pairs.before(index)
        assert 0.6 <= labels["natural_light"] <= 1
        assert labels["rain"] == labels["snow"] == 0
        day, night = (draw_street(3, index, SHAPE, **labels | moved) for moved in ({}, {"natural_light": 0.0}))
        np.testing.assert_array_equal(before, day.picture)
        np.testing.assert_array_equal(after, night.picture)
        np.testing.assert_array_equal(day.greenery, night.greenery)  # the place stays
        assert after.mean() < 0.7 * before.mean()


@pytest.mark.parametrize(("label", "plain"), [("fog", 0.0), ("season", 0.0)])
def test_what_the_edit_moves_is_plain_before(label, plain):
    pairs = RenderedPairs(3, SHAPE, EditorSettings(name="moved", labels={label: 0.8}))
    assert {pairs.before(index)[label] for index in range(20)} == {plain}
    others = RenderedPairs(3, SHAPE, NIGHT)
    assert len({others.before(index)[label] for index in range(20)}) > 1


def test_an_editor_may_begin_elsewhere():
    pairs = RenderedPairs(3, SHAPE, EditorSettings(name="clear", before={"fog": 0.6}, labels={"fog": 0.0}))
    before = pairs.before(0)
    assert before["fog"] == 0.6
    np.testing.assert_array_equal(pairs.pair(0)[1], draw_street(3, 0, SHAPE, **before | {"fog": 0.0}).picture)


def test_the_stage_writes_what_a_translator_learns_from(tmp_path):
    editor = EditorSettings(name="night", labels={"natural_light": 0.05}, count=3)
    render_pairs(tmp_path / "pairs", editor=editor, shape=SHAPE, seed=3)
    dataset = PairsDataset(tmp_path / "pairs")
    assert (len(dataset), dataset.height, dataset.width) == (3, 32, 40)
    expected = RenderedPairs(3, SHAPE, editor).pair(2)
    for side, picture in zip(("train_A", "train_B"), expected, strict=True):
        np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / f"pairs/{side}/000002.png")), picture)
    record = EditRecord.read(tmp_path / "pairs" / "edit.json")
    assert (record.attribute, record.reason, record.kept) == ("night", "rendered", 3)


def test_a_label_or_shape_that_there_is_not_is_named_before_anything_is_drawn(tmp_path):
    with pytest.raises(SceneshiftError, match=r"editors \(dusk\): found the label 'light', expected natural_light"):
        render_pairs(tmp_path / "pairs", editor=EditorSettings(name="dusk", labels={"light": 0.3}))
    with pytest.raises(SceneshiftError, match="sides from 16 to 1024 pixels, found 2048 x 64"):
        render_pairs(tmp_path / "pairs", editor=NIGHT, shape=(2048, 64))
    assert not (tmp_path / "pairs").exists()
