"""report: the page that shows a run."""

from collections.abc import Sequence
from pathlib import Path

from sceneshift.report.page import write_page
from sceneshift.settings import PhotosSettings


def report(
    run_folder: Path | str,
    out: Path | str,
    *,
    settings: PhotosSettings | None = None,
    translated_from: Path | str | None = None,
    shipped: Sequence[Path] = (),
    shipped_from: Path | str | None = None,
) -> None:
    """Build the page that shows a run.

    run_folder: folder of a run: results/RUN
    out: page to write (.html)
    settings: what the config says of the photos: licence, credit
    translated_from: folder of the photos translated (default: the held-out ones)
    shipped: folders that editors which ship have made, each named as its editor
    shipped_from: folder of the photos that editors which ship have edited (translate.editors)

    Example: results/streets report.html
    """
    attribution = settings.attribution if settings else ""
    write_page(run_folder, out, translated_from, shipped, shipped_from, attribution)
