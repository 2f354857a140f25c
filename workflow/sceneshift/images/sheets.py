"""Sheets of pictures to look at."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from sceneshift.runtime.errors import SceneshiftError

TITLE_HEIGHT, TITLE_SIZE = 24, 16  # pixels
FONT = f"{matplotlib.get_data_path()}/fonts/ttf/DejaVuSans.ttf"  # Pillow's own has no minus sign
MARK = "#b5542c"
MOST_SIDE = {"JPEG": 65_500, "WEBP": 16_383}  # pixels, of the formats
MOST_PIXELS = 2**28  # a sheet is in memory as a whole


def sheet_size(
    rows: int, columns: int, shape: tuple[int, int], *, gap: int = 0, enlarged: int = 1, titled: bool = False
) -> tuple[int, int]:
    """Height and width of the `sheet` of pictures of this shape."""
    top = TITLE_HEIGHT if titled else 0
    return top + rows * (shape[0] * enlarged + gap) - gap, columns * (shape[1] * enlarged + gap) - gap


def check_sheet(out: Path | str, file_format: str, size: tuple[int, int]) -> None:
    """Raise SceneshiftError for a sheet that is too large to be written; before its pictures are made."""
    height, width = size
    if max(size) > MOST_SIDE.get(file_format, MOST_PIXELS) or height * width > MOST_PIXELS:
        raise SceneshiftError(
            f"{out} would have {width} x {height} pixels, more than a {file_format} sheet can have. Ask for fewer"
            " images or columns."
        )


def sheet(
    columns: Sequence[np.ndarray], titles: Sequence[str] = (), *, gap: int = 0, enlarged: int = 1, smooth: bool = False,
    marked: int | None = None,
) -> Image.Image:  # fmt: skip
    """Columns of pictures side by side on white, each a uint8 [N, H, W, 3] and all of one shape.

    titles: written above the columns; gap: pixels between pictures; enlarged: each picture by this whole factor, its
    pixels visible, or `smooth`; marked: the column to draw a frame around, as wide as half of the gap.
    """
    count, *shape, _ = columns[0].shape
    size = sheet_size(count, len(columns), shape, gap=gap, enlarged=enlarged, titled=bool(titles))
    height, width = shape[0] * enlarged, shape[1] * enlarged
    filter_ = Image.Resampling.BICUBIC if smooth else Image.Resampling.NEAREST
    top = TITLE_HEIGHT if titles else 0
    picture = Image.new("RGB", size[::-1], "white")
    for x, column in enumerate(columns):
        for y, pixels in enumerate(column):
            cell = Image.fromarray(pixels).resize((width, height), filter_)
            picture.paste(cell, (x * (width + gap), top + y * (height + gap)))
    draw, font = ImageDraw.Draw(picture), ImageFont.truetype(FONT, TITLE_SIZE)
    for x, title in enumerate(titles):
        draw.text((x * (width + gap) + width / 2, top / 2), title, fill="black", font=font, anchor="mm")
    if marked is not None:
        left = marked * (width + gap)
        draw.rectangle((left - gap / 2, 0, left + width + gap / 2, picture.height - 1), outline=MARK, width=gap // 2)
    return picture


def grid(images: np.ndarray, columns: int) -> Image.Image:
    """uint8 [N, H, W, 3] -> one picture, row by row; N is cut to whole rows."""
    columns = min(columns, len(images))
    whole = images[: len(images) // columns * columns]
    return sheet([whole[x::columns] for x in range(columns)])
