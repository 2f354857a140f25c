"""HiGAN's levels (arXiv 1911.09267), layout to color, by the resolution of the generator's layers, or by number."""

from collections.abc import Sequence

import numpy as np

from sceneshift.latents.higan_boundaries import layer_indices
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.settings import Level, NamedLevel


def levels(ws_resolutions: Sequence[int], resolution: int, own: Sequence[int] = ()) -> dict[NamedLevel, np.ndarray]:
    """Level -> bool [num_ws]: which of an image's codes it moves.

    ws_resolutions: the height of the layer that each code acts on. Bounds are shares of the output's height R; its
    width does not matter: layout up to max(4, R/32), objects up to max(8, R/16), attributes up to R/2, color R. At
    256 px attributes are 32 to 128, as in HiGAN. A level without layers (small R) is left out.
    own: the resolutions that a boundary is made for, which are then what `all` moves; none named: every layer.
    """
    r = np.asarray(ws_resolutions)
    if len(own) and not np.isin(r, own).any():
        raise SceneshiftError(
            f"The boundary is made for layers at {', '.join(map(str, own))} px, but the generator's are at"
            f" {', '.join(map(str, sorted(set(ws_resolutions))))} px."
        )
    bounds = {"layout": max(4, resolution / 32), "objects": max(8, resolution / 16)}
    bounds |= {"attributes": resolution / 2, "color": resolution}
    masks, below = {"all": np.isin(r, own) if len(own) else np.ones(len(r), bool)}, 0.0
    for name, bound in bounds.items():
        mask = (r > below) & (r <= bound)
        below = max(below, bound)
        if mask.any():
            masks[name] = mask
    return masks


def mask_of(level: Level, ws_resolutions: Sequence[int], resolution: int, own: Sequence[int] = ()) -> np.ndarray:
    """The mask of one level, bool [num_ws]; SceneshiftError that lists them if the generator has no such level."""
    if level[0].isdigit():
        indices = layer_indices(level, "level")
        if (last := indices[-1]) >= len(ws_resolutions):
            raise SceneshiftError(
                f"Level {level!r} names layer {last}, but a generator of {resolution} px has {len(ws_resolutions)},"
                " counted from 0."
            )
        return np.isin(np.arange(len(ws_resolutions)), indices)
    masks = levels(ws_resolutions, resolution, own)
    if level not in masks:
        raise SceneshiftError(
            f"Level {level!r} has no layers in a generator of {resolution} px; it has: {', '.join(masks)}."
            " Layers by number, such as 0-3, do as well."
        )
    return masks[level]
