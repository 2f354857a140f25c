"""Photo files as they come and go: what is not edited (format, quality, profile, EXIF, XMP, dpi, alpha) stays."""

import io
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, JpegImagePlugin, PngImagePlugin

from sceneshift.images.reading import UnusablePhotoError, decoded, opened, room_for
from sceneshift.runtime.files import atomic_file

QUALITY = 90  # of WebP and HEIC: their files do not tell with which quality they were written
FORMAT_OF = {
    ".jpg": "JPEG", ".jpeg": "JPEG", ".jpe": "JPEG", ".jfif": "JPEG", ".png": "PNG", ".webp": "WEBP", ".bmp": "BMP",
    ".dib": "BMP", ".tif": "TIFF", ".tiff": "TIFF", ".heic": "HEIF", ".heif": "HEIF",
}  # fmt: skip
ORIENTATION, THUMBNAIL_PLACE, THUMBNAIL_LENGTH, XMP = 0x0112, 0x0201, 0x0202, 0x02BC  # TIFF and EXIF tags
IPTC = 0x0404  # among a JPEG's Photoshop resources
# What a file says beside its pixels, in words, and the formats that can hold it.
_EXTRAS = {
    "icc_profile": ("the color profile", {"JPEG", "PNG", "WEBP", "TIFF", "HEIF"}),
    "exif": ("the EXIF data", {"JPEG", "PNG", "WEBP", "HEIF"}),  # in TIFF files they describe the stored pixels
    "xmp": ("the XMP data", {"JPEG", "PNG", "WEBP", "TIFF", "HEIF"}),
    "dpi": ("the resolution in dpi", {"JPEG", "PNG", "TIFF", "BMP"}),
    "comment": ("the comment", {"JPEG"}),
}


@dataclass(frozen=True)
class Saving:
    """How an edited photo is written."""

    format: str  # Pillow's name: JPEG, PNG, WEBP, BMP, TIFF, HEIF
    options: dict[str, Any]  # of Pillow's save: quantization tables, color profile, EXIF
    alpha: np.ndarray | None = None  # uint8 [H, W]


@dataclass(frozen=True)
class PhotoFile:
    """A decoded photo, upright, with what is needed to write an edited one in its place."""

    pixels: np.ndarray  # uint8 [H, W, 3]
    saving: Saving
    wraps: bool = False  # a whole 360° panorama: the right border goes on at the left one
    lost: tuple[str, ...] = ()  # what the written file will lack, in words


def read_photo_file(path: Path, suffix: str = "") -> PhotoFile:
    """Read a photo of any size, to be written in its own format, or in that of another `suffix`.

    Raises UnusablePhotoError with the reason.
    """
    with opened(path) as image, room_for(image):
        own = "JPEG" if image.format == "MPO" else image.format  # phones: a JPEG with more pictures behind it
        target = FORMAT_OF.get(suffix.lower(), own)
        options, lost = _quality(image, path, own, target), list(_frames_lost(image))
        has_alpha = image.has_transparency_data and target != "JPEG"
        if image.has_transparency_data and not has_alpha:
            lost.append("the transparency, which JPEG files have none of")
        layers = decoded(image, alpha=has_alpha)  # the colors under transparent pixels as they are stored
        pixels, alpha = (np.ascontiguousarray(layers[..., :3]), layers[..., 3].copy()) if has_alpha else (layers, None)
        extras, damaged = _extras(image)
        lost += damaged
    if error := _failure(target, options):  # a quantization table that Pillow reads but cannot write
        options = {"quality": 95}
        lost.append(f"the JPEG quality, written as 95 ({error})")
    for name, value in extras.items():
        said, holding = _EXTRAS[name]
        option = {name: value} if name != "xmp" else _xmp_option(target, value)
        if target not in holding:
            lost.append(f"{said}, which {target} files do not hold")
        elif error := _failure(target, option):
            lost.append(f"{said}, which cannot be written ({error})")
        else:
            options |= option
    wraps = _is_whole_panorama(extras.get("xmp", b""), *pixels.shape[:2])
    return PhotoFile(pixels, Saving(target, options, alpha), wraps, tuple(lost))


def write_photo_file(path: Path, pixels: np.ndarray, saving: Saving) -> None:
    """Write edited `pixels` (uint8 [H, W, 3]) atomically. UnusablePhotoError if the format cannot hold them."""
    layers = pixels if saving.alpha is None else np.dstack([pixels, saving.alpha])
    encoded = io.BytesIO()
    try:
        Image.fromarray(layers).save(encoded, format=saving.format, **saving.options)
    except Exception as error:  # one side longer than the format allows, no memory
        raise UnusablePhotoError(f"cannot be written as {saving.format}: {type(error).__name__}: {error}") from error
    with atomic_file(path) as temporary:
        temporary.write_bytes(encoded.getbuffer())


def _quality(image: Image.Image, path: Path, own: str, target: str) -> dict[str, Any]:
    """Options of Pillow's save that keep the quality of the file."""
    if target == "JPEG":
        if own != "JPEG" or image.mode != "RGB":
            return {"quality": 95}
        sampling = JpegImagePlugin.get_sampling(image)
        progressive = bool(image.info.get("progressive"))
        return {"qtables": image.quantization, "subsampling": sampling, "progressive": progressive}
    if target == "WEBP":
        lossless = _is_lossless_webp(path) if own == "WEBP" else own not in ("JPEG", "HEIF")
        return {"lossless": True, "exact": True} if lossless else {"quality": QUALITY}
    return {"HEIF": {"quality": QUALITY}, "TIFF": {"compression": "tiff_lzw"}}.get(target, {})


