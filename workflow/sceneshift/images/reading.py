"""Reading other people's photos safely: any supported format and mode, upright; a reason where it cannot be done."""

import hashlib
import os
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image, UnidentifiedImageError

from sceneshift.runtime.errors import SceneshiftError

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF")
FORMAT_NAMES = "JPEG, PNG, WebP, BMP or TIFF"
# Pillow itself refuses what lies above; a picture this large takes 0.5 GB once decoded.
MAX_PIXELS = 178_000_000
BACKGROUND = (255, 255, 255)  # behind transparent pixels

_EXTENSIONS = {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".dib", ".tif", ".tiff"}
# Pictures that we do not read: named as skipped, where a text file beside the photos is simply none of our business.
_OTHER_EXTENSIONS = {".gif", ".heic", ".heif", ".avif", ".jp2", ".jxl", ".dng", ".cr2", ".nef", ".arw"}
_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"II*\x00", b"MM\x00*")
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# Pillow warns from 89 million pixels on; ours is a limit with a reason. Set once: filters cannot be set within threads.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)

Crop = Literal["center", "pad"]


class UnusablePhotoError(Exception):
    """Why a file cannot be used as a photo; the message is the reason alone, without the file's name."""


@dataclass(frozen=True)
class SizedPhoto:
    """A photo brought to the training size."""

    pixels: np.ndarray  # uint8 [H, W, 3]
    width: int  # of the upright original
    height: int
    digest: bytes  # of the file's bytes


def find_photos(folder: Path) -> Iterator[Path]:
    """Every file in `folder` and its subfolders that is a picture by its content or claims to be one by its name.

    In the order of their names; paths include `folder`. Hidden files are left out. Linked folders are entered, once.
    """
    seen: set[str] = set()
    for parent, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(parent)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            path = Path(parent, name)
            if not name.startswith(".") and path.is_file() and _is_candidate(path):
                yield path


def check_folder(folder: Path | str) -> None:
    """Raise SceneshiftError unless `folder` is a readable folder with at least one picture in it.

    Cheap: stops at the first picture and decodes nothing, so the workflow can call it before any job starts.
    """
    folder = Path(folder)
    what = f"photos.folder: {folder}"
    if not folder.exists():
        raise SceneshiftError(f"{what} does not exist. Name a folder of {FORMAT_NAMES} photos.")
    if not folder.is_dir():
        raise SceneshiftError(f"{what} is a file. Name the folder of {FORMAT_NAMES} photos that it lies in.")
    if not os.access(folder, os.R_OK | os.X_OK):
        raise SceneshiftError(f"{what} cannot be read: no permission. Mend the folder's permissions.")
    if next(find_photos(folder), None) is None:
        raise SceneshiftError(f"{what} and its subfolders hold no photo: looked for {FORMAT_NAMES} files.")


def read_photo(path: Path | str) -> np.ndarray:
    """A photo at its own size, upright: uint8 [H, W, 3] RGB. Raises UnusablePhotoError with the reason."""
    with _opened(Path(path)) as image:
        orientation = _orientation(image)
        image.load()
        return np.asarray(_upright(_to_rgb(image), orientation))


def read_sized(path: Path | str, shape: tuple[int, int], crop: Crop = "center") -> SizedPhoto:
    """A photo at the size `shape`: height and width in pixels.

    crop: `center` takes the largest centred part of that shape; `pad` keeps the whole picture and mirrors it into the
    borders. The picture is turned upright by its EXIF orientation; transparent pixels lie on white; 16-bit depth is
    reduced to 8; colour profiles are not applied.

    Raises UnusablePhotoError with the reason: empty, no supported format, truncated or damaged, too many pixels, or
    smaller than `shape` (in either direction for `center`, in both for `pad`): it would have to be blown up.
    """
    path = Path(path)
    with _opened(path) as image:
        orientation = _orientation(image)
        width, height = image.size if orientation < 5 else image.size[::-1]
        scale = _scale(width, height, shape, crop)
        if scale > 1:
            either = "and" if crop == "center" else "or"
            needs = f"needs a width of {shape[1]} {either} a height of {shape[0]} pixels"
            raise UnusablePhotoError(f"too small: {width} x {height}, {needs}")
        # JPEG can be decoded at a half, quarter or eighth; twice the target leaves the last step to a good filter.
        image.draft(None, tuple(int(side * 2 * scale) + 1 for side in image.size))
        image.load()
        pixels = _sized(_upright(_to_rgb(image), orientation), shape, crop)
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).digest()
    return SizedPhoto(pixels, width, height, digest)


