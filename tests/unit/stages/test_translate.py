"""Folders of photos: names, formats and metadata stay; bad files are named; memory is bounded."""

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from sceneshift.photos.store import PhotoStoreWriter
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.stages.translate import translate
from sceneshift.translator import load_translator

ORIENTATION, MAKER = 0x0112, 0x010F


def picture(width=40, height=24, mode="RGB", seed=0):
    random = np.random.default_rng(seed)
    colours = random.integers(0, 256, (3, 5, 3)).astype(np.uint8)
    return Image.fromarray(colours).resize((width, height), Image.Resampling.BICUBIC).convert(mode)


def test_names_folders_and_formats_stay(make_translator, tmp_path):
    for name in ("a.jpg", "b.PNG", "deep/er/c.webp", "d.bmp", "e.tif"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        picture().save(tmp_path / "in" / name)
    done = translate(make_translator(), tmp_path / "in", tmp_path / "out", masks=True)
    assert done == (5, [])
    for path in (p for p in (tmp_path / "in").rglob("*") if p.is_file()):
        name = path.relative_to(tmp_path / "in")
        with Image.open(path) as before, Image.open(tmp_path / "out" / name) as after:
            assert (before.format, before.size) == (after.format, after.size)
            assert np.abs(np.asarray(before).astype(int) - np.asarray(after.convert("RGB"))).mean() > 5
    folder = tmp_path / "out" / "masks"
    masks = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert masks == {"a.jpg.png", "b.PNG", "deep/er/c.webp.png", "d.bmp.png", "e.tif.png"}


def test_pixels_are_the_translators(make_translator, tmp_path):
    picture().save(tmp_path / "a.png")
    translate(make_translator(), tmp_path / "a.png", tmp_path / "out")
    expected = load_translator(make_translator(), precision="auto")(np.asarray(picture()))
    assert np.array_equal(np.asarray(Image.open(tmp_path / "out" / "a.png")), expected)


@pytest.mark.parametrize(("quality", "subsampling"), [(31, 2), (75, 0), (97, 1)])
def test_jpeg_quality_stays(make_translator, tmp_path, quality, subsampling):
    picture().save(tmp_path / "a.jpg", quality=quality, subsampling=subsampling)
    translate(make_translator(), tmp_path / "a.jpg", tmp_path / "out")
    with Image.open(tmp_path / "a.jpg") as before, Image.open(tmp_path / "out" / "a.jpg") as after:
        assert before.quantization == after.quantization
        assert before.layer == after.layer  # subsampling


def test_orientation_is_applied_and_reset_and_the_rest_of_exif_and_the_profile_stay(make_translator, tmp_path):
    exif = Image.Exif()
    exif[ORIENTATION], exif[MAKER] = 6, "Maker"
    picture(40, 24).save(tmp_path / "a.jpg", exif=exif, icc_profile=b"a profile", quality=95)
    translate(make_translator(), tmp_path / "a.jpg", tmp_path / "out")
    with Image.open(tmp_path / "out" / "a.jpg") as after:
        assert after.size == (24, 40)
        assert after.getexif().get(ORIENTATION, 1) == 1
        assert after.getexif()[MAKER] == "Maker"
        assert after.info["icc_profile"] == b"a profile"


def test_alpha_stays(make_translator, tmp_path):
    layers = np.dstack([np.asarray(picture()), np.arange(24 * 40).reshape(24, 40).astype(np.uint8)])
    Image.fromarray(layers).save(tmp_path / "a.png")
    translate(make_translator(), tmp_path / "a.png", tmp_path / "out")
    after = np.asarray(Image.open(tmp_path / "out" / "a.png"))
    assert np.array_equal(after[..., 3], layers[..., 3])


@pytest.mark.parametrize(("mode", "name"), [("L", "a.jpg"), ("CMYK", "a.jpg"), ("P", "a.png"), ("I;16", "a.png")])
def test_other_modes_are_edited_in_colour(make_translator, tmp_path, mode, name):
    if mode == "I;16":
        Image.fromarray(np.arange(24 * 40, dtype=np.uint16).reshape(24, 40) * 60).save(tmp_path / name)
    else:
        picture(mode=mode).save(tmp_path / name)
    translate(make_translator(), tmp_path / name, tmp_path / "out")
    assert Image.open(tmp_path / "out" / name).mode == "RGB"


def test_bad_files_are_named_and_the_rest_is_done(make_translator, tmp_path, capsys):
    folder = tmp_path / "in"
    folder.mkdir()
    picture().save(folder / "good.jpg")
    (folder / "empty.jpg").touch()
    (folder / "truncated.jpg").write_bytes((folder / "good.jpg").read_bytes()[:300])
    (folder / "text.png").write_text("no picture")
    done = translate(make_translator(), folder, tmp_path / "out")
    assert done.count == 1
    assert [name for name, _ in done.skipped] == ["empty.jpg", "text.png", "truncated.jpg"]
    assert "3 of 4 files skipped" in capsys.readouterr().err
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["good.jpg"]


def test_nothing_usable_is_an_error(make_translator, tmp_path):
    with pytest.raises(SceneshiftError, match="does not exist"):
        translate(make_translator(), tmp_path / "nowhere", tmp_path / "out")
    (tmp_path / "in").mkdir()
    with pytest.raises(SceneshiftError, match="hold no photo"):
        translate(make_translator(), tmp_path / "in", tmp_path / "out")
    (tmp_path / "in" / "bad.jpg").write_bytes(b"bad")
    with pytest.raises(SceneshiftError, match=r"None of the photos(.|\n)*bad\.jpg: not a"):
        translate(make_translator(), tmp_path / "in", tmp_path / "out")


def test_originals_are_not_overwritten(make_translator, tmp_path):
    picture().save(tmp_path / "a.jpg")
    for photos in (tmp_path, tmp_path / "a.jpg"):
        with pytest.raises(SceneshiftError, match="would be overwritten"):
            translate(make_translator(), photos, tmp_path)


def test_output_within_the_folder_is_not_translated_again(make_translator, tmp_path):
    (tmp_path / "in").mkdir()
    picture().save(tmp_path / "in" / "a.png")
    assert translate(make_translator(), tmp_path / "in", tmp_path / "in" / "out").count == 1
    assert translate(make_translator(), tmp_path / "in", tmp_path / "in" / "out").count == 1


def test_held_out_photos_of_a_store(make_translator, tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (40, 16, 16, 3)).astype(np.uint8)
    names = [f"street-{i:06d}" for i in range(40)]
    held_out = np.arange(40) % 2 == 1
    with PhotoStoreWriter(tmp_path / "photos.h5", 16, crop="center", folder="", provenance="{}") as store:
        store.append(images, names, held_out)
    done = translate(make_translator(), tmp_path / "photos.h5", tmp_path / "out", masks=True)
    assert done.count == 20
    written = sorted(p.name for p in (tmp_path / "out").glob("*.png"))
    assert written == [f"street-{i:06d}.png" for i in range(1, 40, 2)]
    expected = load_translator(make_translator(), precision="auto").edited(list(images[held_out][:16]))
    assert np.array_equal(np.asarray(Image.open(tmp_path / "out" / "street-000001.png")), expected[0].image)


def test_memory_for_12_megapixels_is_bounded(make_translator, tmp_path):
    """Decoded photo 36 MB, edited 36 MB, mask 12 MB, strips; 14 float maps of 12 megapixels would be 670 MB."""
    translator = make_translator()
    picture(4000, 3000).save(tmp_path / "large.jpg")
    program = (
        "import resource, sys; from sceneshift.stages.translate import translate\n"
        "translate(sys.argv[1], sys.argv[2], sys.argv[4], masks=True)\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "translate(sys.argv[1], sys.argv[3], sys.argv[4], masks=True)\n"
        "print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)"
    )
    picture().save(tmp_path / "small.jpg")
    arguments = [translator, tmp_path / "small.jpg", tmp_path / "large.jpg", tmp_path / "out"]
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) < 300  # MB


@pytest.mark.parametrize("name", ["../../stolen", "/tmp/stolen", "a/../../stolen"])
def test_a_store_s_names_do_not_lead_out_of_the_output_folder(make_translator, tmp_path, name):
    with PhotoStoreWriter(tmp_path / "photos.h5", 16, crop="center", folder="", provenance="{}") as store:
        store.append(np.zeros((2, 16, 16, 3), np.uint8), ["street-000000", name], [True, True])
    with pytest.raises(SceneshiftError, match=r"photos\.h5 names a file .*stolen"):
        translate(make_translator(), tmp_path / "photos.h5", tmp_path / "deep" / "out")
    assert not list(tmp_path.rglob("*.png"))
