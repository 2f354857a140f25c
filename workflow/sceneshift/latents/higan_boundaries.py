"""Boundaries as HiGAN and InterFaceGAN keep them: .npy, an array (1, w_dim), or a pickled dict with layer indices too.

The dict is {"boundary": array, "meta_data": {"type": ..., "manipulate_layers": "6-11"}}. Indices count the layers of
the network that the boundary was found for, and mean resolutions here: StyleGAN has two layers per resolution, so 6-11
are 32 to 128; StyleGAN2 has one at 4 px, two at each higher resolution, and a last one to RGB.

HiGAN's (arXiv 1911.09267) are of W. InterFaceGAN's (1907.10786) are of W where the file is called NAME_w_boundary.npy,
and of Z otherwise; an array alone does not say. StyleGAN2 Distillation's (2003.03581) have a row for each layer: W+.
"""

import io
import math
import pickle
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from sceneshift.runtime.errors import SceneshiftError

Numbering = Literal["stylegan2", "stylegan"]


def layer_resolutions(ws_resolutions: Sequence[int], numbering: Numbering) -> list[int]:
    """The resolution of each layer, in the order of the indices of `numbering`, for a network of this height."""
    return list(ws_resolutions) if numbering == "stylegan2" else [r for r in sorted(set(ws_resolutions)) for _ in "ab"]


def resolutions_of(indices: Sequence[int], layers: Sequence[int], where: str) -> list[int]:
    """The resolutions that layer indices mean: those of which at least half of the layers are named."""
    if outside := [index for index in indices if index >= len(layers)]:
        raise SceneshiftError(
            f"{where}: found layer {outside[0]}, but a network of {layers[-1]} px has {len(layers)}, counted from 0."
        )
    named = [layers[index] for index in indices]
    resolutions = [r for r in sorted(set(named)) if 2 * named.count(r) >= layers.count(r)]
    if indices and not resolutions:
        raise SceneshiftError(f"{where}: these are less than half of the layers at {', '.join(map(str, named))} px.")
    return resolutions


def indices_of(resolutions: Sequence[int], numbering: Numbering) -> list[int]:
    """The indices of the layers at these resolutions; StyleGAN2's last one to RGB is left out."""
    powers = [r.bit_length() - 3 for r in resolutions]  # 4 px: 0
    if numbering == "stylegan":
        return [index for k in powers for index in (2 * k, 2 * k + 1)]
    return [index for k in powers for index in ((2 * k - 1, 2 * k) if k else (0,))]


def layer_indices(text: Any, path: Path | str) -> list[int]:
    """`6-11`, `0,1,4-5` or a list, sorted; nothing named: all layers, an empty list."""
    if text is None:
        return []
    parts = text.replace(" ", "").split(",") if isinstance(text, str) else [str(part) for part in np.ravel(text)]
    indices: set[int] = set()
    for part in filter(None, parts):
        if not (found := re.fullmatch(r"(\d{1,3})(?:-(\d{1,3}))?", part)):
            raise SceneshiftError(
                f"{path}: manipulate_layers is {str(text)[:60]!r}; expected indices such as '6-11' or '0,1'."
            )
        indices.update(range(int(found[1]), int(found[2] or found[1]) + 1))
    return sorted(indices)


def space_of(facts: Any) -> str | None:
    """The latent space that meta_data names, in lower case; None: it names none."""
    named = [facts[key] for key in ("space", "latent_space", "latent_space_type") if key in facts]
    return {"wp": "w+"}.get(name := str(named[0]).lower(), name) if named else None


def unit_normal(held: Any, path: Path | str) -> np.ndarray:
    """A file's array (1, w_dim) or (w_dim,) as float32 [w_dim] of length 1; of W+, (1, num_ws, w_dim) or (num_ws,
    w_dim), as float32 [num_ws, w_dim] with rows of length 1 in the root mean square, so that a direction of W in every
    row moves as that of W does. SceneshiftError if it is none."""
    shape = held.shape if isinstance(held, np.ndarray) else type(held).__name__
    rows = held.squeeze().shape if isinstance(held, np.ndarray) and held.dtype.kind == "f" else ()
    if len(rows) not in (1, 2) or 0 in rows:
        raise SceneshiftError(
            f"{path}: its boundary is {shape}; expected an array (1, w_dim) of floats, or (num_ws, w_dim) of W+."
        )
    length = float(np.linalg.norm(held.astype(np.float64)))
    if not np.isfinite(length) or length == 0:
        raise SceneshiftError(f"{path}: its boundary has length {length:g}; expected finite values, not all zero.")
    return (held.reshape(rows) / (length / math.sqrt(rows[0]) if len(rows) == 2 else length)).astype(np.float32)


def old_npy(held: dict[str, Any]) -> bytes:
    """What np.save of NumPy 1 wrote, which old and new NumPy read; NumPy 2 pickles names that old ones lack."""
    box = np.empty((), object)
    box[()] = held
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "|O", "fortran_order": False, "shape": ()})
    program = pickle.dumps(box, protocol=3).replace(b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n")
    return file.getvalue() + program
