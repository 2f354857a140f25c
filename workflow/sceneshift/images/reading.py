"""Reading other people's photos safely: any supported format and mode, upright; a reason where it cannot be done.

Memory has a bound: all threads together decode at most `MAX_PIXELS` at a time. Measured with 13,000 x 13,000 pixels,
one takes 7 bytes while it is decoded (Pillow's 4 and ours 3), 10 in a progressive JPEG, 11 where 16-bit colors use
fewer bits, 16 in WebP: at most 1.3, 1.8, 2 and 2.9 GB, however many threads there are.
"""

import contextlib
import hashlib
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image, PngImagePlugin, TiffImagePlugin, UnidentifiedImageError

from sceneshift.images.finding import EXTENSIONS, FORMAT_NAMES, why_unreadable
from sceneshift.runtime.errors import explanation
from sceneshift.runtime.parallel import Budget

FORMATS = ["JPEG", "PNG", "WEBP", "BMP", "TIFF"]
try:
    from pillow_heif import register_heif_opener
except ImportError:
    HEIC = False
else:
    HEIC = True
    register_heif_opener()
    FORMATS.append("HEIF")

MAX_PIXELS = 178_000_000  # Pillow itself refuses what lies above
MAX_ASPECT = 32  # no panorama is longer; a line of pixels would become gigabytes where its short side is enlarged
BACKGROUND = (255, 255, 255)  # behind transparent pixels

_STRIP_PIXELS = 2**20  # pictures are converted in strips of rows of about this size
_DEPTHS = (8, 10, 12, 14, 16)  # bits that cameras and microscopes store in 16
_SIGNED = 2  # SampleFormat of a TIFF: whole numbers with a sign
# Of 16-bit colors Pillow keeps the first byte of the file's order, or the last one: the rawmode that keeps the other.
_OTHER_BYTE = {"RGB;16B": "RGB;16L", "RGB;16L": "RGB;16B"}
_OTHER_BYTE["RGB;16N"] = "RGB;16B" if sys.byteorder == "little" else "RGB;16L"
# An upright picture [H, W, C] as the stored one of this EXIF orientation, a view. Not ImageOps.exif_transpose: it
# copies the picture, and fails on EXIF data that cannot be written again.
_AS_STORED: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    1: lambda upright: upright,
    2: lambda upright: upright[:, ::-1],
    3: lambda upright: upright[::-1, ::-1],
    4: lambda upright: upright[::-1],
    5: lambda upright: upright.swapaxes(0, 1),
    6: lambda upright: np.rot90(upright, 1),
    7: lambda upright: np.rot90(upright, 2).swapaxes(0, 1),
    8: lambda upright: np.rot90(upright, -1),
}

# Pillow warns from 89 million pixels on; ours is a limit with a reason. Set once: filters cannot be set within threads.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
# Profiles of printers take megabytes, where Pillow allows PNG files one.
PngImagePlugin.MAX_TEXT_CHUNK = 2**25

Crop = Literal["center", "pad"]
_decoding = Budget(MAX_PIXELS)


class UnusablePhotoError(Exception):
    """Why a file cannot be used as a photo; the message is only the reason, without the file's name."""


@dataclass(frozen=True)
class SizedPhoto:
    """A photo brought to the training size."""

    pixels: np.ndarray  # uint8 [H, W, 3]
    width: int  # of the upright original
    height: int
    digest: bytes  # of the file's bytes


def read_photo(path: Path | str) -> np.ndarray:
    """A photo at its own size, upright: uint8 [H, W, 3] RGB. Raises UnusablePhotoError with the reason."""
    with opened(path) as image, room_for(image):
        return decoded(image)


def read_sized(path: Path | str, shape: tuple[int, int], crop: Crop = "center") -> SizedPhoto:
    """A photo at the size `shape`: height and width in pixels.

    crop: `center` takes the largest centered part of that shape; `pad` keeps the whole picture and mirrors it into the
    borders. The picture is turned upright by its EXIF orientation; transparent pixels lie on white; deep greys are
    reduced to 8 bits (`_to_8_bits`); color profiles are not applied.

    Raises UnusablePhotoError with the reason: empty, no supported format, truncated or damaged, too many pixels, or
    smaller than `shape` (in either direction for `center`, in both for `pad`): it would have to be blown up.
    """
    with opened(path) as image, room_for(image):
        width, height = upright_size(image)
        scale = _scale(width, height, shape, crop)
        if scale > 1:
            either = "and" if crop == "center" else "or"
            needs = f"needs a width of {shape[1]} {either} a height of {shape[0]} pixels"
            raise UnusablePhotoError(f"too small: {width} x {height}, {needs}")
        # JPEG can be decoded at a half, quarter or eighth; twice the target leaves the last step to a good filter.
        image.draft(None, tuple(int(side * 2 * scale) + 1 for side in image.size))
        pixels = decoded(image)
        image.close()  # frees Pillow's copy before there is another one
        pixels = _sized(Image.fromarray(pixels), shape, crop)
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).digest()
    return SizedPhoto(pixels, width, height, digest)


