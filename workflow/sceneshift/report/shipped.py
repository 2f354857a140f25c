"""What the report shows of the editors that ship: the run's photos, or those that ship, before and after."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sceneshift.images.finding import find_photos
from sceneshift.report.measured import Comparison, compared
from sceneshift.report.pictures import read_picture, spread
from sceneshift.report.run_files import needed


@dataclass(frozen=True)
class Shipped:
    """An editor that ships, on photos."""

    name: str
    photos: list[Comparison]


def read_shipped(folders: Sequence[Path], photos: Path, shown: int) -> tuple[list[Shipped], str]:
    """`shown` photos of each editor's folder, and what LICENCES.md beside the originals says; empty if there is none.

    Raises SceneshiftError for a photo that is missing.
    """
    editors = [
        Shipped(
            folder.name,
            [
                compared(path.relative_to(folder).as_posix(), read_picture(photos / path.relative_to(folder)), path)
                for path in spread(sorted(find_photos(folder)), shown)
            ],
        )
        for folder in map(needed, folders)
    ]
    licences = photos / "LICENCES.md"
    return editors, licences.read_text(encoding="utf-8") if licences.is_file() else ""
