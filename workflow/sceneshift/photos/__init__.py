"""Photos in: rendered streets with labels, folders read safely, and the HDF5 photo store."""

from sceneshift.photos.streets import LABELS, render_street, street_factors

__all__ = ["LABELS", "render_street", "street_factors"]
