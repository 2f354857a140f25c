"""Where jobs find the package."""

import os
from pathlib import Path

from sceneshift.runtime.shipped import PACKAGE, ROOT

LINKS = Path(".snakemake/sceneshift-package")


def package_alone() -> Path:
    """A folder for PYTHONPATH that holds the package and no other: a checkout's workflow/.

    Beside an installed one lie packages for one Python, which would get before those of a conda environment: there a
    link stands for it, in the working directory.
    """
    if PACKAGE.parent == ROOT / "workflow":
        return PACKAGE.parent
    LINKS.mkdir(parents=True, exist_ok=True)
    link, new = LINKS / "sceneshift", LINKS / f"{os.getpid()}"
    if not (link.is_symlink() and Path(os.readlink(link)) == PACKAGE):
        new.unlink(missing_ok=True)
        new.symlink_to(PACKAGE)
        new.replace(link)  # jobs of the last version may be at work
    return LINKS.absolute()
