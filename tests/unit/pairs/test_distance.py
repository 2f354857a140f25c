"""The step search: the smallest that reaches the target, within the bound on structure."""

import pytest

from sceneshift.pairs.distance import STEPS, find_distance


def test_smallest_step_that_reaches_the_target():
    found = find_distance(lambda d: (d / 4, 1 - d / 40), deviation=0.5, target_effect=1.0)
    assert found.reason == "target"
    assert found.point.effect >= 1
    assert found.point.distance == pytest.approx(4, abs=0.06)  # 8 standard deviations of 0.5
    assert found.point.deviations == pytest.approx(found.point.distance / 0.5)
    steps = [point.deviations for point in found.curve]
    assert steps == sorted(steps)
    assert set(STEPS[:4]) <= set(steps)


def test_structure_bounds_the_step():
    found = find_distance(lambda d: (d / 10, 1 - d / 5), deviation=1.0, target_effect=1.0, structure_bound=0.4)
    assert found.reason == "structure"
    assert found.point.structure >= 0.4
    assert found.point.distance == pytest.approx(3, abs=0.1)


def test_an_effect_that_falls_again_gives_its_largest():
    found = find_distance(lambda d: (min(d, 9 - d) / 10, 0.9), deviation=1.0, target_effect=1.0)
    assert found.reason == "reach"
    assert found.point.deviations == 4.5
    assert len(found.curve) == len(STEPS)


@pytest.mark.parametrize(("slope", "reason"), [(0.04, "reach"), (0.1, "structure")])
def test_a_saturated_effect_is_not_bought_with_structure(slope, reason):
    found = find_distance(lambda d: (0.9 * min(1, d / 2.9) + d / 1000, 1 - slope * d), deviation=1.0, target_effect=1.0)
    assert (found.reason, found.point.deviations) == (reason, 3.0)


def test_an_effect_the_wrong_way_is_kept_small():
    found = find_distance(lambda d: (-d, 0.9), deviation=1.0, target_effect=1.0)
    assert (found.reason, found.point.deviations) == ("reach", STEPS[0])
