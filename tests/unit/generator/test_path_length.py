"""Perceptual path length where it is known: of pictures that are linear in w, it is the codes' squared distance."""

import numpy as np
import pytest
import torch

from sceneshift.generator.path_length import path_length, path_lengths
from sceneshift.vision.likeness import likeness_features, shrunk


class Linear:
    """w is z, and a picture is w as it stands."""

    def mapping(self, z):
        return z

    def synthesis(self, w):
        return w.reshape(-1, 1, 1, w.shape[1])


def test_of_a_linear_generator_it_is_the_squared_distance_of_the_codes():
    z = torch.randn(50, 2, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    lengths = path_lengths(Linear(), z.split(7), lambda images: images.flatten(1))
    np.testing.assert_allclose(lengths, (z[:, 0] - z[:, 1]).square().sum(1), rtol=1e-6)


def test_the_outer_hundredths_do_not_count():
    lengths = np.arange(1000.0)
    lengths[-1] = 1e9
    assert path_length(lengths) == pytest.approx(np.arange(9, 991).mean(), abs=1)


def test_likeness_is_the_mean_over_places_of_what_directions_differ_by():
    def stages(images):
        return [images, 3 * images[:, :2, ::2, ::2]]

    torch.manual_seed(0)
    a, b = torch.rand(2, 4, 3, 8, 8)  # pictures in [0, 1], given in [-1, 1]
    expected = torch.zeros(4)
    for x, y in zip(stages(a), stages(b), strict=True):
        x, y = (m / m.norm(dim=1, keepdim=True) for m in (x, y))
        expected += (x - y).square().sum(1).mean((1, 2))
    found = (likeness_features(2 * a - 1, stages) - likeness_features(2 * b - 1, stages)).square().sum(1)
    torch.testing.assert_close(found, expected)
    assert shrunk(torch.zeros(1, 3, 1024, 2048)).shape == (1, 3, 256, 512)
    assert shrunk(torch.zeros(1, 3, 300, 300)).shape == (1, 3, 300, 300)
