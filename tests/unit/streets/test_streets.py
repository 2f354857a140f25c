"""Rendered streets: the same scene always, and each label by itself."""

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from sceneshift.images.structure import structure
from sceneshift.streets import LABELS, draw_street, render_street, street_labels
from sceneshift.streets.buildings import buildings_of
from sceneshift.streets.draws import Draws
from sceneshift.streets.film import Film
from sceneshift.streets.looks import FLAT
from sceneshift.streets.plan import plan_of
from sceneshift.streets.shadows import SunRays
from sceneshift.streets.weather import Air

SHAPE = (64, 64)
CLEAR = {"natural_light": 0.9, "sunny": 0.0, "clouds": 0.0, "fog": 0.0, "rain": 0.0, "snow": 0.0, "season": 0.0}


def luminance(picture: np.ndarray) -> np.ndarray:
    return picture.astype(np.float64) @ (0.299, 0.587, 0.114)


def reach(mask: np.ndarray, film: Film) -> np.ndarray:
    """Pixels that a change of the pixels in `mask` can reach through the camera: sharpening looks one pixel far, JPEG
    mixes blocks of 8 x 8."""
    mask = ndimage.binary_dilation(mask, np.ones((3, 3)))
    if film.quality is None:
        return mask
    blocks = mask.reshape(mask.shape[0] // 8, 8, mask.shape[1] // 8, 8).any((1, 3))
    return blocks.repeat(8, 0).repeat(8, 1)


def changed(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (a != b).any(2)


def film_of(index: int) -> Film:
    draws = Draws(0, index)
    return Film(draws, plan_of(draws))


def test_a_street_is_a_function_of_seed_and_index():
    first = render_street(3, 17, SHAPE)
    render_street(4, 1, (48, 80))
    np.testing.assert_array_equal(first, render_street(3, 17, SHAPE))
    assert first.dtype == np.uint8
    assert first.shape == (*SHAPE, 3)
    assert not np.array_equal(first, render_street(3, 18, SHAPE))
    assert not np.array_equal(first, render_street(4, 17, SHAPE))


def test_a_given_label_that_is_the_streets_own_changes_nothing():
    for index in range(4):
        own = dict(zip(LABELS, street_labels(0, index).tolist(), strict=True))
        np.testing.assert_array_equal(render_street(0, index, SHAPE), render_street(0, index, SHAPE, **own))


def test_labels_are_spread_and_independent():
    labels = np.stack([street_labels(1, index) for index in range(2000)])
    assert labels.dtype == np.float32
    assert labels.min() >= 0
    assert labels.max() <= 1
    assert ((labels < 0.1).mean(0) > 0.15).all()
    assert ((labels > 0.9).mean(0) > 0.06).all()
    assert np.abs(np.corrcoef(labels.T) - np.eye(len(LABELS))).max() < 0.08


@pytest.mark.parametrize("shape", [(16, 16), (32, 57), (90, 51), (40, 120), (129, 65), (33, 512)])
def test_any_shape(shape):
    view = draw_street(0, 2, shape)
    assert view.picture.shape == (*shape, 3)
    assert view.sky.shape == shape
    assert view.picture.std() > 8


def test_every_size_shows_the_same_scene():
    for index in range(6):
        small, large = (render_street(0, index, (side, side), **CLEAR) for side in (64, 192))
        reduced = np.asarray(Image.fromarray(large).resize((64, 64), Image.Resampling.BOX), np.float64)
        assert np.corrcoef(small.ravel(), reduced.ravel())[0, 1] > 0.95
        assert abs(small.mean() - reduced.mean()) < 4


def test_outlines_are_antialiased():
    """Along the sky's outline pixels hold shares between none and all, in many steps."""
    steps = set()
    for index in range(8):
        sky = draw_street(0, index, SHAPE, **CLEAR).sky
        rim = ndimage.binary_dilation(sky > 0) & ndimage.binary_dilation(sky < 1)
        if rim.any():
            assert ((sky > 0) & (sky < 1))[rim].mean() > 0.2
        steps |= set(np.round(sky[rim], 3).tolist())
    assert len(steps) >= 9


@pytest.mark.parametrize("label", ["natural_light", "sunny", "clouds", "fog", "rain", "snow"])
def test_light_and_weather_move_nothing(label):
    for index in range(5):
        low, high = (draw_street(0, index, SHAPE, **{label: value}) for value in (0.0, 1.0))
        for name in ("sky", "greenery", "cars", "ground", "facades"):
            np.testing.assert_array_equal(getattr(low, name), getattr(high, name))
        assert changed(low.picture, high.picture).any() or label in ("clouds", "rain")


def test_clouds_change_the_sky_alone():
    for index in range(12):
        low, high = (draw_street(0, index, SHAPE, **{**CLEAR, "clouds": value}) for value in (0.0, 1.0))
        assert not changed(low.picture, high.picture)[~reach(low.sky > 0, film_of(index))].any()


def test_snow_leaves_walls_as_they_are():
    walls = 0
    for index in range(24):
        if Air(Draws(0, index), 0.0, 0.0, 1.0).flakes:
            continue  # flakes fall before the walls
        low, high = (draw_street(0, index, SHAPE, **{**CLEAR, "snow": value}) for value in (0.0, 1.0))
        apart = ~reach(low.facades < 1, film_of(index))
        walls += apart.sum()
        assert not changed(low.picture, high.picture)[apart].any()
        bare = (low.ground > 0.999) & (low.greenery == 0)
        if bare.sum() > 40:
            assert luminance(high.picture)[bare].mean() > luminance(low.picture)[bare].mean() + 25
    assert walls > 1000


def test_flakes_leave_most_of_the_sky_as_it_is():
    shares = []
    for index in range(60):
        if not Air(Draws(0, index), 0.0, 0.0, 1.0).flakes or film_of(index).quality is not None:
            continue
        low, high = (draw_street(0, index, (96, 96), **{**CLEAR, "snow": value}) for value in (0.0, 1.0))
        open_sky = low.sky > 0.999
        if open_sky.mean() > 0.1:
            shares.append(changed(low.picture, high.picture)[open_sky].mean())
    assert len(shares) >= 3
    assert 0.02 < np.mean(shares) < 0.6


def test_rain_changes_the_ground_alone():
    for index in range(24):
        if Air(Draws(0, index), 0.0, 1.0, 0.0).streaks:
            continue
        low, high = (draw_street(0, index, SHAPE, **{**CLEAR, "rain": value}) for value in (0.0, 1.0))
        film = film_of(index)
        assert not changed(low.picture, high.picture)[~reach(low.ground > 0, film)].any()


def test_wet_ground_is_darker_and_mirrors():
    dry, damp, wet = ([draw_street(0, k, SHAPE, **{**CLEAR, "rain": v}) for k in range(12)] for v in (0.0, 0.4, 1.0))
    shade = [
        [luminance(v.picture)[v.ground > 0.99].mean() for v in views if v.ground.max() > 0.99] for views in (dry, damp)
    ]
    assert np.mean(shade[1]) < 0.93 * np.mean(shade[0])
    # A mirror brings in the contrast of what stands above.
    rough = [
        [luminance(v.picture)[v.ground > 0.99].std() for v in views if v.ground.max() > 0.99] for views in (dry, wet)
    ]
    assert np.mean(rough[1]) > 1.08 * np.mean(rough[0])


def test_fog_takes_what_its_distance_says():
    """Clear air takes next to nothing; fog takes more from the horizon than from the ground at the camera's feet."""
    near, far = [], []
    for index in range(12):
        low, high = (draw_street(0, index, SHAPE, **{**CLEAR, "fog": value}) for value in (0.0, 1.0))
        contrast = [
            view.picture[rows].astype(float).std() for view in (low, high) for rows in (np.s_[56:], np.s_[26:34])
        ]
        near.append(contrast[2] / contrast[0])
        far.append(contrast[3] / contrast[1])
    assert np.median(far) < 0.8 * np.median(near)
    air = Air(Draws(0, 0), 1.0, 0.0, 0.0)
    np.testing.assert_allclose(air.veil(np.float32(20)), 1 - np.exp(-20 * air.extinction), rtol=1e-5)


def test_season_leaves_walls_and_sky_as_they_are():
    for index in range(10):
        low, high = (draw_street(0, index, SHAPE, **{**CLEAR, "season": value}) for value in (0.0, 1.0))
        both = np.minimum(low.facades, high.facades)
        assert not changed(low.picture, high.picture)[~reach(both < 1, film_of(index))].any()


def test_vegetation_changes_what_shows_plants():
    for index in range(10):
        low, high = (draw_street(0, index, SHAPE, **{**CLEAR, "vegetation": value}) for value in (0.0, 1.0))
        both = np.minimum(low.facades, high.facades)
        assert not changed(low.picture, high.picture)[~reach(both < 1, film_of(index))].any()


@pytest.mark.parametrize(
    ("label", "statistic", "others"),
    [
        ("natural_light", lambda v: luminance(v.picture).mean(), {"sunny": 0.5}),
        ("natural_light", lambda v: luminance(v.picture).mean(), {"snow": 1.0}),
        ("snow", lambda v: luminance(v.picture)[v.ground > 0.99].mean(), {}),
        ("snow", lambda v: luminance(v.picture)[v.ground > 0.99].mean(), {"natural_light": 0.1}),
        ("vegetation", lambda v: v.content["greenery"], {}),
        ("vertical_components", lambda v: -v.content["open_sky"], {"vegetation": 0.0}),
        ("fog", lambda v: -v.picture.astype(float).std((0, 1)).mean(), {}),
    ],
)
def test_a_label_shows_across_its_range(label, statistic, others):
    steps = []
    for value in (0.0, 0.33, 0.67, 1.0):
        views = [draw_street(2, k, (48, 48), **{**CLEAR, **others, label: value}) for k in range(12)]
        steps.append(np.nanmean([statistic(view) if (view.ground > 0.99).any() else np.nan for view in views]))
    assert all(np.diff(steps) > 0), steps


def test_a_houses_shadow_is_as_long_as_the_sun_says():
    """With the sun behind a house, at 45 degrees, its shadow reaches as far as the house is high."""
    every = [Draws(0, index) for index in range(8)]
    house = next(h for d in every for h in buildings_of(d, plan_of(d), 0.5) if h.look["roof"] == FLAT)
    sun = np.array([-house.outward[0], 1.0, -house.outward[1]]) / np.sqrt(2)
    away = np.linspace(0.5, 2 * house.height, 200)
    x, z = house.front[:, None] + house.outward[:, None] * away
    position = np.stack([x, 0 * x, z]).astype(np.float32)
    rays = SunRays(position, np.full(200, 0.02, np.float32), sun)
    rays.stop_at_house(house)
    np.testing.assert_array_equal(rays.free[away < house.height - 0.5], 0)
    np.testing.assert_array_equal(rays.free[away > house.height + 0.1], 1)


def test_night_has_lights():
    night = [draw_street(0, k, SHAPE, **{**CLEAR, "natural_light": 0.0}) for k in range(24)]
    bright = np.mean([(luminance(view.picture) > 150).mean() for view in night])
    dark = np.mean([(luminance(view.picture) < 60).mean() for view in night])
    assert 0.1 < np.mean([luminance(view.picture).mean() / 255 for view in night]) < 0.28
    assert bright > 0.01
    assert dark > 0.4


def test_lamps_light_what_the_day_shows():
    day, night = (np.stack([draw_street(0, k, SHAPE, **{**CLEAR, "natural_light": light}).picture for k in range(24)])
                  for light in (0.9, 0.0))  # fmt: skip
    assert structure(day, night).mean() > 0.57


def test_content_is_what_the_picture_shows():
    view = draw_street(0, 1, SHAPE)
    assert set(view.content) == {"open_sky", "greenery", "cars"}
    total = view.sky + view.ground + view.facades + view.cars
    assert total.max() < 1.0001
    assert view.content["open_sky"] == pytest.approx(view.sky.mean())


def test_impossible_requests_are_named():
    with pytest.raises(ValueError, match=r"unknown label 'dusk'.*natural_light"):
        render_street(0, 0, SHAPE, dusk=1.0)
    with pytest.raises(ValueError, match=r"snow = 1\.5"):
        render_street(0, 0, SHAPE, snow=1.5)
    with pytest.raises(ValueError, match="8 x 64"):
        render_street(0, 0, (8, 64))
    with pytest.raises(ValueError, match="64 x 1025"):
        render_street(0, 0, (64, 1025))


def test_drawing_needs_no_torch():
    code = """
import sys
from sceneshift.streets import render_street
render_street(0, 0, (32, 32))
print("torch" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
