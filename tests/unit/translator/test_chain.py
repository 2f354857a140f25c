"""Several edits in one pass, from left to right, each with its own strength."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from sceneshift.runtime import shipped
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.translator import load_translator
from sceneshift.translator.chain import Chain, chained_files, load_chain

PHOTO = np.random.default_rng(0).integers(0, 256, (24, 40, 3)).astype(np.uint8)


@pytest.fixture
def files(make_translator, tmp_path, monkeypatch):
    """Files of two editors that ship."""
    monkeypatch.setattr(shipped, "EDITORS", tmp_path)
    sizes = {"night": 16, "snow": 24}
    return [
        shutil.copy(make_translator("edit", size), tmp_path / f"{name}.safetensors") for name, size in sizes.items()
    ]


def test_names_files_and_strengths(files, tmp_path, monkeypatch):
    night, snow = files
    monkeypatch.chdir(tmp_path)
    assert chained_files("night", 1.5) == [(night, 1.5)]
    assert chained_files("night+snow", 0.7) == [(night, 0.7), (snow, 0.7)]
    assert chained_files("night:0.5+snow", 2) == [(night, 0.5), (snow, 2)]
    assert chained_files(f"snow:2+{night}:.5", 1) == [(snow, 2.0), (night, 0.5)]
    for name in ("a+b", "night:0.5"):
        Path(name).touch()
        assert chained_files(name, 1) == [(Path(name), 1)]


@pytest.mark.parametrize("editors", ["night:much", "night+snow:", "night:1:2"])
def test_what_is_no_strength_is_named(files, editors):
    with pytest.raises(SceneshiftError):
        chained_files(editors, 1)


def test_an_unknown_editor_among_several_is_named(files):
    with pytest.raises(SceneshiftError, match=r"'sonw'; did you mean snow"):
        chained_files("night+sonw", 1)


def test_each_edits_what_the_one_before_has_made(files):
    night, snow = (load_translator(path) for path in files)
    done = Chain([(night, 0.5), (snow, 2.0)]).edited([PHOTO])[0]
    first = night.edited([PHOTO], 0.5)[0]
    second = snow.edited([first.image], 2.0)[0]
    assert np.array_equal(done.image, second.image)
    kept = (1 - first.mask / 255) * (1 - second.mask / 255)
    assert np.abs(done.mask - 255 * (1 - kept)).max() <= 0.51


def test_the_image_head_has_no_mask_and_stops_at_its_own_strength(files, make_translator):
    image = make_translator("image")
    chain = load_chain([(files[0], 1.0), (image, 1.0)], "cpu")
    assert not chain.has_masks
    assert chain.edited([PHOTO])[0].mask is None
    with pytest.raises(SceneshiftError, match="strength: found 2; it must be from 0 to 1"):
        load_chain([(files[0], 1.0), (image, 2.0)], "cpu")
