"""The closed formulas on pictures whose values are known."""

import numpy as np
import pytest

from sceneshift.runtime.errors import SceneshiftError
from sceneshift.scoring.kinds.photometric import FORMULAS, Photometric


def flat(*rgb):
    return np.broadcast_to(np.array(rgb, np.uint8), (1, 8, 8, 3))


def halves(left, right):
    picture = np.empty((1, 8, 8, 3), np.uint8)
    picture[:, :, :4], picture[:, :, 4:] = left, right
    return picture


@pytest.mark.parametrize(
    ("name", "images", "value"),
    [
        ("brightness", flat(255, 255, 255), 1),
        ("brightness", flat(255, 0, 0), 0.299),
        ("contrast", flat(9, 90, 200), 0),
        ("contrast", halves((0, 0, 0), (255, 255, 255)), 0.5),
        ("warmth", flat(255, 7, 0), 1),
        ("warmth", flat(0, 7, 51), -0.2),
        ("colourfulness", flat(99, 99, 99), 0),
        # rg = ±255, yb = 127.5 everywhere: spread 255, mean 127.5
        ("colourfulness", halves((255, 0, 0), (0, 255, 0)), 255 + 0.3 * 127.5),
        ("green_view", halves((10, 20, 10), (20, 20, 10)), 0.5),
        ("green_view", flat(10, 20, 30), 0),
        ("green_view", flat(30, 20, 30), 0),  # both differences negative: their product alone is not enough
    ],
)
def test_formula(name, images, value):
    assert FORMULAS[name](images)[0] == pytest.approx(value, abs=1e-4)


def test_columns_follow_the_order_asked_for():
    predictor = Photometric(["warmth", "brightness"])
    scores = predictor.score(np.concatenate([flat(255, 0, 0), flat(0, 0, 255)]))
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, [[1, 0.299], [-1, 0.114]], atol=1e-4)
    with pytest.raises(SceneshiftError, match=r"Unknown photometric attribute fog; known: brightness"):
        Photometric(["fog"])
