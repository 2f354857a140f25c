"""Dose and response: in closed form, whatever the batches, with intervals that agree with the plain bootstrap."""

import numpy as np
import pytest

from sceneshift.evaluation.dose import (
    Curve,
    Response,
    Responses,
    Scores,
    own_curves,
    read_responses,
    strength_for_all,
    write_responses,
)
from sceneshift.runtime.bootstrap import interval_of_mean
from sceneshift.runtime.errors import SceneshiftError

STRENGTHS = (0.5, 1.0, 2.0)


def scores_of(photos, seed=0):
    """A score that moves by a photo's own slope times strength; and one that all photos have alike."""
    rng = np.random.default_rng(seed)
    before = np.stack([1e4 + rng.normal(0, 2, photos), np.full(photos, 0.3)], axis=1)
    slopes = rng.normal(3, 1, photos)
    after = np.stack([before + s * np.stack([slopes, slopes], axis=1) for s in STRENGTHS])
    return before, after, slopes


def responses_of(before, after, batch):
    responses = Responses(STRENGTHS)
    for start in range(0, len(before), batch):
        part = slice(start, start + batch)
        responses.add({name: Scores(["light", "flat"], before[part], after[:, part]) for name in ("judge:a", "pixels")})
    return responses.rows("light", "less")


def test_means_and_spread_in_closed_form():
    before, after, slopes = scores_of(200)
    rows = {(row.scorer, row.attribute, row.strength): row for row in responses_of(before, after, 64)}
    assert len(rows) == 2 * 2 * 3
    for s in STRENGTHS:
        row = rows["judge:a", "light", s]
        assert row.photos == 200
        assert row.spread == pytest.approx(before[:, 0].std())
        assert row.change == pytest.approx(s * slopes.mean() / before[:, 0].std())
        assert (row.before, row.after) == pytest.approx((before[:, 0].mean(), before[:, 0].mean() + s * slopes.mean()))
        assert rows["pixels", "light", s].change == pytest.approx(s * slopes.mean())
    assert rows["judge:a", "flat", 1.0].change is None
    assert {row.direction for row in rows.values() if row.scorer == "judge:a" and row.attribute == "light"} == {"less"}
    assert {row.direction for row in rows.values() if (row.scorer, row.attribute) != ("judge:a", "light")} == {""}


def test_intervals_are_those_of_the_plain_bootstrap_but_for_chance():
    before, after, slopes = scores_of(200)
    row = next(row for row in responses_of(before, after, 50) if row.scorer == "pixels" and row.strength == 1)
    assert (row.low, row.high) == pytest.approx(interval_of_mean(slopes, np.random.default_rng(1)), abs=0.03)


def test_batches_do_not_matter_and_memory_is_that_of_one_photo():
    before, after, _ = scores_of(30)
    one, other = responses_of(before, after, 7), responses_of(before, after, 30)
    for a, b in ((a, b) for a, b in zip(one, other, strict=True) if a.change is not None):
        assert (a.change, a.low, a.high, a.spread) == pytest.approx((b.change, b.low, b.high, b.spread), rel=1e-6)
    few, many = Responses(STRENGTHS), Responses(STRENGTHS)
    for _ in range(2):
        few.add({"a": Scores(["light", "flat"], before[:2], after[:, :2])})
    for _ in range(20):
        many.add({"a": Scores(["light", "flat"], before[:2], after[:, :2])})
    size = lambda responses: sum(array.nbytes for array in responses._sums["a"].values())  # noqa: E731
    assert size(few) == size(many)


def test_a_single_photo_has_no_interval():
    before, after, _ = scores_of(1)
    assert {(row.low, row.high) for row in responses_of(before, after, 1)} == {(None, None)}


CURVE = Curve("judge:a", "light", -2.0, [0.5, 1.0, 2.0, 3.0], [0.4, 1.0, 1.96, 2.0])


@pytest.mark.parametrize(("effect", "strength"), [(0.2, 0.25), (0.4, 0.5), (0.7, 0.75), (1.48, 1.5), (2.0, 3.0)])
def test_the_strength_for_an_effect_is_linear_between_those_measured(effect, strength):
    assert CURVE.strength_for(effect) == pytest.approx(strength)
    assert strength_for_all(CURVE, effect) == pytest.approx(strength)


def test_an_effect_beyond_the_measured_range_is_refused():
    assert CURVE.strength_for(2.01) is None
    with pytest.raises(SceneshiftError, match=r"--effect 2\.5: .*judge:a saw light move by 2\.00 .* up to 3"):
        strength_for_all(CURVE, 2.5)


def test_a_curve_saturates_where_it_has_reached_most_of_its_largest_change():
    assert CURVE.saturation == 2.0
    assert Curve("a", "b", 1.0, [0.5, 1.0, 2.0], [0.5, 1.0, 2.0]).saturation is None
    assert Curve("a", "b", 1.0, [0.5, 1.0, 2.0], [1.0, 0.2, -1.0]).saturation == 0.5
    assert Curve("a", "b", 1.0, [0.5, 1.0], [-1.0, -2.0]).saturation is None


def test_the_table_is_read_back_and_knows_its_translator(tmp_path):
    for name in ("t", "other"):
        (tmp_path / name).write_text(name)
    rows = [Response("judge:a", "light", "less", s, 9, 0.5, 0.25, 0.5, -0.5 * s, None, None) for s in (0.5, 1.0)]
    write_responses(tmp_path / "t.csv", rows, tmp_path / "t")
    assert read_responses(tmp_path / "t.csv", tmp_path / "t") == rows
    assert own_curves(rows) == [Curve("judge:a", "light", -0.5, [0.5, 1.0], [0.25, 0.5])]
    with pytest.raises(SceneshiftError, match="measured on another translator"):
        read_responses(tmp_path / "t.csv", tmp_path / "other")