def _is_lossless_webp(path: Path) -> bool:
    """Whether the first picture is in a VP8L chunk; a frame of an animation holds its chunks behind 16 bytes."""
    with open(path, "rb") as file:
        file.seek(12)
        while len(head := file.read(8)) == 8:
            name, size = head[:4], int.from_bytes(head[4:], "little")
            if name in (b"VP8 ", b"VP8L"):
                return name == b"VP8L"
            file.seek(16 if name == b"ANMF" else size + size % 2, io.SEEK_CUR)
    return False


def _frames_lost(image: Image.Image) -> Iterator[str]:
    try:
        count = getattr(image, "n_frames", 1)
    except Exception:  # the pages behind the first may be damaged
        count = 2
    if image.format == "MPO":
        yield f"{count - 1} more pictures behind the photo (a preview, depth or second view)"
    elif count > 1:
        yield "all pictures, pages or frames but the first"


def _extras(image: Image.Image) -> tuple[dict[str, Any], list[str]]:
    """What to write beside the pixels, by the name of Pillow's option, and what is too damaged for that, in words."""
    info, damaged = image.info, []
    extras = {name: info[name] for name in ("dpi", "comment") if info.get(name)}
    # the profile of a grey or CMYK picture does not fit the RGB picture that is written
    if image.mode in ("RGB", "RGBA", "P") and info.get("icc_profile"):
        extras["icc_profile"] = info["icc_profile"]
    if exif := info.get("exif") or _old_png_exif(info):
        try:
            extras["exif"] = _upright_exif(exif)
        except (struct.error, KeyError, IndexError):
            damaged.append("the EXIF data, which are damaged")
    if xmp := info.get("xmp"):
        extras["xmp"] = re.sub(rb"(tiff:Orientation(?:>|=[\"']))\s*[1-8]", rb"\g<1>1", bytes(xmp))
    if IPTC in (info.get("photoshop") or {}):
        damaged.append("the IPTC data (captions), which cannot be written")
    return extras, damaged


def _old_png_exif(info: dict[str, Any]) -> bytes:
    """EXIF data as ImageMagick long wrote them into PNG files: a text of hexadecimal digits."""
    try:
        return bytes.fromhex("".join(str(info.get("Raw profile type exif", "")).split("\n")[3:]))
    except ValueError:
        return b""


def _upright_exif(exif: bytes) -> bytes:
    """EXIF data with the orientation reset, since the pixels are turned, and the unedited photo's thumbnail blanked.

    The rest stays byte for byte, so that numbers which Pillow reads but cannot write, and the makers' own data, whose
    places count, survive. Raises struct.error, KeyError or IndexError if the data are damaged.
    """
    start = exif.find(b"Exif\0\0") + 6 if exif.startswith(b"Exif\0\0") else 0
    data = bytearray(exif[start:])
    order = {b"II": "<", b"MM": ">"}[bytes(data[:2])]

    def entries(directory: int) -> Iterator[tuple[int, int, int]]:
        """(place, tag, value) of each entry; values of 2 and 4 bytes."""
        (count,) = struct.unpack_from(f"{order}H", data, directory)
        for place in range(directory + 2, directory + 2 + 12 * count, 12):
            tag, kind = struct.unpack_from(f"{order}HH", data, place)
            yield place, tag, struct.unpack_from(f"{order}{'H' if kind == 3 else 'I'}", data, place + 8)[0]

    (first,) = struct.unpack_from(f"{order}I", data, 4)
    own = list(entries(first))
    for place, tag, _ in own:
        if tag == ORIENTATION:
            struct.pack_into(f"{order}HIHH", data, place + 2, 3, 1, 1, 0)
    end = first + 2 + 12 * len(own)
    if len(data) >= end + 4 and (second := struct.unpack_from(f"{order}I", data, end)[0]):
        values = {tag: value for _, tag, value in entries(second)}
        place, length = values.get(THUMBNAIL_PLACE, 0), values.get(THUMBNAIL_LENGTH, 0)
        data[place : place + length] = bytes(len(data[place : place + length]))
        struct.pack_into(f"{order}I", data, end, 0)
    return exif[:start] + bytes(data)


def _xmp_option(target: str, xmp: bytes) -> dict[str, Any]:
    if target == "PNG":
        text = PngImagePlugin.PngInfo()
        text.add_itxt("XML:com.adobe.xmp", xmp.decode("utf-8", "replace"))
        return {"pnginfo": text}
    return {"tiffinfo": {XMP: xmp}} if target == "TIFF" else {"xmp": xmp}


def _failure(target: str, options: dict[str, Any]) -> str | None:
    """Why a picture cannot be written with these options; None if it can."""
    try:
        Image.new("RGB", (16, 16)).save(io.BytesIO(), format=target, **options)
    except Exception as error:  # struct.error, OverflowError, ValueError: strange numbers lead to many
        return f"{type(error).__name__}: {error}"
    return None


def _is_whole_panorama(xmp: bytes, height: int, width: int) -> bool:
    """Whether Google's photo sphere metadata call it equirectangular, and it is the whole sphere."""

    def value(name: str) -> bytes | None:
        found = re.search(rf"GPano:{name}\s*(?:=\s*[\"']|>)\s*([^\"'<\s]+)".encode(), xmp)
        return found and found[1].lower()

    whole = value("CroppedAreaImageWidthPixels") == value("FullPanoWidthPixels")
    return value("ProjectionType") == b"equirectangular" and whole and abs(width - 2 * height) <= 2
