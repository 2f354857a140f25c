"""fit_boundary: the boundary of one attribute of a synthesized set."""

import sys
from dataclasses import replace
from pathlib import Path

from sceneshift.latents import separation
from sceneshift.latents.boundaries import save_boundary
from sceneshift.latents.store import LatentStore
from sceneshift.runtime.files import sha256_of
from sceneshift.settings import BoundariesSettings


def fit_boundary(
    store: Path | str, attribute: str, out: Path | str, settings: BoundariesSettings, *, seed: int = 0
) -> None:
    """Find the hyperplane in W between codes with and without an attribute.

    store: latent/score store (.h5)
    attribute: one of the store's attributes
    out: boundary to write (.npz)

    Reads the attribute's scores, and of the codes those selected, and some of the others to try the boundary on.

    Example: synthesis.h5 vegetation boundaries/vegetation.npz
    """
    with LatentStore(store) as latents:
        boundary = separation.fit_boundary(
            latents.w, latents.column(attribute), selection=settings.selection, examples=settings.examples,
            split=settings.split, seed=seed, attribute=attribute, classifier=settings.classifier,
        )  # fmt: skip
    save_boundary(replace(boundary, store_sha256=sha256_of(store)), out)
    print(
        f"{attribute}: {boundary.examples} codes, validation accuracy {boundary.validation_accuracy:.3f},"
        f" on other codes {boundary.remaining_accuracy:.3f}",
        file=sys.stderr,
    )
