"""Precision, recall, density and coverage against their definitions and on cases where they are known."""

import numpy as np
import pytest

from sceneshift.runtime.errors import SceneshiftError
from sceneshift.vision import neighbors
from sceneshift.vision.neighbors import density_coverage, neighborhoods, precision_recall


def draws(count, seed, mean=0.0, deviation=1.0):
    return np.random.default_rng(seed).normal(mean, deviation, (count, 8)).astype(np.float32)


def by_definition(centers, points, k):
    between = np.linalg.norm(centers[:, None] - centers[None], axis=2)
    radius = np.sort(between, axis=1)[:, k]  # without itself, which comes first
    return np.linalg.norm(centers[:, None] - points[None], axis=2) <= radius[:, None]


@pytest.mark.parametrize("k", [1, 3, 5])
def test_neighborhoods_are_the_definition_whatever_the_blocks(k, monkeypatch):
    centers, points = draws(40, 0), draws(30, 1, 0.3)
    expected = by_definition(centers, points, k)
    for block in (1024, 7):
        monkeypatch.setattr(neighbors, "BLOCK", block)
        of_centers, of_points = neighborhoods(centers, points, k)
        np.testing.assert_array_equal(of_centers, expected.sum(1))
        np.testing.assert_array_equal(of_points, expected.sum(0))


def test_the_four_figures_are_the_papers_formulas():
    real, made = draws(60, 0), draws(50, 1, 0.5, 0.7)
    found = precision_recall(real, made) | density_coverage(real, made)
    in_real = by_definition(real, made, 3)
    assert found["precision"] == pytest.approx(in_real.any(0).mean())
    assert found["recall"] == pytest.approx(by_definition(made, real, 3).any(0).mean())
    in_real = by_definition(real, made, 5)
    assert found["density"] == pytest.approx(in_real.sum() / (5 * 50))
    assert found["coverage"] == pytest.approx(in_real.any(1).mean())


def test_they_tell_collapse_from_distance():
    real = draws(300, 0)
    assert precision_recall(real, draws(300, 1, 40)) == {"precision": 0, "recall": 0}
    assert density_coverage(real, draws(300, 1, 40)) == {"density": 0, "coverage": 0}
    collapsed = draws(300, 1, 0, 0.01)
    assert precision_recall(real, collapsed)["precision"] == 1
    assert precision_recall(real, collapsed)["recall"] < 0.05
    assert density_coverage(real, draws(300, 2))["coverage"] > 0.9 > density_coverage(real, collapsed)["coverage"]


def test_too_few_pictures_are_refused():
    with pytest.raises(SceneshiftError, match="5 nearest neighbors need more than 5 pictures, found 5"):
        density_coverage(draws(5, 0), draws(9, 1))
