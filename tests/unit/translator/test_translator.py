"""Photos of any size are edited at their own size; strength dials the edit."""

import re

import numpy as np
import pytest
import torch
from PIL import Image

from sceneshift.runtime.errors import SceneshiftError
from sceneshift.translator import load_translator
from sceneshift.translator.translator import padded


def photo_of(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8)


@pytest.mark.parametrize("head", ["edit", "image"])
@pytest.mark.parametrize("size", [(16, 16), (17, 31), (5, 9), (1, 1), (3, 40), (64, 48), (200, 333)])
def test_any_size_comes_back_in_its_size(make_translator, head, size):
    photo = photo_of(*size)
    edited = load_translator(make_translator(head))(photo)
    assert edited.shape == photo.shape
    assert edited.dtype == np.uint8
    assert not np.array_equal(edited, photo)


def test_arrays_pictures_and_paths_are_edited_alike_and_come_back_as_they_came(make_translator, tmp_path):
    translator, photo = load_translator(make_translator()), photo_of(20, 30)
    wanted = translator(photo, 0.5)
    turned = Image.Exif()
    turned[0x112] = 6  # shown a quarter turn clockwise
    Image.fromarray(np.rot90(photo)).save(tmp_path / "a.png", exif=turned)
    with Image.open(tmp_path / "a.png") as picture:
        of_picture = translator(picture, 0.5)
    for edited in (of_picture, translator(tmp_path / "a.png", 0.5), translator(str(tmp_path / "a.png"), 0.5)):
        assert isinstance(edited, Image.Image)
        assert np.array_equal(np.asarray(edited), wanted)


def test_a_translator_says_what_it_is(make_translator):
    assert re.fullmatch(
        r"<Translator: .*; image head, \d+ px, [\d,]+ pairs seen>", repr(load_translator(make_translator("image")))
    )


@pytest.mark.parametrize("size", [(16, 16), (40, 56)])
def test_strength_acts_on_the_maps_at_the_photo_s_own_size(make_translator, size):
    translator, photo = load_translator(make_translator()), photo_of(*size)
    assert np.array_equal(translator(photo, strength=0), photo)
    gain, offset, mask = translator.maps(photo)
    x = photo / 127.5
    for s in (0.25, 0.5, 1.0, 1.5, 2.0, 3.0):
        kept = (1 - mask[..., None]) ** s
        y = x * gain**s * kept + (offset + 1) * (1 - kept)
        edited, written = translator.edited([photo], s)[0]
        assert np.abs(edited - y.clip(0, 2) * 127.5).max() <= 0.51
        assert np.abs(written - 255 * (1 - kept[..., 0])).max() <= 0.51


def test_the_image_head_s_strength_is_linear(make_translator):
    translator, photo = load_translator(make_translator("image")), photo_of(16, 16)
    assert np.array_equal(translator(photo, strength=0), photo)
    half = photo + 0.5 * (translator(photo).astype(float) - photo)
    assert np.abs(translator(photo, 0.5) - half).max() <= 1


@pytest.mark.parametrize(
    ("head", "strength", "most"), [("edit", 3.01, "to 3"), ("edit", -1, "to 3"), ("image", 1.5, "to 1, as")]
)
def test_strength_out_of_range_is_refused(make_translator, head, strength, most):
    with pytest.raises(SceneshiftError, match=rf"strength: found {strength}; it must be from 0 {most}"):
        load_translator(make_translator(head))(photo_of(16, 16), strength)


def test_photos_together_are_edited_as_alone(make_translator):
    translator = load_translator(make_translator())
    photos = [photo_of(*size, seed) for seed, size in enumerate([(16, 16), (30, 40), (16, 16), (60, 80), (16, 16)])]
    for photo, edited in zip(photos, translator.edited(photos), strict=True):
        assert np.abs(translator(photo).astype(int) - edited.image).max() <= 1


def test_padding_is_cropped_back(make_translator):
    """A photo whose sides are not multiples is edited as the top left corner of the photo mirrored to multiples."""
    translator = load_translator(make_translator("image"))
    photo = photo_of(18, 21)
    whole = np.pad(photo, ((0, 2), (0, 3), (0, 0)), mode="reflect")
    assert np.array_equal(translator(photo), translator(whole)[:18, :21])


def test_padding_of_narrow_photos_repeats_the_border():
    assert padded(torch.rand(1, 3, 1, 9), 4).shape == (1, 3, 8, 12)


def test_maps_are_those_that_make_the_edit(make_translator):
    translator, photo = load_translator(make_translator()), photo_of(40, 56)
    gain, offset, mask = translator.maps(photo)
    assert (gain.shape, offset.shape, mask.shape) == ((40, 56, 3), (40, 56, 3), (40, 56))
    x = photo / 127.5 - 1
    y = ((x + 1) * gain - 1) * (1 - mask[..., None]) + offset * mask[..., None]
    assert np.abs(translator(photo) - (y.clip(-1, 1) + 1) * 127.5).max() <= 0.51


def test_image_head_has_no_maps(make_translator):
    with pytest.raises(SceneshiftError, match="head: image"):
        load_translator(make_translator("image")).maps(photo_of(16, 16))


@pytest.mark.parametrize("bad", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3)), 7])
def test_what_is_no_photo_is_refused(make_translator, bad):
    with pytest.raises(SceneshiftError, match=r"uint8 \[H, W, 3\]"):
        load_translator(make_translator())(bad)


def test_a_photo_that_cannot_be_read_is_named(make_translator, tmp_path):
    (tmp_path / "text.jpg").write_text("no picture")
    for name in ("missing.jpg", "text.jpg"):
        with pytest.raises(SceneshiftError, match=rf"{name} cannot be edited"):
            load_translator(make_translator())(tmp_path / name)


def test_what_is_in_a_photo_has_the_size_it_was_trained_at(make_translator):
    """Twice the photo, the same maps: the network sees both at the training resolution."""
    translator = load_translator(make_translator())
    smooth = np.kron(photo_of(4, 4), np.ones((8, 8, 1), np.uint8))  # 32 px
    once, twice = translator.maps(smooth), translator.maps(np.kron(smooth, np.ones((2, 2, 1), np.uint8)))
    assert np.abs(once.mask[4::8, 4::8] - twice.mask[8::16, 8::16]).mean() < 0.02
