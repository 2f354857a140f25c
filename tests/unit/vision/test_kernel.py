import numpy as np
import pytest

from sceneshift.vision import kernel
from sceneshift.vision.kernel import kernel_distance, mean_kernel_distance


def draws(count, mean, seed):
    return np.random.default_rng(seed).normal(mean, 1, (count, 16))


def distance(a, b):
    return kernel_distance(a, b, np.random.default_rng(0))


def test_it_is_the_definition():
    a, b = draws(5, 0, 0), draws(4, 0.5, 1)

    def k(x, y):
        return (x @ y / 16 + 1) ** 3

    within = [np.mean([k(x, y) for i, x in enumerate(s) for j, y in enumerate(s) if i != j]) for s in (a, b)]
    between = np.mean([k(x, y) for x in a for y in b])
    assert distance(a, b)[0] == pytest.approx(sum(within) - 2 * between, rel=1e-12)


def test_it_is_unbiased_and_its_interval_holds_zero_for_two_halves_of_one():
    found = [distance(draws(30, 0, seed), draws(30, 0, 1000 + seed)) for seed in range(60)]
    at_zero = [one[0] for one in found]
    assert abs(np.mean(at_zero)) < 3 * np.std(at_zero) / np.sqrt(60)
    held = [np.nanquantile(one[1:], 0.025) <= 0 <= np.nanquantile(one[1:], 0.975) for one in found]
    assert np.mean(held) > 0.85
    assert np.nanquantile(distance(draws(30, 0, 0), draws(30, 1, 1))[1:], 0.025) > 0


def test_a_picture_alone_has_no_distance():
    assert np.isnan(distance(draws(1, 0, 0), draws(5, 0, 1))[0])


def test_the_mean_over_subsets_is_that_of_all_where_a_subset_is_all(monkeypatch):
    a, b = draws(12, 0, 0), draws(12, 0.5, 1)
    rng = np.random.default_rng(0)
    assert mean_kernel_distance(a, b, rng) == pytest.approx(distance(a, b)[0], rel=1e-12)
    monkeypatch.setattr(kernel, "SUBSET_SIZE", 6)
    monkeypatch.setattr(kernel, "SUBSETS", 3000)
    assert mean_kernel_distance(a, b, rng) == pytest.approx(distance(a, b)[0], rel=0.03), "each subset is unbiased"
