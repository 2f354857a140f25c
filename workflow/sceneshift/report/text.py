"""How the page writes names and numbers."""

import pandas as pd


def spoken(name: str) -> str:
    """`natural_light` -> `natural light`."""
    return name.replace("_", " ")


def sentence(text: str) -> str:
    """With a capital letter first; names in it stay as they are."""
    return text[:1].upper() + text[1:]


def figure(value: float, digits: int) -> str:
    """`−0.50`; nothing for NaN or None."""
    return "" if pd.isna(value) else f"{value:.{digits}f}".replace("-", "−")


def signed(value: float, digits: int) -> str:
    """`+0.50`, `−0.50`; nothing for NaN or None."""
    return figure(value, digits) if pd.isna(value) or value < 0 else f"{value:+.{digits}f}"
