"""import_boundary: a boundary of HiGAN, InterFaceGAN or StyleGAN2 Distillation becomes one of sceneshift."""

import sys
from pathlib import Path
from typing import get_args

from sceneshift.foreign.pickles import read_npy
from sceneshift.generator import load_generator
from sceneshift.latents.boundaries import Boundary, check_fits, save_boundary
from sceneshift.latents.higan_boundaries import (
    Numbering,
    layer_indices,
    layer_resolutions,
    resolutions_of,
    space_of,
    unit_normal,
)
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.settings import Space


def import_boundary(
    boundary: Path | str,
    out: Path | str,
    *,
    generator: Path | str,
    name: str | None = None,
    layers_of: Numbering = "stylegan2",
    space: Space | None = None,
) -> None:
    """Take over a boundary of HiGAN, InterFaceGAN or StyleGAN2 Distillation (.npy).

    boundary: an array (1, w_dim), of W+ (num_ws, w_dim), or a dict with boundary and meta_data (.npy)
    out: boundary to write (.npz)
    generator: generator whose codes it is for (.safetensors)
    name: attribute that it is more of (default: the file's name, without _boundary)
    layers_of: whose layers manipulate_layers counts
    space: latent space of the boundary (default: what the file says; else w, or w+ of an array with rows)

    Raises SceneshiftError for another format, width or space, values that are not finite, and layers that are
    not there.

    Example: natural_light_boundary.npy natural_light.npz --generator generator.safetensors
    """
    path, name = boundary, name or Path(boundary).stem.removesuffix("_boundary")
    held, facts = read_npy(path), {}
    if isinstance(held, dict):
        if "boundary" not in held:
            found = ", ".join(map(str, held))
            raise SceneshiftError(f"{path}: found the entries {found:.99}; expected boundary and meta_data.")
        held, said = held["boundary"], held.get("meta_data")
        facts = said if isinstance(said, dict) else {}
    normal = unit_normal(held, path)
    found = space_of(facts) or space or ("w+" if normal.ndim == 2 else None)
    if found is None:
        print(f"{path} does not say its latent space: taken as W. InterFaceGAN's without _w are of Z.", file=sys.stderr)
        found = "w"
    if found not in get_args(Space) or (found == "w+") != (normal.ndim == 2):
        shape = "z, w or w+" if found not in get_args(Space) else "(num_ws, w_dim)" if found == "w+" else "(1, w_dim)"
        raise SceneshiftError(f"{path} is of {found.upper():.9}, with an array of {normal.shape}; expected {shape}.")
    network = load_generator(generator)
    named = facts.get("manipulate_layers")
    layers = layer_resolutions(network.ws_resolutions, layers_of)
    resolutions = resolutions_of(layer_indices(named, path), layers, f"{path}: manipulate_layers {named!r}")
    boundary = Boundary(normal, 0.0, name, float("nan"), 0, "imported", resolutions=tuple(resolutions), space=found)
    check_fits(boundary, path, network, generator)
    save_boundary(boundary, out)
