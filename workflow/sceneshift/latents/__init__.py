"""Latent codes: sampling, the store, boundaries, moving, re-scoring. See the module of each name."""

from sceneshift.latents.boundaries import Boundary, load_boundary, save_boundary
from sceneshift.latents.moving import move_codes
from sceneshift.latents.separation import fit_boundary

__all__ = ["Boundary", "fit_boundary", "load_boundary", "move_codes", "save_boundary"]
