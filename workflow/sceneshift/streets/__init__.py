"""The rendered world: street scenes drawn from code, with labels that can be moved one at a time."""

from sceneshift.streets.labels import LABELS, street_labels
from sceneshift.streets.render import StreetView, draw_street, render_street

__all__ = ["LABELS", "StreetView", "draw_street", "render_street", "street_labels"]