@contextlib.contextmanager
def opened(path: Path | str) -> Iterator[Image.Image]:
    """The file's header as Pillow reads it; nothing is decoded yet.

    Raises UnusablePhotoError, also for what a damaged file makes the decoder raise within the block.
    """
    path = Path(path)
    if reason := why_unreadable(path):
        raise UnusablePhotoError(reason)
    try:
        if path.stat().st_size == 0:
            raise UnusablePhotoError("empty file (zero bytes)")
        with Image.open(path, formats=FORMATS) as image:
            width, height = image.size
            if width * height > MAX_PIXELS:
                raise UnusablePhotoError(f"too many pixels: {width} x {height}, at most {MAX_PIXELS // 10**6} million")
            if max(width, height) > MAX_ASPECT * min(width, height):
                raise UnusablePhotoError(f"too thin: {width} x {height}, at most {MAX_ASPECT} times as long as wide")
            if image.format == "TIFF" and image.tag_v2.get(284) == 2 and _bits(image) == 16:
                raise UnusablePhotoError("a TIFF of 16-bit colors in planes: save it with 8 bits")  # read wrongly
            yield image
    # Decoders of damaged files raise nearly everything: OSError, SyntaxError, ValueError, struct.error, zlib.error.
    except Exception as error:
        if isinstance(error, UnusablePhotoError):
            raise
        raise UnusablePhotoError(_reason(path, error)) from error


def room_for(image: Image.Image) -> contextlib.AbstractContextManager[None]:
    """Within the block there is memory for the decoded picture: other threads wait with theirs."""
    return _decoding.taken(image.width * image.height)


def upright_size(image: Image.Image) -> tuple[int, int]:
    """Width and height of the upright picture."""
    return image.size if _orientation(image) < 5 else image.size[::-1]


def decoded(image: Image.Image, alpha: bool = False) -> np.ndarray:
    """The picture upright: uint8 [H, W, 3], transparent pixels on white.

    alpha: uint8 [H, W, 4], the colors under transparent pixels as they are stored.
    """
    orientation = _orientation(image)
    image.load()
    convert = partial(Image.Image.convert, mode="RGBA") if alpha else _converter(image)
    width, height = upright_size(image)
    upright = np.empty((height, width, 4 if alpha else 3), np.uint8)
    stored = _AS_STORED[orientation](upright)
    for rows, strip in _strips(image):
        stored[rows] = np.asarray(convert(strip))
    if image.mode in ("RGB", "RGBA") and (top := int(upright[..., :3].max())) < 64 and _bits(image) == 16:
        bits = next(bits for bits in _DEPTHS if top < 2 ** (bits - 8))
        if image.mode == "RGBA":
            raise UnusablePhotoError(f"its 16-bit colors use only {bits} bits, beside alpha: save it with 8 bits")
        with _lower_bytes(image) as lower:
            for rows, strip in _strips(lower):
                stored[rows] = (stored[rows].astype(np.uint16) << 8 | np.asarray(strip)) >> (bits - 8)
    return upright


