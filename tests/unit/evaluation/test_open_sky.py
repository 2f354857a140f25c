import numpy as np

from sceneshift.evaluation.open_sky import open_sky
from sceneshift.evaluation.pixels import pixel_facts
from sceneshift.streets import draw_street, render_street

SEED, RESOLUTION = 3, 64
SHAPE = (RESOLUTION, 80)
DAY = {"natural_light": 0.9, "fog": 0, "rain": 0, "snow": 0, "season": 0}  # no lamp that a tree could hide


def test_open_sky_is_sky_that_trees_leave_as_it_is():
    seen = 0
    for index in range(6):
        sky = open_sky(SEED, index, SHAPE)
        seen += sky.any()
        for vegetation in (0.0, 1.0):
            assert (draw_street(SEED, index, SHAPE, vegetation=vegetation).sky[sky] > 0.999).all()
        assert not sky[RESOLUTION * 2 // 3 :].any()
    assert seen >= 3


def test_a_tint_of_the_sky_is_measured_and_trees_are_not():
    before, lush = (np.stack([render_street(SEED, i, SHAPE, vegetation=v, **DAY) for i in range(6)]) for v in (0, 1))
    skies = np.stack([open_sky(SEED, i, SHAPE) for i in range(6)])
    tinted = np.clip(before * np.array([0.8, 1.1, 0.8]), 0, 255).astype(np.uint8)
    assert np.nanmedian(pixel_facts(before, lush, skies)["sky_shift"][1]) < 0.002  # JPEG blurs some
    assert np.nanmin(pixel_facts(before, tinted, skies)["sky_shift"][1]) > 0.08
    green_before, green_lush = pixel_facts(before, lush, skies)["green_view"]
    assert (green_lush > green_before).all()


def test_photos_without_sky_have_no_sky_color():
    images = np.stack([render_street(SEED, i, SHAPE) for i in range(2)])
    skies = np.zeros((2, *SHAPE), bool)
    skies[1, :8] = True
    before, after = pixel_facts(images, images, skies)["sky_shift"]
    assert np.isnan([before[0], after[0]]).all()
    assert after[1] == 0
