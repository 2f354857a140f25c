"""What ships with sceneshift: small inputs, and editors, whose names stand wherever a translator's file may."""

import re
from collections.abc import Iterable
from pathlib import Path

from sceneshift.runtime.errors import must_be_known

PACKAGE = Path(__file__).parents[1]
# workflow/, config/, envs/ and resources/: the checkout around the package, or in it where it is installed
ROOT = PACKAGE / "shipped" if (PACKAGE / "shipped").is_dir() else PACKAGE.parents[1]
RESOURCES = ROOT / "resources"
EDITORS = RESOURCES / "editors"  # NAME.safetensors, and its card NAME.md


def located(path: str) -> str:
    """Where `path` lies: one that begins with `resources/` names what ships, whatever the working directory."""
    return str(ROOT / path) if path.startswith("resources/") and not Path(path).exists() else path


def shipped_editors() -> dict[str, Path]:
    """Name -> file of every editor that ships."""
    return {path.stem: path for path in sorted(EDITORS.glob("*.safetensors"))}


def shipped_files(names: Iterable[str], where: str) -> dict[str, str]:
    """Name -> file of some editors that ship. Raises SceneshiftError for a name that none has; `where` is its key."""
    shipped = shipped_editors()
    for name in names:
        must_be_known(name, list(shipped), where, "the editors that ship are")
    return {name: str(shipped[name]) for name in names}


def translator_file(name: Path | str) -> Path:
    """The file of a translator: `name` itself if it is a file, else that of the shipped editor of this name.

    What has a suffix or a folder can only be a file. Raises SceneshiftError for any other name that no editor has.
    """
    path, shipped = Path(name), shipped_editors()
    if path.is_file() or path.suffix or len(path.parts) > 1:
        return path
    must_be_known(str(name), list(shipped), "translator", "there is no such file, and the editors that ship are")
    return shipped[str(name)]


def what_it_does(editor: Path) -> str:
    """The first sentence of a shipped editor's card."""
    paragraphs = re.split(r"\n\s*\n", editor.with_suffix(".md").read_text(encoding="utf-8").strip())
    text = next(paragraph for paragraph in paragraphs if not paragraph.startswith(("#", "!")))
    return re.split(r"(?<=[.!?])\s", " ".join(text.split()), maxsplit=1)[0]
