"""Structure, SSIM and the backbone's distance: what counts as the same picture."""

import numpy as np
import pytest
from PIL import Image, ImageFilter

from sceneshift.evaluation.pixels import backbone_distance
from sceneshift.images.luma import luminance
from sceneshift.images.ssim import ssim
from sceneshift.images.structure import structure
from sceneshift.streets import render_street
from sceneshift.vision.backbone import load_backbone


@pytest.fixture(scope="module")
def streets() -> np.ndarray:
    return np.stack([render_street(5, index, (64, 64)) for index in range(4)])


def blurred(images: np.ndarray, radius: float) -> np.ndarray:
    pictures = (Image.fromarray(image).filter(ImageFilter.GaussianBlur(radius)) for image in images)
    return np.stack([np.asarray(picture) for picture in pictures])


@pytest.mark.parametrize("likeness", [structure, ssim])
def test_a_picture_is_wholly_like_itself_and_less_like_its_blurred_self(likeness, streets):
    np.testing.assert_allclose(likeness(streets, streets), 1)
    mild, strong = likeness(streets, blurred(streets, 0.7)), likeness(streets, blurred(streets, 2))
    assert (mild < 1).all()
    assert (mild > strong).all()


def test_structure_does_not_see_light_but_sees_another_street(streets):
    assert (structure(streets, (streets * 0.4).astype(np.uint8)) > 0.98).all()
    assert (structure(streets, streets[::-1]) < 0.7).all()


def test_structure_is_the_correlation_of_gradient_magnitudes(streets):
    a, b = streets[:1], streets[1:2]
    magnitudes = [np.hypot(*np.gradient(luminance(images)[0])).ravel() for images in (a, b)]
    assert structure(a, b)[0] == pytest.approx(np.corrcoef(*magnitudes)[0, 1], abs=1e-5)


def test_structure_of_flat_pictures_is_defined():
    flat, other = np.full((1, 16, 16, 3), 90, np.uint8), np.full((1, 16, 16, 3), 10, np.uint8)
    edge = flat.copy()
    edge[:, :, 8:] = 0
    assert structure(flat, other) == 1
    assert structure(flat, edge) == 0


def test_ssim_equals_the_formula_written_out_for_one_window():
    random = np.random.default_rng(0)
    a, b = random.integers(0, 256, (2, 1, 11, 11, 3), dtype=np.uint8)
    weight = np.exp(-0.5 * (np.arange(-5, 6) / 1.5) ** 2)
    weight = np.outer(weight, weight) / weight.sum() ** 2
    x, y = luminance(a)[0].astype(float), luminance(b)[0].astype(float)
    mx, my = (weight * x).sum(), (weight * y).sum()
    vx, vy = (weight * (x - mx) ** 2).sum(), (weight * (y - my) ** 2).sum()
    cxy = (weight * (x - mx) * (y - my)).sum()
    c1, c2 = 0.01**2, 0.03**2
    expected = (2 * mx * my + c1) * (2 * cxy + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2))
    assert ssim(a, b)[0] == pytest.approx(expected, rel=1e-6)


def test_different_shapes_are_errors(streets):
    for likeness in (structure, ssim):
        with pytest.raises(ValueError, match="one shape"):
            likeness(streets, streets[:, :32])


def test_backbone_distance_grows_with_the_change(streets):
    backbone = load_backbone()
    distances = [backbone_distance(streets, blurred(streets, radius), backbone, 64) for radius in (0, 0.7, 2)]
    np.testing.assert_allclose(distances[0], 0, atol=1e-6)
    assert (distances[0] < distances[1]).all()
    assert (distances[1] < distances[2]).all()