def _strips(image: Image.Image) -> Iterator[tuple[slice, Image.Image]]:
    step = max(1, _STRIP_PIXELS // image.width)
    for top in range(0, image.height, step):
        rows = slice(top, min(top + step, image.height))
        yield rows, image.crop((0, rows.start, image.width, rows.stop))


def _lower_bytes(image: Image.Image) -> Image.Image:
    """The picture once more, with the lower bytes of its 16-bit colors."""

    def other(args: Any) -> Any:
        return _OTHER_BYTE[args] if isinstance(args, str) else (_OTHER_BYTE[args[0]], *args[1:])

    again = Image.open(image.filename, formats=[image.format])
    again.tile = [tile._replace(args=other(tile.args)) for tile in again.tile]
    return again


def _reason(path: Path, error: Exception) -> str:
    if isinstance(error, Image.DecompressionBombError):
        return f"too many pixels: at most {MAX_PIXELS // 10**6} million"
    if isinstance(error, FileNotFoundError):
        return "no longer there"
    if isinstance(error, PermissionError):
        return "no permission to read it"
    if isinstance(error, OSError) and (reason := explanation(error)):
        return reason
    if isinstance(error, UnidentifiedImageError):
        with open(path, "rb") as file:
            start = file.read(12)
        if start.startswith((b"II*\0", b"MM\0*")):
            return f"a TIFF with pixels of a kind that cannot be read ({_tiff_pixels(path)}): save it with 8 bits"
        if start[4:12] in (b"ftypheic", b"ftypheix", b"ftypmif1", b"ftypmsf1") and not HEIC:
            return "HEIC cannot be read yet: pip install 'sceneshift[heic]', then run again"
        despite = f", despite its extension {path.suffix.lower()}" if path.suffix.lower() in EXTENSIONS else ""
        return f"not a {FORMAT_NAMES} file{despite}"
    if "truncated" in str(error).lower():
        return "truncated: the file ends too early"
    if isinstance(error, MemoryError):
        return "too large for this machine's memory"
    return f"damaged: {type(error).__name__}: {error}"


def _tiff_pixels(path: Path) -> str:
    """What a TIFF says of its pixels: `3 samples of 32 bits, floats`."""
    try:
        with open(path, "rb") as file:
            tags = TiffImagePlugin.ImageFileDirectory_v2(file.read(8))
            file.seek(tags.next)
            tags.load(file)
        bits, kinds = tags.get(258, (1,)), {1: "", 2: ", signed", 3: ", floats"}
        kind = kinds.get(tags.get(339, (1,))[0], ", of no known kind")
        return f"{tags.get(277, 1)} samples of {bits[0]} bits{kind}, compression {tags.get(259, 1)}"
    except Exception:
        return "damaged tags"


def _bits(image: Image.Image) -> int:
    """Bits that the file stores of each channel."""
    if image.format == "PNG":
        with open(image.filename, "rb") as file:
            return file.read(25)[24]
    return image.tag_v2.get(258, (8,))[0] if image.format == "TIFF" else 8


def _orientation(image: Image.Image) -> int:
    """By its EXIF data, 1 to 8; 1 for a TIFF, which Pillow itself turns as it decodes it."""
    if image.format == "TIFF":
        return 1
    try:
        value = image.getexif().get(0x0112, 1)
    except Exception:  # broken EXIF does not make the picture unusable
        return 1
    return value if value in _AS_STORED else 1


def _converter(image: Image.Image) -> Callable[[Image.Image], Image.Image]:
    """What makes RGB of strips of this picture."""
    if image.mode.startswith("I") or image.mode == "F" or (image.mode == "L" and _sample_format(image) == _SIGNED):
        largest = max(_largest(_greys(image, strip)) for _, strip in _strips(image))
        return lambda strip: Image.fromarray(_to_8_bits(_greys(image, strip), largest)).convert("RGB")
    if image.has_transparency_data:
        return _on_background
    return partial(Image.Image.convert, mode="RGB")


def _on_background(image: Image.Image) -> Image.Image:
    picture = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", picture.size, (*BACKGROUND, 255)), picture).convert("RGB")


def _greys(image: Image.Image, strip: Image.Image) -> np.ndarray:
    """Deep or signed grey [H, W] of a strip of `image`, as the file stores it: Pillow has few modes for them."""
    greys, bits, signed = np.asarray(strip), _bits(image), _sample_format(image) == _SIGNED
    if image.mode == "L":
        return greys.view(np.int8)
    if image.mode == "I" and bits in (16, 32):
        return greys.astype({(16, True): np.int16, (32, False): np.uint32}.get((bits, signed), np.int32), copy=False)
    return greys


def _sample_format(image: Image.Image) -> int:
    """Of a TIFF: 1 whole numbers, 2 signed ones, 3 floats; 1 of other formats."""
    return image.tag_v2.get(339, (1,))[0] if image.format == "TIFF" else 1


def _largest(grey: np.ndarray) -> float:
    """The largest finite value of deep grey [H, W]; 0 if there is none."""
    return float(np.max(grey, initial=0, where=np.isfinite(grey)))


def _to_8_bits(grey: np.ndarray, largest: float) -> np.ndarray:
    """Deep or signed grey [H, W] -> uint8, by the picture's largest value; Pillow's own conversion clips at 255.

    White is the most that the fewest of 8, 10, 12, 14 or 16 bits hold (12-bit cameras write 16-bit files), but no more
    than the type does; negative values are black. For floats it is the smallest of 1, 255 and 65535 that holds the
    values.
    """
    if grey.dtype.kind in "iu":
        bits = next((bits for bits in _DEPTHS if largest < 2**bits), int(largest).bit_length())
        bits = min(bits, int(np.iinfo(grey.dtype).max).bit_length())
        return (grey.clip(0).astype(np.int64) << 8 >> bits).astype(np.uint8)
    top = 1.0 if largest <= 1 else 255.0 if largest <= 255 else max(65535.0, largest)
    grey = np.nan_to_num(grey.astype(np.float32), posinf=top)
    return np.clip(grey * (255 / top) + 0.5, 0, 255).astype(np.uint8)


def _scale(width: int, height: int, shape: tuple[int, int], crop: Crop) -> float:
    """Factor that makes a picture cover `shape` (`center`), or fit into it (`pad`)."""
    factors = shape[0] / height, shape[1] / width
    return max(factors) if crop == "center" else min(factors)


def _sized(image: Image.Image, shape: tuple[int, int], crop: Crop) -> np.ndarray:
    width, height = image.size
    if crop == "center":
        across, along = min(width, height * shape[1] / shape[0]), min(height, width * shape[0] / shape[1])
        left, top = (width - across) / 2, (height - along) / 2
        box, size = (left, top, left + across, top + along), shape[::-1]
    else:
        scale = _scale(width, height, shape, crop)
        box, size = None, (max(1, round(width * scale)), max(1, round(height * scale)))
    pixels = np.asarray(image.resize(size, Image.Resampling.LANCZOS, box=box, reducing_gap=3.0))
    down, right = shape[0] - pixels.shape[0], shape[1] - pixels.shape[1]
    if down or right:
        border = ((down // 2, down - down // 2), (right // 2, right - right // 2), (0, 0))
        pixels = np.pad(pixels, border, mode="symmetric")
    return pixels
