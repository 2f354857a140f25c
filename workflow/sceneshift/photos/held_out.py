"""Which photos training never sees, and what they are called once translated."""

import hashlib
from collections.abc import Collection, Sequence
from pathlib import PurePosixPath

import numpy as np

FEWEST = 5  # photos held out of a folder, where that is no more than a quarter of it: one photo has no spread
LONGEST, KEPT = 255, 40  # bytes of a file's name on common file systems; characters that a shorter one begins with
MASKS = "masks"  # folder of the masks beside the translated photos


def is_held_out(name: str, share: float) -> bool:
    """Whether the photo of this name is among the `share` that training never sees. Depends on nothing else."""
    return _place(name) < share * 2**64


def is_judges(name: str) -> bool:
    """Whether the photo of this name is in the half that judges learn from; predictors then learn from the other.

    The last bit of the hash whose size says what is held out, so that the two are independent. Held-out photos are in
    neither half's training.
    """
    return bool(_place(name) & 1)


def held_out_among(names: Sequence[str], share: float) -> np.ndarray:
    """bool [N]: `is_held_out`, and where that holds out fewer than `FEWEST`, the photos that are next in line.

    Those added stay held out until enough photos are added to the folder.
    """
    places = np.array([_place(name) for name in names], dtype=np.uint64)
    held_out = np.array([is_held_out(name, share) for name in names], dtype=bool)
    if share > 0:
        held_out[np.argsort(places, kind="stable")[: min(FEWEST, len(names) // 4)]] = True
    return held_out


def png_names(names: Collection[str]) -> dict[str, str]:
    """Names under which pictures made of these photos are written as PNG files: with .png added unless they end so.

    No two are alike: beside `b.jpg`, whose picture is `b.jpg.png`, that of `b.jpg.png` is `b.jpg.png.png`. A name that
    would be too long for the file system becomes its beginning and a hash.
    """
    there = set(names)
    kept = {name for name in there if name.lower().endswith(".png") and name[: -len(".png")] not in there}
    return {name: name if name in kept else _with_png(name) for name in names}


def masks_folder(names: Collection[str]) -> str:
    """Name of the folder for masks: `masks`, with underscores behind where photos lie in one of that name."""
    taken = {name.split("/")[0] for name in names}
    folder = MASKS
    while folder in taken:
        folder += "_"
    return folder


def _with_png(name: str) -> str:
    written = PurePosixPath(f"{name}.png")
    if len(written.name.encode("utf-8", "surrogateescape")) <= LONGEST:
        return str(written)
    return str(written.with_name(f"{written.name[:KEPT]}-{_place(name):016x}.png"))


def _place(name: str) -> int:
    digest = hashlib.blake2b(name.encode("utf-8", "surrogateescape"), digest_size=8).digest()
    return int.from_bytes(digest, "big")
