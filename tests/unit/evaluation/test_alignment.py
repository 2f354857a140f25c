"""Known zooms and shifts are found again, under an edit too."""

import numpy as np
import pytest
from PIL import Image

from sceneshift.evaluation.alignment import Alignment, align, residual
from sceneshift.images.structure import structure
from sceneshift.runtime.shipped import RESOURCES

SHAPE = (240, 320)


@pytest.fixture(scope="module")
def place():
    """A street, larger than what the photos of it show."""
    photo = Image.open(RESOURCES / "photos/opensfm-lund-05.jpg")
    return photo.resize((2 * 400, 2 * 300), Image.Resampling.LANCZOS)


def photo_of(place, zoom=1.0, down=0.0, across=0.0):
    """What a camera sees that zooms in, and moves the picture by so many pixels."""
    x, y = place.width / 2, place.height / 2
    scale = 2 / zoom
    left, top = x - (SHAPE[1] / 2 + across) * scale, y - (SHAPE[0] / 2 + down) * scale
    size = SHAPE[::-1]
    return np.asarray(place.transform(size, Image.Transform.AFFINE, (scale, 0, left, 0, scale, top), Image.BICUBIC))


def dusk(photo):
    """An edit of the light: darker, and darkest at the top."""
    return (photo * np.linspace(0.3, 0.7, len(photo))[:, None, None]).astype(np.uint8)


@pytest.mark.parametrize("edit", [lambda photo: photo, dusk], ids=["none", "dusk"])
@pytest.mark.parametrize(
    ("zoom", "down", "across"), [(1.04, 0, 0), (1, 0, 3.5), (1, -3.5, 0), (0.95, 2.25, -1.5), (1.1, 0, 6)]
)
def test_a_known_zoom_and_shift_are_found(place, zoom, down, across, edit):
    before, after = photo_of(place), edit(photo_of(place, zoom, down, across))
    found = align(before, after)
    assert found.zoom == pytest.approx(zoom, abs=5e-4)
    assert np.array([found.down, found.across]) * SHAPE[0] == pytest.approx([down, across], abs=0.05)
    rows, columns = found.shown(SHAPE)
    both = before[None, rows, columns], found.undone(after)[None, rows, columns]
    assert structure(before[None], after[None])[0] < 0.7 < 0.9 < structure(*both)[0]
    assert residual(both[0][0], both[1][0]) * SHAPE[0] < 0.1


def test_what_lies_where_it_lay_is_left_there(place):
    before = photo_of(place)
    assert align(before, dusk(before)) == align(before, before) == Alignment()
    noise = np.random.default_rng(0).integers(0, 256, (*SHAPE, 3), dtype=np.uint8)
    assert align(before, noise) == Alignment()
    assert align(np.zeros_like(before), np.zeros_like(before)) == Alignment()


def test_what_no_zoom_and_shift_undo_is_left_over(place):
    before = photo_of(place)
    halves = [photo_of(place, across=shift)[:, part] for shift, part in ((-4, np.s_[:160]), (4, np.s_[160:]))]
    assert residual(before, np.concatenate(halves, axis=1)) * SHAPE[0] == pytest.approx(4, abs=0.3)


def test_there_and_back_is_where_it_was():
    there = Alignment(1.04, 0.01, -0.02)
    back = there.inverse
    assert there.zoom * back.zoom == pytest.approx(1)
    point = np.array([3.0, 5.0])
    seen = there.zoom * point + [there.down, there.across]
    assert back.zoom * seen + [back.down, back.across] == pytest.approx(point)


def test_only_what_both_show_is_compared():
    assert Alignment().shown((10, 20)) == (slice(0, 10), slice(0, 20))
    assert Alignment(2.0).shown((9, 9)) == (slice(2, 7), slice(2, 7))
    assert Alignment(down=0.25).shown((8, 8)) == (slice(0, 6), slice(0, 8))