def _is_candidate(path: Path) -> bool:
    if path.suffix.lower() in _EXTENSIONS | _OTHER_EXTENSIONS:
        return True
    try:
        with open(path, "rb") as file:
            start = file.read(12)
    except OSError:
        return False
    return start.startswith(_SIGNATURES) or (start[:4] == b"RIFF" and start[8:12] == b"WEBP")


class _opened:  # noqa: N801  a context manager, used like a function
    """Open an image and turn whatever a damaged file makes the decoder raise into UnusablePhotoError with a reason."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> Image.Image:
        try:
            if self._path.stat().st_size == 0:
                raise UnusablePhotoError("empty file (zero bytes)")
            self._image = Image.open(self._path, formats=FORMATS)
        except UnusablePhotoError:
            raise
        except Exception as error:
            raise UnusablePhotoError(self._reason(error)) from error
        width, height = self._image.size
        if width * height > MAX_PIXELS:
            self._image.close()
            raise UnusablePhotoError(f"too many pixels: {width} x {height}, at most {MAX_PIXELS // 10**6} million")
        return self._image

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._image.close()
        # Decoders of damaged files raise nearly everything: OSError, SyntaxError, ValueError, struct.error, zlib.error.
        if isinstance(error, Exception) and not isinstance(error, UnusablePhotoError):
            raise UnusablePhotoError(self._reason(error)) from error

    def _reason(self, error: Exception) -> str:
        if isinstance(error, Image.DecompressionBombError):
            return f"too many pixels: at most {MAX_PIXELS // 10**6} million"
        if isinstance(error, PermissionError):
            return "no permission to read it"
        if isinstance(error, UnidentifiedImageError):
            suffix = self._path.suffix.lower()
            despite = f", despite its extension {suffix}" if suffix in _EXTENSIONS else ""
            return f"not a {FORMAT_NAMES} file{despite}"
        if "truncated" in str(error).lower():
            return "truncated: the file ends too early"
        return f"damaged: {type(error).__name__}: {error}"


def _orientation(image: Image.Image) -> int:
    try:
        value = image.getexif().get(0x0112, 1)
    except Exception:  # broken EXIF does not make the picture unusable
        return 1
    return value if value in _UPRIGHT else 1


def _upright(image: Image.Image, orientation: int) -> Image.Image:
    return image.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else image


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode.startswith("I") or image.mode == "F":
        return Image.fromarray(_to_8_bit(np.asarray(image))).convert("RGB")
    if image.has_transparency_data:
        picture = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", picture.size, (*BACKGROUND, 255)), picture).convert("RGB")
    return image.convert("RGB")


def _to_8_bit(grey: np.ndarray) -> np.ndarray:
    """Deep grey [H, W] -> uint8. Pillow's own conversion clips at 255. The range is that of the type, or for the types
    that name none the smallest of 1 (floats), 255 and 65535 that holds the values."""
    if grey.dtype == np.uint16:
        return (grey >> 8).astype(np.uint8)
    grey = np.nan_to_num(grey.astype(np.float32))
    largest = float(grey.max(initial=0))
    top = 1.0 if largest <= 1 else 255.0 if largest <= 255 else max(65535.0, largest)
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
