"""import_boundary: a boundary of HiGAN or InterFaceGAN becomes one of sceneshift."""

import sys
from pathlib import Path

from sceneshift.foreign.pickles import read_npy
from sceneshift.generator import load_generator
from sceneshift.latents.boundaries import Boundary, Space, check_space, check_width, save_boundary
from sceneshift.latents.higan_boundaries import (
    Numbering,
    layer_indices,
    layer_resolutions,
    resolutions_of,
    space_of,
    unit_normal,
)
from sceneshift.runtime.errors import SceneshiftError


def import_boundary(
    boundary: Path | str,
    out: Path | str,
    *,
    generator: Path | str,
    name: str | None = None,
    layers_of: Numbering = "stylegan2",
    space: Space | None = None,
) -> None:
    """Take over a boundary of HiGAN or InterFaceGAN (.npy).

    boundary: an array (1, w_dim), or a dict with boundary and meta_data (.npy)
    out: boundary to write (.npz)
    generator: generator whose codes it is for (.safetensors)
    name: attribute that it is more of (default: the file's name, without _boundary)
    layers_of: whose layers manipulate_layers counts
    space: latent space of the boundary (default: what the file says, else w)

    Raises SceneshiftError for another format, width or space than W, values that are not finite, and layers that are
    not there.

    Example: natural_light_boundary.npy natural_light.npz --generator generator.safetensors
    """
    path, name = boundary, name or Path(boundary).stem.removesuffix("_boundary")
    held = read_npy(path)
    if isinstance(held, dict):
        if "boundary" not in held:
            found = ", ".join(map(str, held))
            raise SceneshiftError(f"{path}: found the entries {found:.99}; expected boundary and meta_data.")
        held, facts = held["boundary"], held.get("meta_data")
        facts = facts if isinstance(facts, dict) else {}
    else:
        facts = {}
        if space is None:
            print(
                f"{path} does not say its latent space: taken as W. InterFaceGAN's without _w are of Z.",
                file=sys.stderr,
            )
    check_space(space_of(facts) or space or "w", path)
    network = load_generator(generator)
    normal = unit_normal(held, path)
    check_width(normal, network.w_dim, path, generator)
    named = facts.get("manipulate_layers")
    layers = layer_resolutions(network.ws_resolutions, layers_of)
    resolutions = resolutions_of(layer_indices(named, path), layers, f"{path}: manipulate_layers {named!r}")
    save_boundary(Boundary(normal, 0.0, name, float("nan"), 0, "imported", resolutions=tuple(resolutions)), out)
