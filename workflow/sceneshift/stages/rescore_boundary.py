"""rescore_boundary: what does a move along a boundary change, by attribute and by level (HiGAN, arXiv 1911.09267)?"""

from pathlib import Path

import torch

from sceneshift.latents.codes import Codes, z_of
from sceneshift.latents.levels import levels, mask_of
from sceneshift.latents.moving import Move
from sceneshift.latents.rendering import Renderer
from sceneshift.latents.rescoring import COLUMNS, Unedited, check_store, measure_change, score_deviations, summarize
from sceneshift.latents.store import LatentStore
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.progress import Progress
from sceneshift.runtime.tables import write_table
from sceneshift.scoring import load_predictor
from sceneshift.settings import RescoringSettings


def rescore_boundary(
    generator: Path | str,
    boundary: Path | str,
    predictor: Path | str,
    out: Path | str,
    settings: RescoringSettings,
    *,
    unedited: Path | str,
    store: Path | str,
    seed: int = 0,
    device: torch.device | str = "cpu",
) -> None:
    """Measure what moving along a boundary changes, attribute by attribute (HiGAN).

    generator: generator (.safetensors)
    boundary: boundary (.npz)
    predictor: predictor (.safetensors)
    out: table to write (.csv): one row for each level (`all` first; by setting also each layer) and measured attribute
    unedited: latent/score store (.h5) of fresh codes, for all boundaries: synthesize --stream rescoring --keep-images
    store: latent/score store (.h5) of the synthesized set, whose spread standardizes the changes

    Columns: delta, HiGAN's Δ, the mean of max(F(G(w + d·n)) - F(G(w)), 0); standardized, delta by the score's standard
    deviation, with its 95 % bootstrap interval low … high over codes; mean_change, the signed mean, standardized;
    structure, the mean over pictures, the same for all attributes of a level.

    Raises SceneshiftError if the files do not belong together.

    Example: generator.safetensors vegetation.npz predictor.safetensors vegetation.csv
        --unedited unedited.h5 --store synthesis.h5
    """
    renderer, scorer = Renderer(generator, device), load_predictor(predictor, str(device))
    edited = renderer.boundary(boundary)
    with LatentStore(store) as synthesized:
        check_store(synthesized, generator, predictor)
        deviations = score_deviations(synthesized)
    layout = (renderer.ws_resolutions, renderer.resolution, edited.resolutions)
    masks = dict(levels(*layout))
    if settings.layers:
        masks |= {level: mask_of(level, *layout) for level in map(str, range(len(renderer.ws_resolutions)))}
    rows = []
    with (
        LatentStore(unedited) as fresh,
        Progress(f"re-scoring {edited.attribute}", len(masks) * len(fresh), beside=out) as bar,
    ):
        check_store(fresh, generator, predictor)
        if fresh.images is None or len(fresh.images) < len(fresh):
            raise SceneshiftError(f"{unedited} lacks its images. Make it with `sceneshift synthesize --keep-images`.")
        psi = float(fresh.attrs["truncation_psi"])
        z = z_of(fresh.attrs["seed"], fresh.attrs["stream"], fresh.index, renderer.z_dim)
        codes = Codes(z, fresh.w(slice(None)))  # threads do not share an HDF5 file
        before = Unedited(codes, fresh.images[:], fresh.scores)
        for level, mask in masks.items():
            move = Move(edited.normal, settings.distance, mask, renderer.truncation(psi), edited.space)
            change = measure_change(renderer, scorer, before, move)
            rows += summarize(edited.attribute, level, change, scorer.attributes, deviations, seed)
            bar.advance(len(codes))
    write_table(out, list(COLUMNS), rows)
