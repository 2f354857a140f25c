"""Rendered streets: the same scene always, and each label visible by itself."""

import numpy as np
import pytest
from PIL import Image

from sceneshift.cartoons.render import LABELS, _spread, render_street
from sceneshift.cartoons.scene import scene_of
from sceneshift.cartoons.sky import paint_sky


def luminance(picture: np.ndarray) -> np.ndarray:
    return picture.astype(np.float64) @ (0.299, 0.587, 0.114)


def edges(picture: np.ndarray) -> np.ndarray:
    down, right = np.gradient(luminance(picture))
    return np.hypot(down, right).ravel()


def green_share(picture: np.ndarray) -> float:
    red, green, blue = np.moveaxis(picture.astype(np.float64), -1, 0)
    return float(((green > 1.05 * red) & (green > 1.05 * blue)).mean())


def ground_luminance(picture: np.ndarray) -> float:
    return float(luminance(picture[len(picture) * 2 // 3 :]).mean())


def facade_height(picture: np.ndarray) -> float:
    """Mean change against the picture's top middle, where the sky is, in its upper half."""
    sky = picture[: len(picture) // 2].astype(np.float64)
    middle = sky[:, sky.shape[1] // 2 - 3 : sky.shape[1] // 2 + 3].mean((0, 1))
    return float(np.abs(sky - middle).mean())


def cloud_cover(picture: np.ndarray) -> float:
    """How grey the upper middle is: blue sky has far more blue than red."""
    sky = picture[: len(picture) // 3, 24:40].astype(np.float64)
    return float((sky[..., 0] / sky[..., 2]).mean())


def test_a_street_is_a_function_of_seed_and_index():
    again, labels = render_street(3, 17, 64)
    render_street(4, 1, 64)
    picture, same_labels = render_street(3, 17, 64)
    np.testing.assert_array_equal(picture, again)
    np.testing.assert_array_equal(labels, same_labels)
    assert not np.array_equal(picture, render_street(3, 18, 64)[0])
    assert not np.array_equal(picture, render_street(4, 17, 64)[0])
    assert picture.dtype == np.uint8
    assert picture.shape == (64, 64, 3)
    assert labels.dtype == np.float32
    assert labels.shape == (5,)


def test_wider_pictures_see_more_of_the_same_street_to_both_sides():
    for index in range(6):
        square, labels = render_street(3, index, 64, labels={"clouds": 0})
        for width in (80, 128, 256):
            wide, wide_labels = render_street(3, index, (64, width), labels={"clouds": 0})
            assert wide.shape == (64, width, 3)
            np.testing.assert_array_equal(wide_labels, labels)
            beside = (width - 64) // 2
            assert np.abs(wide[:, beside : beside + 64].astype(int) - square).mean() < 0.5


def test_the_widest_pictures_are_street_to_their_edges():
    """Hedges go on until they leave the picture, and tall houses leave no sky beside it."""

    def picture(index, **labels):
        return render_street(3, index, (64, 256), labels={"natural_light": 1, **labels})[0].astype(int)

    for index in range(12):
        grown = np.abs(picture(index, vegetation=1) - picture(index, vegetation=0)).max(axis=2)
        for half in (grown[:, :128], grown[:, :127:-1]):
            assert max(half[-1].max(), half[32:, 0].max()) > 10  # at the bottom, or at the side
        tall = {"vegetation": 0, "vertical_components": 1}
        sides = [picture(index, clouds=clouds, **tall)[:, [0, 255]] for clouds in (0, 1)]
        np.testing.assert_array_equal(*sides)


@pytest.mark.parametrize("resolution", [32, 128, 256])
def test_every_resolution_shows_the_same_scene(resolution):
    for index in range(6):
        small, labels = render_street(0, index, 64)
        other, other_labels = render_street(0, index, resolution)
        np.testing.assert_array_equal(labels, other_labels)
        side = min(resolution, 64)
        a, b = (
            np.asarray(Image.fromarray(p).resize((side, side), Image.Resampling.BOX), np.float64)
            for p in (small, other)
        )
        assert np.corrcoef(a.ravel(), b.ravel())[0, 1] > 0.98
        assert abs(a.mean() - b.mean()) < 2


def test_a_wide_picture_holds_the_square_one():
    square, _ = render_street(0, 5, 64)
    wide, _ = render_street(0, 5, (64, 128))
    assert wide.shape == (64, 128, 3)
    ground = np.s_[40:, :]  # clouds are spread over the wider sky
    assert np.corrcoef(edges(square[ground]), edges(wide[:, 32:96][ground]))[0, 1] > 0.99


def test_labels_are_spread_and_independent():
    labels = np.stack([_spread(uniform) for uniform in np.random.default_rng(1).random((3000, 5, 2))])
    assert labels.min() >= 0
    assert labels.max() <= 1
    assert ((labels < 0.1).mean(0) > 0.15).all()
    assert ((labels > 0.9).mean(0) > 0.15).all()
    assert (((labels > 0.3) & (labels < 0.7)).mean(0) > 0.15).all()
    assert np.abs(np.corrcoef(labels.T) - np.eye(5)).max() < 0.08


@pytest.mark.parametrize(
    ("label", "statistic", "others"),
    [
        ("natural_light", lambda p: luminance(p).mean(), {}),
        ("vegetation", green_share, {}),
        ("vegetation", green_share, {"natural_light": 0.2}),
        ("vegetation", green_share, {"snow": 1.0}),
        ("clouds", cloud_cover, {"vertical_components": 0.5}),
        ("clouds", cloud_cover, {"natural_light": 0.0, "vertical_components": 0.5}),
        ("snow", ground_luminance, {"natural_light": 1.0}),
        ("snow", ground_luminance, {"natural_light": 0.0}),
        ("vertical_components", facade_height, {"clouds": 0.0, "natural_light": 1.0, "vegetation": 0.0}),
    ],
)
def test_a_label_shows_across_its_range_whatever_the_others(label, statistic, others):
    steps = [
        np.mean([statistic(render_street(2, i, 64, labels={**others, label: v})[0]) for i in range(24)])
        for v in (0.0, 0.25, 0.5, 0.75, 1.0)
    ]
    assert all(np.diff(steps) > 0), steps
    assert steps[-1] > 1.25 * steps[0], steps


@pytest.mark.parametrize("clouds", [0.2, 0.5, 0.8])
def test_clouds_cover_their_share_of_the_sky(clouds):
    covered = []
    for index in range(40):
        scene = scene_of(np.random.Generator(np.random.Philox(index)))
        across = (np.arange(64) + 0.5) / 64 - 0.5 - scene.shift_x
        rise = scene.horizon - (np.arange(64)[:, None] + 0.5) / 64
        free = (np.abs(across) < 0.08 + 0.34 * rise / scene.horizon) & (rise > 0.05)  # of facades
        change = np.abs(paint_sky(scene, 64, 64, clouds, 1.0) - paint_sky(scene, 64, 64, 0.0, 1.0)).sum(-1)
        covered.append((change[free] > 40).mean())
    assert np.mean(covered) == pytest.approx(clouds, abs=0.09)
    assert np.std(covered) < 0.05


def test_an_override_leaves_everything_else():
    changed = {}
    for label in LABELS:
        for index in range(12):
            low, low_labels = render_street(5, index, 64, labels={label: 0.0})
            high, high_labels = render_street(5, index, 64, labels={label: 1.0})
            kept = [k for k, name in enumerate(LABELS) if name != label]
            np.testing.assert_array_equal(low_labels[kept], high_labels[kept])
            assert high_labels[LABELS.index(label)] == 1
            changed.setdefault(label, []).append(np.abs(low.astype(int) - high).max(-1) > 3)
    share = {label: np.mean(masks, axis=0) for label, masks in changed.items()}
    # Vegetation leaves the sky's top and the road's middle; clouds leave the ground; snow leaves the sky.
    assert share["vegetation"][:8, 24:40].max() == 0
    assert share["vegetation"][48:, 24:40].max() == 0
    assert share["clouds"][44:].max() == 0
    assert share["snow"][:4, 31:33].max() == 0
    assert share["vertical_components"][44:, 28:36].max() == 0


def test_night_dims_by_multiplication_and_keeps_the_edges():
    for index in range(12):
        day, _ = render_street(6, index, 64, labels={"natural_light": 1.0})
        night, _ = render_street(6, index, 64, labels={"natural_light": 0.1})
        assert luminance(night[:21]).mean() < 0.5 * luminance(day[:21]).mean()
        assert np.corrcoef(edges(day), edges(night))[0, 1] > 0.7
    pairs = [[render_street(6, i, 64, labels={"natural_light": v})[0] for v in (0.1, 1.0)] for i in range(12)]
    assert np.mean([np.corrcoef(edges(a), edges(b))[0, 1] for a, b in pairs]) > 0.85


def test_impossible_requests_are_named():
    with pytest.raises(ValueError, match=r"unknown label 'rain'.*natural_light"):
        render_street(0, 0, 64, labels={"rain": 1})
    with pytest.raises(ValueError, match=r"snow = 1\.5"):
        render_street(0, 0, 64, labels={"snow": 1.5})
    with pytest.raises(ValueError, match="resolution 4"):
        render_street(0, 0, 4)
