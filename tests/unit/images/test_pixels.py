"""Pixels to networks and back, luma, and sheets to look at."""

import numpy as np
import pytest
import torch
from PIL import Image

from sceneshift.images.luma import luminance, network_luminance
from sceneshift.images.pixels import from_uint8, rounded, to_uint8
from sceneshift.images.sheets import grid, sheet


@pytest.mark.parametrize("back", [to_uint8, rounded])
def test_pixels_survive_the_way_to_the_network_and_back(back):
    pixels = np.arange(256, dtype=np.uint8).repeat(3).reshape(1, 16, 16, 3)
    assert np.array_equal(back(from_uint8(pixels)), pixels)
    assert np.array_equal(back(from_uint8(torch.from_numpy(pixels))), pixels)
    assert back(torch.tensor([-5.0, 5.0]).repeat(3, 1).reshape(1, 3, 1, 2))[0, 0, :, 0].tolist() == [0, 255]


def test_luma_is_rec_601_in_zero_to_one():
    pixels = np.array([[[[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]]]], np.uint8)
    np.testing.assert_allclose(luminance(pixels)[0, 0], [0.299, 0.587, 0.114, 1], rtol=1e-6)
    np.testing.assert_allclose(network_luminance(from_uint8(pixels))[0, 0], luminance(pixels)[0, 0], rtol=1e-6)


def test_grid_goes_row_by_row():
    images = np.arange(7, dtype=np.uint8)[:, None, None, None] * np.ones((7, 2, 2, 3), np.uint8)
    assert np.asarray(grid(images, columns=3))[::2, ::2, 0].tolist() == [[0, 1, 2], [3, 4, 5]]


def test_a_sheet_has_its_pictures_in_columns_under_titles():
    columns = [np.full((2, 4, 6, 3), level, np.uint8) for level in (10, 200)]
    plain = np.asarray(sheet(columns, enlarged=2))
    assert np.array_equal(plain, np.repeat(np.array([10, 200], np.uint8), 12)[None, :, None].repeat(16, 0).repeat(3, 2))
    titled = sheet(columns, ["one", "two"], gap=4, enlarged=2, smooth=True)
    assert titled.size == (28, 24 + 20)
    assert titled.getpixel((14, 40)) == (255, 255, 255)
    assert titled.getpixel((20, 40)) == (200, 200, 200)
    assert np.asarray(titled.crop((0, 0, 28, 24)).convert("L")).min() < 128, "no title"
    assert isinstance(titled, Image.Image)
