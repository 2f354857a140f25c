"""How the page writes names and numbers."""

from collections.abc import Sequence

import pandas as pd


def spoken(name: str) -> str:
    """`natural_light` -> `natural light`."""
    return name.replace("_", " ")


def sentence(text: str) -> str:
    """With a capital letter first; names in it stay as they are."""
    return text[:1].upper() + text[1:]


def listed(names: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def figure(value: float, digits: int) -> str:
    """`−0.50`; nothing for NaN or None."""
    return "" if pd.isna(value) else f"{round(value, digits) + 0.0:.{digits}f}".replace("-", "−")


def signed(value: float, digits: int) -> str:
    """`+0.50`, `−0.50`, `0.00`; nothing for NaN or None."""
    written = figure(value, digits)
    return f"+{written}" if written and round(value, digits) > 0 else written
