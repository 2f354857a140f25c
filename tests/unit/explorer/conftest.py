"""The page's JavaScript in V8, without a browser; and the page in Chromium."""

import numpy as np
import pytest

from sceneshift.explorer.packing import packed
from sceneshift.explorer.page import HERE

# What V8 lacks of a browser.
ATOB = """
const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
globalThis.atob = (text) => {
  const out = [];
  for (let i = 0, bits = 0, value = 0; i < text.length && text[i] !== "="; i++) {
    value = ((value << 6) | LETTERS.indexOf(text[i])) & 0xffff;
    if ((bits += 6) >= 8) out.push(String.fromCharCode((value >> (bits -= 8)) & 255));
  }
  return out.join("");
};
globalThis.TextDecoder = class { decode(bytes) { return Array.from(bytes, (b) => String.fromCharCode(b)).join(""); } };
"""


class V8:
    """The numeric half of the page, with one photo and one translator in it."""

    def __init__(self, engine):
        self.engine = engine
        engine.eval(ATOB)
        for name in ("kernel", "network", "guided", "weights", "small_copy", "blend"):
            engine.eval((HERE / f"{name}.js").read_text(encoding="utf-8"))

    def value(self, expression):
        return self.engine.eval(expression)

    def array(self, expression, dtype, shape):
        return np.frombuffer(self.engine.eval(expression), dtype).reshape(shape).copy()

    def take_translator(self, path):
        text, _ = packed(path)
        self.engine.eval(f"translator = readTranslator('{text}'); 0")

    def take_photo(self, photo):
        """photo: uint8 [H, W, 3]."""
        height, width = photo.shape[:2]
        self.engine.eval(
            f"photo = {{width: {width}, height: {height}}}; bytes = new Uint8ClampedArray({4 * photo.size // 3}); 0"
        )
        self.engine.eval(
            "photo.rows = (top, count) => bytes.subarray(4 * top * photo.width, 4 * (top + count) * photo.width); 0"
        )
        self.rgba = np.dstack([photo, np.full((height, width), 255, np.uint8)])
        np.frombuffer(self.engine.eval("bytes.buffer"), np.uint8)[:] = self.rgba.ravel()
        self.shape = height, width

    def predict(self, resolution):
        self.engine.eval(f"small = smallCopy(photo, {resolution}); maps = predictedMaps(translator, small); 0")
        self.engine.eval("edit = {maps, coefficients: guidedCoefficients(maps, small), ...photo}; 0")
        self.engine.eval("whole = {left: 0, top: 0, ...photo}; 0")
        self.engine.eval("full = viewMaps(edit, bytes, whole, photo.width, photo.height); 0")

    def edited(self, strength):
        """uint8 [H, W, 3]."""
        return self.array(f"edited(bytes, full, {strength}).buffer", np.uint8, (*self.shape, 4))[..., :3]


@pytest.fixture
def v8():
    racer = pytest.importorskip("py_mini_racer", reason="mini-racer (V8) is not installed")
    return V8(racer.MiniRacer())
