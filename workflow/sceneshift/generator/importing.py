"""Taking over a generator that was trained elsewhere."""

import shutil
from pathlib import Path

from sceneshift.generator.checkpoints import load_generator
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.files import atomic_file


def import_generator(checkpoint: Path | str, out: Path | str, shape: tuple[int, int] | None = None) -> None:
    """Check that `checkpoint` holds a whole generator of sceneshift, and copy it to `out`.

    Raises SceneshiftError if it cannot be read, or if its images have another height and width than `shape`.
    """
    generator = load_generator(checkpoint)
    found = (generator.resolution, generator.width)
    if shape is not None and found != shape:
        raise SceneshiftError(
            f"generator.import: {checkpoint} makes images {found[0]} px high and {found[1]} px wide, but the photos"
            f" are {shape[0]} px high and {shape[1]} px wide. Set photos.resolution to {found[0]} and photos.width"
            f" to {'null' if found[0] == found[1] else found[1]}."
        )
    with atomic_file(out) as temporary:
        shutil.copyfile(checkpoint, temporary)
