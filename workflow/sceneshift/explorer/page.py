"""The page itself: one file, with weights beside it or inside."""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import sceneshift
from sceneshift.explorer.cards import Card
from sceneshift.explorer.examples import Example
from sceneshift.report.html import environment

HERE = Path(__file__).parent
WORKER = ("kernel.js", "network.js", "guided.js", "weights.js", "worker.js")
SCRIPT = ("small_copy.js", "blend.js", "photo.js", "save.js", "models.js", "stage.js", "page.js")


@dataclass(frozen=True)
class Editor:
    """A translator on the page; name: of its file in models/; resolution: of its small copies, in pixels."""

    name: str
    resolution: int
    card: Card


def page_text(
    title: str,
    editors: Sequence[Editor],
    examples: Sequence[Example],
    left_out: Sequence[tuple[str, str]],
    weights: dict[str, str],
) -> str:
    """The page as HTML.

    left_out: names and reasons of translators that a page cannot run; weights: packed translators to hold inside, by
    name; without them each is loaded from models/NAME.js.
    """
    templates = environment(HERE)
    templates.filters["digest"] = _digest
    return templates.get_template("page.html.j2").render(
        title=title,
        editors=editors,
        examples=examples,
        left_out=left_out,
        weights=weights,
        worker=_joined(WORKER),
        script='"use strict";\n' + _joined(SCRIPT),
        style=(HERE / "page.css").read_text(encoding="utf-8"),
        version=sceneshift.__version__,
    )


def _joined(names: Sequence[str]) -> str:
    return "\n".join((HERE / name).read_text(encoding="utf-8") for name in names)


def _digest(text: str) -> str:
    """As a page's content security policy names a script or style that it may run."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
