"""factorize_generator: directions without labels, from the generator's weights (SeFa, arXiv 2007.06600)."""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sceneshift.generator import load_generator
from sceneshift.latents.boundaries import Boundary, save_boundary
from sceneshift.latents.levels import mask_of
from sceneshift.latents.sefa import sefa_directions
from sceneshift.settings import NamedLevel


def factorize_generator(generator: Path | str, out: Sequence[Path | str], *, level: NamedLevel = "all") -> None:
    """Find directions without labels, from the generator's weights (SeFa).

    generator: generator (.safetensors)
    out: boundaries to write (.npz), the strongest first, each named as its file
    level: of whose layers; the boundaries are for these

    `rescore-boundary` says what a direction changes, and which way is more.

    Example: generator.safetensors sefa_1.npz sefa_2.npz sefa_3.npz --level layout
    """
    network = load_generator(generator)
    mask = mask_of(level, network.ws_resolutions, network.resolution)
    weights = [weight.numpy() for weight, in_level in zip(network.synthesis.modulations, mask, strict=True) if in_level]
    directions, shares = sefa_directions(weights, len(out))
    own = () if level == "all" else tuple(np.unique(np.asarray(network.ws_resolutions)[mask]).tolist())
    for path, direction, share in zip(out, directions, shares, strict=True):
        name = Path(path).stem
        save_boundary(Boundary(direction, 0.0, name, float("nan"), 0, "sefa", resolutions=own), path)
        print(f"{name}: {share:.1%} of what codes change in the styles of these layers", file=sys.stderr)
