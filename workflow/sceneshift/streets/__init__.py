"""The rendered world: street scenes drawn from code, with labels that can be moved one at a time.

This loads no scipy: the plan of a run reads the labels' names.
"""

from typing import Any

from sceneshift.streets.labels import LABELS, VISIBLE, street_labels

__all__ = ["LABELS", "VISIBLE", "StreetView", "draw_street", "render_street", "render_streets", "street_labels"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from sceneshift.streets import render

    return getattr(render, name)
