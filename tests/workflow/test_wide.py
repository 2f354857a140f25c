"""The whole workflow on photos twice as wide as high: every picture that comes out is."""

import h5py
import numpy as np
import pytest
from PIL import Image

from sceneshift.generator import load_generator

pytestmark = pytest.mark.slow

HEIGHT, WIDTH = 32, 64


def test_wide_photos_through_to_the_report(fresh):
    config = fresh.config("photos", to={"source": "rendered", "count": 120, "resolution": HEIGHT, "width": WIDTH})
    config["generator"] |= {"images": 256}
    config["synthesis"] |= {"count": 128, "keep_images": 3}
    config["boundaries"] = {"attributes": ["natural_light"], "examples": 30}
    config["rescoring"] = {"count": 16}
    config["edits"] = {"top": 1, "attributes": [{"attribute": "natural_light", "direction": "less", "distance": 2}]}
    config["translator"] |= {"images": 64}
    fresh.make(config)

    generator = load_generator(fresh.results / "generator" / "generator.safetensors")
    assert (generator.resolution, generator.width) == (HEIGHT, WIDTH)
    with h5py.File(fresh.results / "synthesis" / "0000.h5") as shard:
        assert shard["images"].shape == (3, HEIGHT, WIDTH, 3)
    pairs = fresh.results / "pairs" / "natural_light"
    translated = fresh.results / "translated" / "natural_light"
    pictures = [*pairs.glob("train_?/*.png"), *translated.glob("*.png")]
    assert len(pictures) > 2 * 24
    for path in pictures:
        with Image.open(path) as picture:
            assert picture.size == (WIDTH, HEIGHT)
    kept = next(pairs.glob("train_A/*.png")).name  # pairs are named by their code, and few are kept
    before, after = (np.asarray(Image.open(pairs / side / kept), int) for side in ("train_A", "train_B"))
    assert np.abs(before - after).mean() > 0.1
    assert (fresh.results / "report.html").stat().st_size > 50_000
