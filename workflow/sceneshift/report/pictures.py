"""Pictures as data URIs, small enough for a page that holds them all."""

import base64
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from sceneshift.evaluation.locality import difference
from sceneshift.images.luma import luminance
from sceneshift.runtime.errors import SceneshiftError

LOSSLESS_SIDE = 160  # pictures up to this side keep every pixel
TINT = (24, 104, 132)  # of what changed, as on the explorer's page
FULL_TINT = 128  # levels of change


def read_picture(path: Path) -> Image.Image:
    """The picture as RGB. Raises SceneshiftError that names a file that is missing or no picture."""
    try:
        with Image.open(path) as picture:
            return picture.convert("RGB")
    except Exception as error:  # decoders of damaged files raise nearly everything
        raise SceneshiftError(f"The report needs the picture {path}, which cannot be read ({error}).") from error


def data_uri(picture: Image.Image | np.ndarray, side: int = 640) -> str:
    """A picture (or uint8 [H, W, 3]) shrunk until its longer side is at most `side`: PNG if small, else JPEG."""
    picture = Image.fromarray(picture) if isinstance(picture, np.ndarray) else picture.copy()
    picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    small = max(picture.size) <= LOSSLESS_SIDE
    stream = io.BytesIO()
    picture.save(stream, **({"format": "PNG", "optimize": True} if small else {"format": "JPEG", "quality": 86}))
    return encoded(stream.getvalue(), "image/png" if small else "image/jpeg")


def changed(before: Image.Image, after: Image.Image) -> np.ndarray:
    """Where pictures of one size differ: the largest |after − before| of a channel, as `tinted` shows it."""
    before, after = np.asarray(before), np.asarray(after)
    return tinted(before, difference(before, after) / FULL_TINT)


def tinted(photo: np.ndarray, amount: np.ndarray) -> np.ndarray:
    """The photo, uint8 [H, W, 3], in pale grey under a calm tint, by `amount` [H, W], from 0 to 1 and above."""
    grey = (150 + 0.4 * 255 * luminance(photo[None])[0])[..., None]
    return (grey + np.minimum(amount, 1)[..., None] * (np.array(TINT) - grey)).astype(np.uint8)


def encoded(content: bytes, kind: str) -> str:
    """Bytes of media type `kind` as a data URI."""
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


def spread(items: Sequence, count: int) -> list:
    """At most `count` of `items`, evenly spread from the first to the last."""
    if len(items) <= count:
        return list(items)
    return [items[place] for place in np.linspace(0, len(items) - 1, count).round().astype(int)]
