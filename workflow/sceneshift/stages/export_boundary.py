"""export_boundary: a boundary as HiGAN and InterFaceGAN keep theirs."""

from pathlib import Path

import numpy as np

from sceneshift.latents.boundaries import load_boundary
from sceneshift.latents.higan_boundaries import Numbering, indices_of, old_npy
from sceneshift.runtime.files import atomic_file


def export_boundary(boundary: Path | str, out: Path | str, *, layers_of: Numbering = "stylegan2") -> None:
    """Write a boundary as HiGAN, InterFaceGAN and StyleGAN2 Distillation keep theirs (.npy).

    boundary: boundary (.npz)
    out: boundary to write (.npy): the array (1, w_dim), of W+ (num_ws, w_dim), or a dict for one of certain layers
    layers_of: whose layers to count, for a boundary of certain layers

    Example: boundaries/snow.npz snow_boundary.npy
    """
    loaded = load_boundary(boundary)
    array = loaded.normal if loaded.space == "w+" else loaded.normal[None]
    with atomic_file(out) as temporary, open(temporary, "wb") as file:
        if not loaded.resolutions:
            np.save(file, array)
            return
        space = {} if loaded.space == "w" else {"space": loaded.space}
        layers = ",".join(map(str, indices_of(loaded.resolutions, layers_of)))
        held = {"boundary": array, "meta_data": {"type": "attribute", "manipulate_layers": layers} | space}
        file.write(old_npy(held))
