"""The page's pixels, computed in V8, against those of `translate`."""

import numpy as np
import pytest
import torch

from sceneshift.images.reading import read_photo
from sceneshift.runtime.shipped import RESOURCES, shipped_editors
from sceneshift.streets import render_street
from sceneshift.translator import load_translator
from sceneshift.translator.translator import padded

STRENGTHS = (0, 0.5, 1, 3)
SHAPES = [(30, 40), (16, 16), (16, 22), (17, 16), (97, 33), (33, 97), (150, 200), (61, 700), (480, 640)]


def noise(height, width):
    """A photo with every level, and edges at every scale."""
    rng = np.random.default_rng(height * 1000 + width)
    return np.kron(rng.integers(0, 256, (height // 8 + 1, width // 8 + 1, 3)), np.ones((8, 8, 1)))[
        :height, :width
    ].astype(np.uint8)


@pytest.mark.parametrize(("height", "width"), SHAPES)
def test_the_small_copy_is_pillows_to_the_bit(v8, make_translator, height, width):
    photo = noise(height, width)
    v8.take_photo(photo)
    v8.value("small = smallCopy(photo, 16); 0")
    expected = load_translator(make_translator())._small(photo).numpy()
    found = v8.array("small.data.buffer", np.float32, expected.shape)
    np.testing.assert_array_equal(np.rint((found + 1) * 127.5), np.rint((expected + 1) * 127.5))


@pytest.mark.parametrize(("height", "width"), SHAPES)
def test_edited_pixels_are_those_of_translate(v8, make_translator, height, width):
    path, photo = make_translator(), noise(height, width)
    translator = load_translator(path)
    v8.take_translator(path)
    v8.take_photo(photo)
    v8.predict(translator.resolution)
    for strength in STRENGTHS:
        difference = np.abs(v8.edited(strength).astype(int) - translator(photo, strength))
        assert difference.max() <= (1 if strength else 0), strength
        assert difference.mean() < 0.1


@pytest.mark.parametrize("name", ["night"])
def test_a_shipped_editor_on_a_real_photo(v8, name):
    path = shipped_editors()[name]
    translator, photo = load_translator(path), read_photo(RESOURCES / "photos/nus-04.jpg")
    v8.take_translator(path)
    v8.take_photo(photo)
    v8.predict(translator.resolution)
    for strength in STRENGTHS:
        assert np.abs(v8.edited(strength).astype(int) - translator(photo, strength)).max() <= 1


def test_the_network_by_itself(v8, make_translator):
    """Every kind of layer, far closer than any pixel could tell."""
    path, photo = make_translator(), render_street(0, 0, (36, 60))
    translator = load_translator(path)
    v8.take_translator(path)
    v8.take_photo(photo)
    v8.value("maps = predictedMaps(translator, small = smallCopy(photo, 16)); 0")
    with torch.no_grad():
        translator.network.load_state_dict({n: t.half().float() for n, t in translator.network.state_dict().items()})
        expected = torch.cat(list(translator._predict(translator._small(photo)[None])), dim=1)[0]
    np.testing.assert_allclose(v8.array("maps.data.buffer", np.float32, expected.shape), expected, atol=2e-5)


def test_without_webassembly_it_is_the_same(v8, make_translator):
    v8.take_translator(make_translator())
    v8.take_photo(noise(40, 50))
    v8.predict(16)
    fast = v8.edited(1)
    v8.value("kernel = plainKernel(); 0")
    v8.predict(16)
    assert np.abs(v8.edited(1).astype(int) - fast).max() <= 1


def test_a_part_of_the_photo_is_edited_as_in_the_whole(v8, make_translator):
    v8.take_translator(make_translator())
    v8.take_photo(noise(60, 80))
    v8.predict(16)
    v8.value("view = {left: 13, top: 7, width: 31, height: 22}; part = new Uint8ClampedArray(4 * 31 * 22); 0")
    np.frombuffer(v8.value("part.buffer"), np.uint8)[:] = v8.rgba[7:29, 13:44].ravel()
    part = v8.array("edited(part, viewMaps(edit, part, view, 31, 22), 1).buffer", np.uint8, (22, 31, 4))[..., :3]
    np.testing.assert_array_equal(part, v8.edited(1)[7:29, 13:44])


@pytest.mark.parametrize(("height", "width", "multiple"), [(13, 22, 8), (16, 40, 16), (5, 9, 4), (3, 64, 8)])
def test_borders_are_mirrored_or_repeated_as_padded_does(v8, height, width, multiple):
    v8.value(f"x = picture(3, {height}, {width}); 0")
    values = np.random.default_rng(0).random((3, height, width), dtype=np.float32)
    np.frombuffer(v8.value("x.data.buffer"), np.float32)[:] = values.ravel()
    expected = padded(torch.from_numpy(values)[None], multiple)[0].numpy()
    found = v8.array(f"mirrored(x, {multiple}).data.buffer", np.float32, expected.shape)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("exponent", [0.05, 0.5, 1, 2.95])
def test_powers_by_table_are_right_to_a_quarter_of_a_level(v8, exponent):
    bases = np.concatenate([[0, 1e-9], np.geomspace(1e-7, 2, 5000), [2]])
    v8.value(f"table = powers(2, {exponent}); bases = Float64Array.from({bases.tolist()}); 0")
    found = v8.array(f"bases.map((b) => power(b, {exponent}, table, CELLS / 2)).buffer", np.float64, bases.shape)
    assert np.abs(found - bases**exponent).max() < 0.25 / 255


def test_every_float16_is_read(v8):
    bits = np.arange(2**16, dtype=np.uint16)
    expected = bits.view(np.float16).astype(np.float32)
    finite = np.isfinite(expected)
    found = v8.array("Float32Array.from({length: 65536}, (_, bits) => fromHalf(bits)).buffer", np.float32, (2**16,))
    np.testing.assert_array_equal(found[finite], expected[finite])
