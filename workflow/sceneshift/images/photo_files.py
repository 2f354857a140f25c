"""Photo files as they come and go: what is not edited (format, quality, colour profile, alpha) stays."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps, JpegImagePlugin

from sceneshift.images.reading import FORMATS, UnusablePhotoError, read_photo
from sceneshift.runtime.files import atomic_file

WEBP_QUALITY = 90  # a WebP file does not tell the quality it was written with


@dataclass(frozen=True)
class PhotoFile:
    """A decoded photo, upright, with what is needed to write an edited one in its place."""

    pixels: np.ndarray  # uint8 [H, W, 3]
    alpha: np.ndarray | None  # uint8 [H, W]
    format: str  # Pillow's name: JPEG, PNG, WEBP, BMP, TIFF
    options: dict[str, Any]  # of Pillow's save: quantisation tables, colour profile, EXIF


def read_photo_file(path: Path) -> PhotoFile:
    """Read a photo of any size. Raises UnusablePhotoError with the reason."""
    pixels, alpha = read_photo(path), None
    try:
        with Image.open(path, formats=FORMATS) as image:
            options = _save_options(image)
            if image.has_transparency_data:
                # the colours under the alpha as stored, where read_photo has laid them on white
                layers = np.asarray(ImageOps.exif_transpose(image.convert("RGBA")))
                pixels, alpha = np.ascontiguousarray(layers[..., :3]), layers[..., 3]
            return PhotoFile(pixels, alpha, image.format, options)
    except (OSError, ValueError, SyntaxError) as error:
        raise UnusablePhotoError(f"damaged: {type(error).__name__}: {error}") from error


def write_photo_file(path: Path, pixels: np.ndarray, like: PhotoFile) -> None:
    """Write edited `pixels` (uint8 [H, W, 3]) in the format and quality of `like`, atomically."""
    layers = pixels if like.alpha is None else np.dstack([pixels, like.alpha])
    encoded = io.BytesIO()
    Image.fromarray(layers).save(encoded, format=like.format, **like.options)
    with atomic_file(path) as temporary:
        temporary.write_bytes(encoded.getbuffer())


def _save_options(image: Image.Image) -> dict[str, Any]:
    options: dict[str, Any] = {}
    # the profile of a grey or CMYK picture does not fit the RGB picture that is written
    if image.mode in ("RGB", "RGBA", "P") and image.info.get("icc_profile"):
        options["icc_profile"] = image.info["icc_profile"]
    if image.format != "BMP" and (exif := _upright_exif(image)):
        options["exif"] = exif
    if image.format == "JPEG":
        if image.mode == "RGB":
            options |= {"qtables": image.quantization, "subsampling": JpegImagePlugin.get_sampling(image)}
        else:
            options |= {"quality": 95}
        options["progressive"] = bool(image.info.get("progressive"))
    elif image.format == "WEBP":
        options["quality"] = WEBP_QUALITY
    elif image.format == "TIFF":
        options["compression"] = "tiff_lzw"
    return options


def _upright_exif(image: Image.Image) -> bytes | None:
    """The EXIF data with the orientation reset, since the pixels are turned; None if there are none or are broken."""
    if image.format == "TIFF":
        return None  # its tags describe the stored pixels (strips, depth), which are written anew
    try:
        exif = image.getexif()
        exif.pop(0x0112, None)
        return exif.tobytes() if len(exif) else None
    except (OSError, ValueError, SyntaxError, KeyError, TypeError):
        return None  # broken EXIF does not make a photo unusable
