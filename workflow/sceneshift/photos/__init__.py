"""Photos in: rendered streets with labels, folders read safely, and the HDF5 photo store."""

from sceneshift.photos.prepare import is_held_out, prepare_photos
from sceneshift.photos.reading import (
    FORMAT_NAMES,
    UnusablePhotoError,
    check_folder,
    find_photos,
    read_photo,
    read_sized,
)
from sceneshift.photos.store import PhotoStore, PhotoStoreWriter
from sceneshift.photos.streets import LABELS, render_street, street_factors

__all__ = [
    "FORMAT_NAMES",
    "LABELS",
    "PhotoStore",
    "PhotoStoreWriter",
    "UnusablePhotoError",
    "check_folder",
    "find_photos",
    "is_held_out",
    "prepare_photos",
    "read_photo",
    "read_sized",
    "render_street",
    "street_factors",
]
