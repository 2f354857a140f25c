"""fetch: a file that others publish."""

from collections.abc import Sequence
from pathlib import Path

from sceneshift.foreign.downloads import download


def fetch(out: Path | str, urls: Sequence[str]) -> None:
    """Download a file that others publish: several mirrors, resumed when cut, checked.

    out: file to write
    urls: mirrors (http, https), tried in turn; #sha256=… behind one is what the file must hash to, wherever it is from

    Raises SceneshiftError that says what each mirror answered, and where to put a copy found elsewhere.

    Example: weights/wideresnet18_places365.pth.tar http://places2.csail.mit.edu/models_places365/wideresnet18_places365.pth.tar
    """
    download(urls, Path(out))
