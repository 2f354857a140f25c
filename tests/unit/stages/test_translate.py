"""Folders of photos: names, formats and metadata stay; bad files are named; memory is bounded."""

import io
import os
import sqlite3
import struct
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from sceneshift.images.reading import UnusablePhotoError
from sceneshift.photos.store import PhotoStoreWriter
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.stages import translate as translating
from sceneshift.stages.translate import translate
from sceneshift.translator import load_translator
from sceneshift.translator import translator as translator_module

ORIENTATION, MAKER = 0x0112, 0x010F


def picture(width=40, height=24, mode="RGB", seed=0):
    random = np.random.default_rng(seed)
    colors = random.integers(0, 256, (3, 5, 3)).astype(np.uint8)
    return Image.fromarray(colors).resize((width, height), Image.Resampling.BICUBIC).convert(mode)


def test_names_folders_and_formats_stay(make_translator, tmp_path):
    for name in ("a.jpg", "b.PNG", "deep/er/c.webp", "d.bmp", "e.tif"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        picture().save(tmp_path / "in" / name)
    done = translate(make_translator(), tmp_path / "in", tmp_path / "out", masks=True)
    assert done == (5, [], 0)
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
def test_other_modes_are_edited_in_color(make_translator, tmp_path, mode, name):
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
    assert {p.name for p in (tmp_path / "out").iterdir()} == {"good.jpg", ".translated.json"}


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
    for _ in range(2):
        assert translate(make_translator(), tmp_path / "in", tmp_path / "in" / "out", overwrite=True) == (1, [], 0)


def test_held_out_photos_of_a_store(make_translator, tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (40, 16, 16, 3)).astype(np.uint8)
    names = [f"street-{i:06d}" for i in range(40)]
    held_out = np.arange(40) % 2 == 1
    with PhotoStoreWriter(tmp_path / "photos.h5", (16, 16), crop="center", folder="", provenance="{}") as store:
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
    with PhotoStoreWriter(tmp_path / "photos.h5", (16, 16), crop="center", folder="", provenance="{}") as store:
        store.append(np.zeros((2, 16, 16, 3), np.uint8), ["street-000000", name], [True, True])
    with pytest.raises(SceneshiftError, match=r"photos\.h5 names a file .*stolen"):
        translate(make_translator(), tmp_path / "photos.h5", tmp_path / "deep" / "out")
    assert not list(tmp_path.rglob("*.png"))


def strange_exif():
    """Turned right; the maker's name; and a focal length in 64 bits, which Pillow reads but cannot write."""
    entries = [(MAKER, 2, 6, 62), (ORIENTATION, 3, 1, 6), (0x920A, 16, 1, 70)]
    data = b"II*\0" + struct.pack("<IH", 8, len(entries))
    data += b"".join(struct.pack("<HHII", *entry) for entry in entries) + bytes(4)
    return b"Exif\0\0" + data.ljust(62, b"\0") + b"Maker\0\0\0" + struct.pack("<Q", 2**40)


def test_an_exif_number_that_pillow_cannot_write_stays_and_stops_nothing(make_translator, tmp_path):
    (tmp_path / "in").mkdir()
    for name in "abc":
        picture().save(tmp_path / "in" / f"{name}.jpg", exif=strange_exif() if name == "b" else b"")
    with Image.open(tmp_path / "in" / "b.jpg") as before, pytest.raises(struct.error):
        before.getexif().tobytes()
    assert translate(make_translator(), tmp_path / "in", tmp_path / "out") == (3, [], 0)
    with Image.open(tmp_path / "out" / "b.jpg") as after:
        assert after.size == (24, 40)
        exif = after.getexif()
        assert (exif[MAKER], exif[ORIENTATION], exif[0x920A]) == ("Maker", 1, 2**40)


@pytest.mark.parametrize("exif", [b"Exif\0\0II*\0\xff\xff\0\0", b"Exif\0\0", b"Exif\0\0garbage", b"x" * 20])
def test_damaged_exif_is_left_out_with_a_word(make_translator, tmp_path, exif, capsys):
    picture().save(tmp_path / "a.png", exif=exif)
    assert translate(make_translator(), tmp_path / "a.png", tmp_path / "out").count == 1
    assert "a.png: written without the EXIF data" in capsys.readouterr().err


def test_the_unedited_thumbnail_does_not_stay(make_translator, tmp_path):
    thumbnail = io.BytesIO()
    picture(16, 12).save(thumbnail, "JPEG")
    jpeg = thumbnail.getvalue()
    data = b"Exif\0\0II*\0" + struct.pack("<IHHHI8sI", 8, 1, MAKER, 2, 4, b"Pho\0", 26)[:-8] + struct.pack("<I", 26)
    data += struct.pack("<HHHIIHHIII", 2, 0x0201, 4, 1, 60, 0x0202, 4, 1, len(jpeg), 0)
    data = data.ljust(66, b"\0") + jpeg
    picture().save(tmp_path / "a.jpg", exif=data)
    translate(make_translator(), tmp_path / "a.jpg", tmp_path / "out")
    written = (tmp_path / "out" / "a.jpg").read_bytes()
    assert jpeg[-50:] in (tmp_path / "a.jpg").read_bytes()
    assert jpeg[-50:] not in written
    with Image.open(tmp_path / "out" / "a.jpg") as after:
        assert after.getexif()[MAKER] == "Pho"


def test_a_phone_s_multi_picture_file_keeps_its_quality(make_translator, tmp_path, capsys):
    options = {"quality": 97, "subsampling": 0}
    picture().save(tmp_path / "a.jpg", format="MPO", save_all=True, append_images=[picture(seed=1)], **options)
    translate(make_translator(), tmp_path / "a.jpg", tmp_path / "out")
    with Image.open(tmp_path / "a.jpg") as before, Image.open(tmp_path / "out" / "a.jpg") as after:
        assert (before.format, after.format) == ("MPO", "JPEG")
        assert before.quantization == after.quantization
        assert before.layer == after.layer
    assert "a.jpg: written without 1 more pictures behind the photo" in capsys.readouterr().err


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_lossless_webp_stays_lossless(make_translator, tmp_path, mode):
    layers = np.asarray(picture().convert(mode)).copy()
    layers[..., 3:] = np.arange(40)[:, None]
    Image.fromarray(layers).save(tmp_path / "a.webp", lossless=True, exact=True)
    translate(make_translator(), tmp_path / "a.webp", tmp_path / "out")
    expected = load_translator(make_translator(), precision="auto")(np.ascontiguousarray(layers[..., :3]))
    after = np.asarray(Image.open(tmp_path / "out" / "a.webp"))
    assert np.array_equal(after[..., :3], expected)
    assert np.array_equal(after[..., 3:], layers[..., 3:])


@pytest.mark.parametrize(
    ("name", "word"), [("a.png", "all pictures, pages"), ("a.webp", "all pictures"), ("a.tif", "all")]
)
def test_later_frames_are_left_out_with_a_word(make_translator, tmp_path, name, word, capsys):
    picture().save(tmp_path / name, save_all=True, append_images=[picture(seed=1)])
    assert translate(make_translator(), tmp_path / name, tmp_path / "out").count == 1
    assert f"{name}: written without all pictures, pages or frames but the first" in capsys.readouterr().err


SPHERE = b"<x:xmpmeta><GPano:ProjectionType>equirectangular</GPano:ProjectionType></x:xmpmeta>"
TURNED = SPHERE.replace(b"<GPano", b'<rdf:Description tiff:Orientation="6"/><GPano', 1)


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.tif"])
def test_xmp_and_dpi_stay(make_translator, tmp_path, name):
    options = {"xmp": TURNED, "dpi": (300, 300)}
    if name == "a.png":
        options["pnginfo"] = PngImagePlugin.PngInfo()
        options["pnginfo"].add_itxt("XML:com.adobe.xmp", TURNED.decode())
    if name == "a.tif":
        options["tiffinfo"] = {700: TURNED}
    picture().save(tmp_path / name, **options)
    translate(make_translator(), tmp_path / name, tmp_path / "out")
    with Image.open(tmp_path / "out" / name) as after:
        after.load()
        assert b"ProjectionType>equirectangular" in after.info["xmp"]
        assert b'tiff:Orientation="6"' not in after.info["xmp"]
        assert after.size == (24, 40)
        if name != "a.webp":
            assert round(after.info["dpi"][0]) == 300


def test_one_photo_into_a_file_of_any_format(make_translator, tmp_path, capsys):
    layers = np.dstack([np.asarray(picture()), np.full((24, 40), 200, np.uint8)])
    Image.fromarray(layers).save(tmp_path / "a.png")
    translate(make_translator(), tmp_path / "a.png", tmp_path / "new" / "edited.jpg", masks=True)
    with Image.open(tmp_path / "new" / "edited.jpg") as after:
        assert (after.format, after.size) == ("JPEG", (40, 24))
    assert (tmp_path / "new" / "masks" / "edited.jpg.png").exists()
    assert "without the transparency" in capsys.readouterr().err
    with pytest.raises(SceneshiftError, match=r"edited\.jpg is there already .*--overwrite"):
        translate(make_translator(), tmp_path / "a.png", tmp_path / "new" / "edited.jpg")
    translate(make_translator(), tmp_path / "a.png", tmp_path / "new" / "edited.jpg", overwrite=True)


def test_a_half_done_folder_goes_on_and_others_are_not_overwritten(make_translator, tmp_path):
    (tmp_path / "in").mkdir()
    for k in range(3):
        picture(seed=k).save(tmp_path / "in" / f"{k}.png")
    translator, out = make_translator(), tmp_path / "out"
    assert translate(translator, tmp_path / "in", out) == (3, [], 0)
    times = {path: path.stat().st_mtime_ns for path in out.glob("*.png")}
    (out / "1.png").unlink()
    os.utime(tmp_path / "in" / "2.png", ns=(time.time_ns() + 10**10,) * 2)  # the photo was replaced
    assert translate(translator, tmp_path / "in", out) == (2, [], 1)
    assert (out / "0.png").stat().st_mtime_ns == times[out / "0.png"]
    assert translate(translator, tmp_path / "in", out, masks=True) == (3, [], 0)
    with pytest.raises(SceneshiftError, match=r"0\.png was not made by this .*3 such files"):
        translate(translator, tmp_path / "in", out, strength=0.5)
    assert translate(translator, tmp_path / "in", out, strength=0.5, overwrite=True) == (3, [], 0)
    (out / ".translated.json").write_text("{")
    with pytest.raises(SceneshiftError, match=r"would be overwritten"):
        translate(translator, tmp_path / "in", out, strength=0.5)


def test_several_in_one_pass_are_one_after_the_other(make_translator, tmp_path):
    picture().save(tmp_path / "a.png")
    path = make_translator()
    translate(f"{path}:0.5+{path}", tmp_path / "a.png", tmp_path / "both", strength=2.0)
    translate(path, tmp_path / "a.png", tmp_path / "first", strength=0.5)
    translate(path, tmp_path / "first" / "a.png", tmp_path / "second", strength=2.0)
    assert (tmp_path / "both" / "a.png").read_bytes() == (tmp_path / "second" / "a.png").read_bytes()
    assert translate(f"{path}:0.5+{path}:2", tmp_path / "a.png", tmp_path / "both") == (0, [], 1)
    with pytest.raises(SceneshiftError, match="was not made by this"):
        translate(f"{path}:2+{path}:0.5", tmp_path / "a.png", tmp_path / "both")


def test_photos_in_a_folder_masks_and_their_masks_are_apart(make_translator, tmp_path):
    (tmp_path / "in" / "masks").mkdir(parents=True)
    for name in ("a.png", "masks/a.png"):
        picture().save(tmp_path / "in" / name)
    translate(make_translator(), tmp_path / "in", tmp_path / "out", masks=True)
    written = {path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.png")}
    assert written == {"a.png", "masks/a.png", "masks_/a.png", "masks_/masks/a.png"}


def test_a_mask_of_a_photo_with_a_long_name(make_translator, tmp_path):
    (tmp_path / "in").mkdir()
    picture().save(tmp_path / "in" / f"{'a' * 251}.jpg")
    assert translate(make_translator(), tmp_path / "in", tmp_path / "out", masks=True).count == 1
    assert len(list((tmp_path / "out" / "masks").iterdir())) == 1


@pytest.mark.parametrize("name", [b"latin-\xe9.png".decode("utf-8", "surrogateescape"), "a" * 251 + ".png"])
def test_names_of_any_bytes_and_length(make_translator, tmp_path, name):
    (tmp_path / "in").mkdir()
    picture().save(tmp_path / "a.png")
    (tmp_path / "a.png").rename(tmp_path / "in" / name)
    assert translate(make_translator(), tmp_path / "in", tmp_path / "out") == (1, [], 0)
    assert (tmp_path / "out" / name).exists()


def test_one_photo_that_cannot_be_written_or_edited_does_not_stop_the_others(make_translator, tmp_path, monkeypatch):
    (tmp_path / "in").mkdir()
    for name in ("a.png", "b.png", "large.png"):
        picture(400 if name == "large.png" else 40, 24).save(tmp_path / "in" / name)
    write = translating.write_photo_file

    def refusing(path, pixels, saving):
        if path.name == "a.png":
            raise UnusablePhotoError("cannot be written as PNG")
        write(path, pixels, saving)

    monkeypatch.setattr(translating, "write_photo_file", refusing)
    monkeypatch.setattr(translator_module, "NETWORK_BYTES", 16 * 16 * 5 * (150 + 13 * 4))
    done = translate(make_translator(), tmp_path / "in", tmp_path / "out")
    assert done.count == 1
    assert [name for name, _ in done.skipped] == ["large.png", "a.png"]
    assert "too large: this translator's network takes at most 1,280 pixels" in done.skipped[0][1]


def test_the_seam_of_a_360_degree_panorama_does_not_show(make_translator, tmp_path):
    """The step across the seam is no larger than those inside."""
    around = np.linspace(0, 2 * np.pi, 128, endpoint=False)
    rows = np.linspace(0, 1, 64)[:, None]
    photo = np.stack([120 + 90 * rows * np.sin(around + k) for k in range(3)], axis=2).astype(np.uint8)
    steps = {}
    for name, options, xmp in (
        ("plain", {}, b""),
        ("flagged", {"panoramas": True}, b""),
        ("marked", {}, SPHERE),
        ("dose 2", {"panoramas": True, "strength": 2.0}, b""),
    ):
        text = PngImagePlugin.PngInfo()
        if xmp:
            text.add_itxt("XML:com.adobe.xmp", xmp.decode())
        Image.fromarray(photo).save(tmp_path / f"{name}.png", pnginfo=text)
        translate(make_translator(), tmp_path / f"{name}.png", tmp_path / name, **options)
        edited = np.asarray(Image.open(tmp_path / name / f"{name}.png")).astype(int)
        steps[name] = np.abs(edited[:, 0] - edited[:, -1]).mean() / np.abs(np.diff(edited, axis=1)).mean()
    assert steps["marked"] == steps["flagged"] < 1.5
    assert steps["dose 2"] < 1.5
    assert steps["plain"] > 2 * steps["flagged"], "a seam to speak of"


def test_edited_photos_are_listed_with_their_places(make_translator, tmp_path):
    exif = Image.Exif()
    exif.get_ifd(0x8825).update({1: "N", 2: (59.0, 26.0, 13.0), 3: "E", 4: (24.0, 45.0, 12.0)})
    (tmp_path / "photos").mkdir()
    for name, where in (("a.jpg", exif), ("b.jpg", Image.Exif())):
        Image.new("RGB", (40, 40), "gray").save(tmp_path / "photos" / name, exif=where)
    editor = make_translator()
    for table in ("places.csv", "places.gpkg"):
        translate(editor, tmp_path / "photos", tmp_path / "out", places=tmp_path / table)
    rows = (tmp_path / "places.csv").read_text().splitlines()
    edited = tmp_path / "out"
    assert rows == [
        "photo,original,latitude,longitude,time",
        f"{edited / 'a.jpg'},a.jpg,59.4369444,24.7533333,",
        f"{edited / 'b.jpg'},b.jpg,,,",
    ]
    with sqlite3.connect(tmp_path / "places.gpkg") as file:
        assert file.execute("SELECT original, latitude FROM photos").fetchall() == [("a.jpg", 59.4369444)]
    with pytest.raises(SceneshiftError, match=r"places\.txt is neither"):
        translate(editor, tmp_path / "photos", tmp_path / "out", places=tmp_path / "places.txt")
