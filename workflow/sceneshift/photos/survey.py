"""A folder of photos at a glance, before anything is made from it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sceneshift.attributes.classes import classes_in
from sceneshift.images.finding import check_folder, find_photos
from sceneshift.images.reading import UnusablePhotoError, opened, upright_size
from sceneshift.runtime.errors import SceneshiftError

LOOKED_AT = 500  # photos whose sizes are read


@dataclass(frozen=True)
class Survey:
    """What a folder holds."""

    photos: list[Path]
    sizes: np.ndarray  # int [N, 2], width and height of up to LOOKED_AT of them, evenly spread
    unusable: list[tuple[Path, str]]  # of those looked at, with the reason
    classes: list[str]  # its subfolders as attributes; none: `no_classes` says why not
    no_classes: str

    def resolution(self, at_most: int) -> int:
        """The largest power of two, from 16 to `at_most`, that at most one in twenty photos is too small for."""
        shortest = np.quantile(self.sizes.min(axis=1), 0.05)
        return int(min(at_most, max(16, 2 ** np.floor(np.log2(shortest)))))

    def width(self, resolution: int) -> int | None:
        """The width nearest to the photos' usual shape that a generator of this height can have; None: square."""
        quarters = round(4 * float(np.median(self.sizes[:, 0] / self.sizes[:, 1])))
        return min(quarters, 16) * resolution // 4 if quarters > 4 else None


def survey(folder: Path | str) -> Survey:
    """Look at a folder: which photos, of which sizes, in which classes. Reads headers only.

    Raises SceneshiftError if it is missing, holds no photo, or none of those looked at can be used.
    """
    check_folder(folder)
    photos = list(find_photos(folder))
    sizes, unusable = [], []
    for path in photos[:: -(-len(photos) // LOOKED_AT)]:
        try:
            with opened(path) as image:
                sizes.append(upright_size(image))
        except UnusablePhotoError as reason:
            unusable.append((path, str(reason)))
    if not sizes:
        path, reason = unusable[0]
        raise SceneshiftError(f"{folder} has {len(photos):,} files, and none is a usable photo: {path}: {reason}.")
    try:
        classes, no_classes = classes_in(Path(folder), "photos.folder"), ""
    except SceneshiftError as reason:
        classes, no_classes = [], str(reason).removeprefix("photos.folder: ")
    return Survey(photos, np.array(sizes), unusable, classes, no_classes)
