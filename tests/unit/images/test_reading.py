"""Reading photos: every format and mode gives the same picture; every kind of broken file a reason."""

import struct
import subprocess
import sys
import zlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sceneshift.images import reading
from sceneshift.images.reading import UnusablePhotoError, read_photo, read_sized
from sceneshift.streets import render_street


@pytest.fixture(scope="module")
def street() -> Image.Image:
    return Image.fromarray(render_street(0, 1, (96, 128)))


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


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(tmp_path, street, orientation, name):
    """Stored turned as EXIF says it is, a photo comes out upright."""
    undo = [None, None, "FLIP_LEFT_RIGHT", "ROTATE_180", "FLIP_TOP_BOTTOM", "TRANSPOSE", "ROTATE_90", "TRANSVERSE",
            "ROTATE_270"][orientation]  # fmt: skip
    stored = street.transpose(Image.Transpose[undo]) if undo else street
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / name, exif=exif, **({} if name == "a.tif" else {"quality": 95}))
    photo = read_sized(tmp_path / name, (32, 32))
    assert difference(photo.pixels, street) < 3
    assert (photo.width, photo.height) == (128, 96)
    assert np.abs(read_photo(tmp_path / name).astype(int) - np.asarray(street)).mean() < 4


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


def write_png(path: Path, width: int, height: int, rows: bytes | Iterable[bytes], bits: int = 8, kind: int = 2) -> None:
    """A PNG of these rows, each with its filter byte; kind 2: RGB, 6: RGBA."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    packer = zlib.compressobj(1)
    data = b"".join(packer.compress(row) for row in ([rows] if isinstance(rows, bytes) else rows)) + packer.flush()
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, 0))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", data) + chunk(b"IEND", b""))


def bomb(path: Path, side: int) -> None:
    """A PNG of a few bytes that claims side x side pixels."""
    write_png(path, side, side, bytes(1000))


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


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_greys_of_12_bits_in_16_are_no_night(tmp_path, street, name, bits):
    grey = np.asarray(street.convert("L")).astype(np.float64)
    Image.fromarray((grey * (2**bits - 1) / grey.max()).astype(np.uint16)).save(tmp_path / name)
    bright = Image.fromarray((grey * 255 / grey.max()).astype(np.uint8))
    assert difference(read_sized(tmp_path / name, (32, 32)).pixels, bright) < 1.5


def test_a_picture_in_strips_is_the_picture_at_once(tmp_path, street, monkeypatch):
    exif = Image.Exif()
    exif[0x0112] = 6
    deep = (np.asarray(street.convert("L")).astype(np.uint16) << 4).astype(np.uint16)
    street.convert("RGBA").save(tmp_path / "a.png", exif=exif)
    Image.fromarray(deep).save(tmp_path / "b.png")
    at_once = [read_photo(tmp_path / name) for name in ("a.png", "b.png")]
    monkeypatch.setattr(reading, "_STRIP_PIXELS", 1000)
    for name, expected in zip(("a.png", "b.png"), at_once, strict=True):
        np.testing.assert_array_equal(read_photo(tmp_path / name), expected)


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_colors_of_12_bits_in_16_are_no_night(tmp_path, street, name, bits):
    """Pillow keeps the upper 8 of 16 bits: of 12-bit colors 4 would be left."""
    colors = np.asarray(street).astype(np.float64)
    deep = (colors * (2**bits - 1) / colors.max()).astype(np.uint16)
    if name == "a.tif":
        write_tiff(tmp_path / name, deep, kind=1)
    else:
        write_png(tmp_path / name, 128, 96, (b"\0" + row.astype(">u2").tobytes() for row in deep), bits=16)
    np.testing.assert_array_equal(read_photo(tmp_path / name), deep >> (bits - 8))


def test_dark_colors_beside_transparency_have_a_reason(tmp_path):
    write_png(tmp_path / "a.png", 64, 64, bytes([0, *([7, 200] * 3 + [255, 255]) * 64]) * 64, bits=16, kind=6)
    with pytest.raises(UnusablePhotoError, match="its 16-bit colors use only 12 bits, beside alpha"):
        read_photo(tmp_path / "a.png")


def test_greys_of_32_bits_have_no_sign(tmp_path, street):
    grey = np.asarray(street.convert("L")).astype(np.uint32)
    write_tiff(tmp_path / "a.tif", grey[..., None] << 24 | 0xFFFFFF, kind=1)
    np.testing.assert_array_equal(read_photo(tmp_path / "a.tif")[..., 0], grey)


@pytest.mark.parametrize(("dtype", "bits"), [("i1", 7), ("i2", 12), ("i2", 15), ("i4", 31)])
def test_greys_with_a_sign_are_as_bright_as_without_and_black_below_zero(tmp_path, street, dtype, bits):
    grey = np.asarray(street.convert("L")).astype(np.int64)
    grey[0, 0], grey[-1, -1] = 255, 0
    signed = (grey << bits >> 8).astype(dtype)
    signed[grey == 0] = -1
    write_tiff(tmp_path / "a.tif", signed[..., None], kind=2)
    np.testing.assert_array_equal(read_photo(tmp_path / "a.tif")[..., 0], grey if bits > 7 else grey // 2 * 2)


def test_deep_colors_in_planes_which_pillow_reads_wrongly_have_a_reason(tmp_path):
    write_tiff(tmp_path / "a.tif", np.zeros((8, 8, 3), np.uint16), kind=1, planes=True)
    with pytest.raises(UnusablePhotoError, match="16-bit colors in planes"):
        read_photo(tmp_path / "a.tif")


@pytest.mark.parametrize(("dtype", "channels", "said"), [("f8", 1, "64 bits, floats"), ("f4", 3, "32 bits, floats")])
def test_a_tiff_that_cannot_be_read_has_its_reason(tmp_path, dtype, channels, said):
    write_tiff(tmp_path / "a.tif", np.zeros((8, 8, channels), dtype))
    with pytest.raises(UnusablePhotoError, match=rf"a TIFF with pixels of a kind .*{channels} samples of {said}"):
        read_photo(tmp_path / "a.tif")


def write_tiff(path: Path, pixels: np.ndarray, kind: int = 3, planes: bool = False) -> None:
    """kind: 1 whole numbers, 2 with a sign, 3 floats"""
    height, width, channels = pixels.shape
    tags = [
        (256, 4, width), (257, 4, height), (258, 3, pixels.itemsize * 8), (259, 3, 1),
        (262, 3, 2 if channels > 1 else 1), (273, 4, 8), (277, 3, channels), (278, 4, height), (279, 4, pixels.nbytes),
        (284, 3, 2 if planes else 1), (339, 3, kind),
    ]  # fmt: skip
    directory = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", tag, kind, 1, v) for tag, kind, v in tags)
    path.write_bytes(b"II*\0" + struct.pack("<I", 8 + pixels.nbytes) + pixels.tobytes() + directory + bytes(4))


def test_a_printer_s_profile_of_megabytes_is_no_damage(tmp_path, street):
    street.save(tmp_path / "a.png", icc_profile=np.random.default_rng(0).bytes(3_000_000))
    assert read_photo(tmp_path / "a.png").shape == (96, 128, 3)


@pytest.mark.parametrize("size", [(20000, 2), (2, 20000)])
def test_a_line_of_pixels_is_no_photo(tmp_path, size):
    Image.new("RGB", size).save(tmp_path / "a.png")
    for read in (read_photo, lambda path: read_sized(path, (64, 64), "pad")):
        with pytest.raises(UnusablePhotoError, match=r"too thin: .* at most 32 times as long as wide"):
            read(tmp_path / "a.png")


def test_heic_is_read_where_its_package_is_installed(tmp_path, street):
    pillow_heif = pytest.importorskip("pillow_heif", reason="HEIC needs pillow-heif, an extra")
    pillow_heif.register_heif_opener()
    street.save(tmp_path / "a.heic", quality=90)
    assert difference(read_sized(tmp_path / "a.heic", (32, 32)).pixels, street) < 3


def test_heic_says_what_to_install(tmp_path, monkeypatch):
    (tmp_path / "a.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(100))
    monkeypatch.setattr(reading, "HEIC", False)
    monkeypatch.setattr(reading, "FORMATS", ["JPEG"])
    with pytest.raises(UnusablePhotoError, match=r"pip install 'sceneshift\[heic\]'"):
        read_photo(tmp_path / "a.heic")


@pytest.mark.parametrize("call", ["read_photo(path)", "read_sized(path, (64, 64))"])
def test_a_pixel_takes_no_more_memory_than_is_said(tmp_path, call):
    """25 million pixels at 7 bytes; converting the whole at once took 17."""
    row = bytes([0, *([128] * 5000 * 8)])
    write_png(tmp_path / "a.png", 5000, 5000, (row for _ in range(5000)), bits=16, kind=6)
    assert peak_megabytes(call, tmp_path / "a.png") < 25 * 8


def peak_megabytes(call: str, path: Path) -> int:
    program = (
        "import resource, sys; from sceneshift.images.reading import read_photo, read_sized; path = sys.argv[1]\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024\n"
        f"before = peak(); {call}; print(peak() - before)"
    )
    return int(subprocess.run([sys.executable, "-c", program, path], check=True, capture_output=True, text=True).stdout)
