"""Taking over a generator that was trained elsewhere."""

import shutil
from pathlib import Path

from sceneshift.generator.checkpoints import load_generator
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.files import atomic_file


def import_generator(
    checkpoint: Path | str, out: Path | str, resolution: int | None = None, width: int | None = None
) -> None:
    """Check that `checkpoint` holds a whole generator of sceneshift, and copy it to `out`.

    Raises SceneshiftError if it cannot be read, or, where `resolution` is given, if its images are not that high and
    `width` px wide (None: square).
    """
    generator = load_generator(checkpoint)
    found, wanted = (generator.resolution, generator.width), (resolution, resolution if width is None else width)
    if resolution is not None and found != wanted:
        square = found[0] == found[1]
        raise SceneshiftError(
            f"generator.import: {checkpoint} makes images {found[0]} px high and {found[1]} px wide, but the photos"
            f" are {wanted[0]} px high and {wanted[1]} px wide. Set photos.resolution to {found[0]} and photos.width"
            f" to {'null' if square else found[1]}."
        )
    with atomic_file(out) as temporary:
        shutil.copyfile(checkpoint, temporary)
