"""Likeness to the truth, against closed forms."""

import numpy as np
import pytest

from sceneshift.evaluation.truth import likeness


def test_an_even_error_has_its_psnr():
    truth = np.full((2, 16, 16, 3), 100, np.uint8)
    found = likeness(truth + np.array([0, 51], np.uint8)[:, None, None, None], truth)
    assert found["psnr"] == pytest.approx([58.92, 20 * np.log10(5)], abs=0.01)


def test_the_truth_itself_is_as_near_as_can_be():
    truth = np.random.default_rng(0).integers(0, 256, (1, 16, 16, 3), np.uint8)
    found = likeness(truth, truth)
    assert found["ssim"] == pytest.approx([1])
    assert found["structure"] == pytest.approx([1])
