"""Sheets of pictures to look at."""

from collections.abc import Sequence

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

TITLE_HEIGHT, TITLE_SIZE = 24, 16  # pixels
FONT = f"{matplotlib.get_data_path()}/fonts/ttf/DejaVuSans.ttf"  # Pillow's own has no minus sign
MARK = "#b5542c"


def sheet(
    columns: Sequence[np.ndarray], titles: Sequence[str] = (), *, gap: int = 0, enlarged: int = 1, smooth: bool = False,
    marked: int | None = None,
) -> Image.Image:  # fmt: skip
    """Columns of pictures side by side on white, each a uint8 [N, H, W, 3] and all of one shape.

    titles: written above the columns; gap: pixels between pictures; enlarged: each picture by this whole factor, its
    pixels visible, or `smooth`; marked: the column to draw a frame around, as wide as half of the gap.
    """
    count, height, width, _ = columns[0].shape
    height, width = height * enlarged, width * enlarged
    filter_ = Image.Resampling.BICUBIC if smooth else Image.Resampling.NEAREST
    top = TITLE_HEIGHT if titles else 0
    picture = Image.new("RGB", (len(columns) * (width + gap) - gap, top + count * (height + gap) - gap), "white")
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
