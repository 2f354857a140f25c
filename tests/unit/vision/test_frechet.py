import numpy as np
import pytest
import scipy.linalg
import torch
from torch import nn

from sceneshift.runtime.errors import SceneshiftError
from sceneshift.vision.backbone import FEATURES
from sceneshift.vision.frechet import FeatureStatistics, FrechetMeter, distance_between


def closed_form(a: np.ndarray, b: np.ndarray) -> float:
    covariance_a, covariance_b = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = scipy.linalg.sqrtm(covariance_a @ covariance_b).real
    step = a.mean(0) - b.mean(0)
    return float(step @ step + np.trace(covariance_a + covariance_b - 2 * root))


def distance(a: np.ndarray, b: np.ndarray) -> float:
    return distance_between(*(FeatureStatistics(features.shape[1]).update(features) for features in (a, b)))


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(0)


def test_equals_the_closed_form_with_a_matrix_root(random):
    a = random.normal(size=(400, 12)) @ random.normal(size=(12, 12))
    b = random.normal(size=(300, 12)) @ random.normal(size=(12, 12)) + 0.7
    assert distance(a, b) == pytest.approx(closed_form(a, b), rel=1e-9)


def test_a_shift_alone_gives_its_squared_length(random):
    a = random.normal(size=(50, 6))
    assert distance(a, a + np.array([3, 4, 0, 0, 0, 0])) == pytest.approx(25, rel=1e-6)


def test_fewer_images_than_features_need_no_special_care(random):
    a, b = random.normal(size=(20, 200)), random.normal(size=(30, 200)) + 1
    # the nuclear norm of the product of both centered data matrices is the trace of the root, without any covariance
    x, y = ((data - data.mean(0)) / np.sqrt(len(data) - 1) for data in (a, b))
    step = a.mean(0) - b.mean(0)
    expected = step @ step + (x**2).sum() + (y**2).sum() - 2 * np.linalg.svd(x @ y.T, compute_uv=False).sum()
    assert distance(a, b) == pytest.approx(expected, rel=1e-6)
    assert distance(a, a) == pytest.approx(0, abs=1e-4)


def test_statistics_do_not_depend_on_batches(random):
    features = random.normal(size=(101, 5)) + 1000
    batches = FeatureStatistics(5)
    for start in range(0, 101, 7):
        batches.update(features[start : start + 7])
    np.testing.assert_allclose(batches.mean, features.mean(0), rtol=1e-12)
    np.testing.assert_allclose(batches.covariance, np.cov(features, rowvar=False), rtol=1e-9)


def test_a_single_image_is_too_few():
    with pytest.raises(SceneshiftError, match="at least 2 images"):
        distance(np.zeros((1, 3)), np.zeros((5, 3)))


class PixelFeatures(nn.Module):
    """A backbone whose features are the picture's own pixels."""

    def pooled(self, images: torch.Tensor) -> torch.Tensor:
        return images.flatten(1)[:, :FEATURES]


def test_meter_streams_batches_and_orders_worse_images_as_farther(random):
    photos = random.integers(0, 256, (80, 24, 24, 3), dtype=np.uint8)
    meter = FrechetMeter((photos[i : i + 13] for i in range(0, 80, 13)), PixelFeatures(), size=24)
    darker = [meter.distance([(photos * share).astype(np.uint8)]) for share in (1.0, 0.8, 0.5)]
    assert darker[0] == pytest.approx(0, abs=1e-3)
    assert darker[0] < darker[1] < darker[2]
