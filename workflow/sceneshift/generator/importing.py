"""Taking over a generator that was trained elsewhere."""

import shutil
from pathlib import Path

from sceneshift.generator.checkpoints import load_generator
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.files import atomic_file


def import_generator(checkpoint: Path | str, out: Path | str, resolution: int | None = None) -> None:
    """Check that `checkpoint` holds a whole generator of sceneshift, and copy it to `out`.

    Raises SceneshiftError if it cannot be read, or if its images have not `resolution` px where that is given.
    """
    generator = load_generator(checkpoint)
    if resolution is not None and generator.resolution != resolution:
        raise SceneshiftError(
            f"generator.import: {checkpoint} makes images of {generator.resolution} px, but photos.resolution is"
            f" {resolution}. Set photos.resolution to {generator.resolution}."
        )
    with atomic_file(out) as temporary:
        shutil.copyfile(checkpoint, temporary)
