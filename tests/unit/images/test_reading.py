"""Reading photos: every format and mode gives the same picture; every kind of broken file a reason."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sceneshift.images.reading import UnusablePhotoError, check_folder, find_photos, read_photo, read_sized
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.streets.render import render_street


@pytest.fixture(scope="module")
def street() -> Image.Image:
    return Image.fromarray(render_street(0, 1, (96, 128))[0])


def difference(pixels: np.ndarray, picture: Image.Image) -> float:
    side = pixels.shape[0]
    box = (16, 0, 112, 96)
    expected = picture.convert("RGB").resize((side, side), Image.Resampling.LANCZOS, box=box)
    return float(np.abs(pixels.astype(int) - np.asarray(expected)).mean())


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.bmp", "a.tif"])
def test_formats(tmp_path, street, name):
    street.save(tmp_path / name, **({} if name == "a.tif" else {"quality": 95}))
    photo = read_sized(tmp_path / name, (32, 32))
    assert photo.pixels.shape == (32, 32, 3)
    assert photo.pixels.dtype == np.uint8
    assert (photo.width, photo.height) == (128, 96)
    assert difference(photo.pixels, street) < 3
    assert read_photo(tmp_path / name).shape == (96, 128, 3)


def test_large_jpegs_are_read_well_at_a_fraction(tmp_path, street):
    large = street.resize((2048, 1536), Image.Resampling.BICUBIC)
    large.save(tmp_path / "large.jpg", quality=95)
    assert difference(read_sized(tmp_path / "large.jpg", (32, 32)).pixels, street) < 3


def test_a_phone_s_multi_picture_jpeg_is_a_jpeg(tmp_path, street):
    street.save(tmp_path / "a.jpg", format="MPO", save_all=True, append_images=[street.rotate(180)], quality=95)
    assert difference(read_sized(tmp_path / "a.jpg", (32, 32)).pixels, street) < 3


def test_center_takes_the_largest_part_of_the_shape(tmp_path, street):
    street.save(tmp_path / "a.png")  # 128 x 96
    flat = read_sized(tmp_path / "a.png", (32, 64))  # 2:1: the middle 64 rows
    expected = street.resize((64, 32), Image.Resampling.LANCZOS, box=(0, 16, 128, 80))
    assert np.abs(flat.pixels.astype(int) - np.asarray(expected)).mean() < 3
    tall = street.crop((40, 0, 88, 96))
    tall.save(tmp_path / "b.png")  # 48 x 96: a band across the middle
    band = read_sized(tmp_path / "b.png", (16, 32))
    expected = tall.resize((32, 16), Image.Resampling.LANCZOS, box=(0, 36, 48, 60))
    assert np.abs(band.pixels.astype(int) - np.asarray(expected)).mean() < 3


def test_pad_mirrors_a_tall_photo_into_a_wide_frame(tmp_path, street):
    tall = street.crop((40, 0, 88, 96))  # 48 x 96, fits as 16 x 32 into the middle of 64 x 32
    tall.save(tmp_path / "a.png")
    pixels = read_sized(tmp_path / "a.png", (32, 64), "pad").pixels
    whole = pixels[:, 24:40]
    assert np.abs(whole.astype(int) - np.asarray(tall.resize((16, 32), Image.Resampling.LANCZOS))).mean() < 3
    np.testing.assert_array_equal(pixels[:, 8:24], whole[:, ::-1])
    np.testing.assert_array_equal(pixels[:, 40:56], whole[:, ::-1])
    np.testing.assert_array_equal(pixels[:, :8], whole[:, 8:])  # narrower than its border: mirrored again


def test_sizes_are_judged_upright(tmp_path, street):
    """Stored lying, 128 x 96 is an upright photo of 96 x 128."""
    exif = Image.Exif()
    exif[0x0112] = 6
    street.save(tmp_path / "a.jpg", exif=exif)
    photo = read_sized(tmp_path / "a.jpg", (64, 96))
    assert (photo.pixels.shape, photo.width, photo.height) == ((64, 96, 3), 96, 128)
    upright = street.transpose(Image.Transpose.ROTATE_270)
    expected = upright.resize((96, 64), Image.Resampling.LANCZOS, box=(0, 32, 96, 96))
    assert np.abs(photo.pixels.astype(int) - np.asarray(expected)).mean() < 6
    with pytest.raises(UnusablePhotoError, match="too small: 96 x 128, needs a width of 128 and a height of 64"):
        read_sized(tmp_path / "a.jpg", (64, 128))
    assert read_sized(tmp_path / "a.jpg", (128, 256), "pad").pixels.shape == (128, 256, 3)
    with pytest.raises(UnusablePhotoError, match="needs a width of 132 or a height of 132"):
        read_sized(tmp_path / "a.jpg", (132, 132), "pad")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(tmp_path, street, orientation):
    """Stored turned as EXIF says it is, a photo comes out upright."""
    undo = [None, None, "FLIP_LEFT_RIGHT", "ROTATE_180", "FLIP_TOP_BOTTOM", "TRANSPOSE", "ROTATE_90", "TRANSVERSE",
            "ROTATE_270"][orientation]  # fmt: skip
    stored = street.transpose(Image.Transpose[undo]) if undo else street
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / "a.jpg", exif=exif, quality=95)
    photo = read_sized(tmp_path / "a.jpg", (32, 32))
    assert difference(photo.pixels, street) < 3
    assert (photo.width, photo.height) == (128, 96)
    assert np.abs(read_photo(tmp_path / "a.jpg").astype(int) - np.asarray(street)).mean() < 4


@pytest.mark.parametrize("mode", ["L", "LA", "P", "1", "RGBA", "CMYK", "YCbCr"])
def test_modes(tmp_path, street, mode):
    name = "a.tif" if mode in ("CMYK", "YCbCr") else "a.png"
    street.convert(mode).save(tmp_path / name)
    expected = street.convert("L") if mode in ("L", "LA") else street.convert(mode).convert("RGB")
    assert difference(read_sized(tmp_path / name, (32, 32)).pixels, expected) < 3


def test_cmyk_jpeg(tmp_path, street):
    street.convert("CMYK").save(tmp_path / "a.jpg", quality=95)
    assert difference(read_sized(tmp_path / "a.jpg", (32, 32)).pixels, street) < 4


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_16_bit_grey_keeps_its_greys(tmp_path, street, name):
    deep = np.asarray(street.convert("L")).astype(np.uint16) * 257
    Image.fromarray(deep).save(tmp_path / name)
    assert difference(read_sized(tmp_path / name, (32, 32)).pixels, street.convert("L")) < 1.5


def test_float_tiff(tmp_path, street):
    Image.fromarray(np.asarray(street.convert("L")).astype(np.float32) / 255).save(tmp_path / "a.tif")
    assert difference(read_sized(tmp_path / "a.tif", (32, 32)).pixels, street.convert("L")) < 1.5


def test_transparent_pixels_lie_on_white(tmp_path):
    clear = np.zeros((64, 64, 4), np.uint8)
    clear[:, 32:] = (200, 10, 10, 255)
    Image.fromarray(clear).save(tmp_path / "a.png")
    pixels = read_sized(tmp_path / "a.png", (32, 32)).pixels
    np.testing.assert_array_equal(pixels[16, 4], (255, 255, 255))
    np.testing.assert_array_equal(pixels[16, 28], (200, 10, 10))
    palette = Image.fromarray(np.tile(np.arange(2, dtype=np.uint8), (64, 32)) * 0, "P")
    palette.putpalette([0, 0, 0])
    palette.save(tmp_path / "p.png", transparency=0)
    assert (read_sized(tmp_path / "p.png", (32, 32)).pixels == 255).all()


def test_crop_takes_the_middle_and_pad_keeps_everything(tmp_path):
    wide = np.zeros((64, 128, 3), np.uint8)
    wide[:, :32], wide[:, 96:] = (255, 0, 0), (0, 0, 255)
    Image.fromarray(wide).save(tmp_path / "a.png")
    assert read_sized(tmp_path / "a.png", (32, 32), "center").pixels.max() < 60  # ringing at most
    padded = read_sized(tmp_path / "a.png", (32, 32), "pad").pixels
    assert padded[16, 2, 0] > 240
    assert padded[16, 29, 2] > 240
    np.testing.assert_array_equal(padded[7], padded[8])  # mirrored borders
    np.testing.assert_array_equal(padded[0], padded[15])


def bomb(path: Path, side: int) -> None:
    """A PNG of a few bytes that claims side x side pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b""))


