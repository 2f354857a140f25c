"""Latent codes: sampling, the store, boundaries, moving, re-scoring. See the module of each name."""

from sceneshift.latents.boundaries import Boundary, condition, fit_boundary, load_boundary, save_boundary
from sceneshift.latents.codes import z_of
from sceneshift.latents.index import index_synthesis
from sceneshift.latents.levels import levels
from sceneshift.latents.moving import move_codes
from sceneshift.latents.store import LatentStore

__all__ = [
    "Boundary", "LatentStore", "condition", "fit_boundary", "index_synthesis", "levels", "load_boundary", "move_codes",
    "save_boundary", "z_of",
]  # fmt: skip