def broken_files(folder: Path, street: Image.Image) -> dict[str, str]:
    """Write one file of every broken kind; names and a word of the reason to be given."""
    street.save(folder / "whole.jpg", quality=95)
    whole = (folder / "whole.jpg").read_bytes()
    (folder / "truncated.jpg").write_bytes(whole[: len(whole) // 2])
    street.save(folder / "whole.png")
    (folder / "truncated.png").write_bytes((folder / "whole.png").read_bytes()[:3000])
    (folder / "zero.jpg").write_bytes(b"")
    (folder / "text.jpg").write_text("this is not a picture\n" * 50)
    street.save(folder / "a.gif")
    (folder / "a.gif").rename(folder / "gif.jpg")
    bomb(folder / "bomb.png", 40_000)
    bomb(folder / "large.png", 13_360)  # over our limit, under the one at which Pillow raises by itself
    street.resize((32, 24)).save(folder / "small.png")
    for name in ("whole.jpg", "whole.png"):
        (folder / name).unlink()
    return {
        "truncated.jpg": "truncated",
        "truncated.png": "truncated",
        "zero.jpg": "empty file",
        "text.jpg": r"not a JPEG.*\.jpg",
        "gif.jpg": r"not a JPEG.*\.jpg",
        "bomb.png": "too many pixels",
        "large.png": "13360 x 13360",
        "small.png": "too small: 32 x 24",
    }


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")  # pytest resets the module's own filter
def test_every_broken_file_has_its_reason(tmp_path, street):
    for name, reason in broken_files(tmp_path, street).items():
        with pytest.raises(UnusablePhotoError, match=reason):
            read_sized(tmp_path / name, (48, 48))
        if name != "small.png":
            with pytest.raises(UnusablePhotoError, match=reason):
                read_photo(tmp_path / name)


def test_a_picture_under_a_wrong_extension_is_read(tmp_path, street):
    street.save(tmp_path / "a.png")
    (tmp_path / "a.png").rename(tmp_path / "a.jpg")
    assert difference(read_sized(tmp_path / "a.jpg", (32, 32)).pixels, street) < 1.5


def test_find_photos_goes_by_content_and_by_name(tmp_path, street):
    (tmp_path / "b" / "deep").mkdir(parents=True)
    street.save(tmp_path / "b" / "deep" / "a.PNG")
    street.save(tmp_path / "z.png")
    (tmp_path / "z.png").rename(tmp_path / "no_extension")
    (tmp_path / "notes.txt").write_text("not a photo")
    (tmp_path / "empty.jpg").write_bytes(b"")
    (tmp_path / "scan.heic").write_bytes(b"????ftypheic")
    (tmp_path / "._ghost.jpg").write_bytes(b"macOS")
    (tmp_path / "b" / "loop").symlink_to(tmp_path)
    found = [path.relative_to(tmp_path).as_posix() for path in find_photos(tmp_path)]
    assert found == ["empty.jpg", "no_extension", "scan.heic", "b/deep/a.PNG"]


def test_check_folder_names_the_folder_and_the_formats(tmp_path, street):
    with pytest.raises(SceneshiftError, match=r"nowhere does not exist.*JPEG, PNG, WebP, BMP or TIFF"):
        check_folder(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "notes.txt").write_text("?")
    with pytest.raises(SceneshiftError, match=r"empty.*no photo.*JPEG, PNG, WebP, BMP or TIFF"):
        check_folder(tmp_path / "empty")
    with pytest.raises(SceneshiftError, match="is a file"):
        check_folder(tmp_path / "empty" / "notes.txt")
    street.save(tmp_path / "a.png")
    check_folder(tmp_path)
