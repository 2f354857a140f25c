"""synthesize: render, score and store in one pass, in constant memory."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from sceneshift.generator.checkpoints import attribution_of
from sceneshift.latents.codes import Stream, z_of
from sceneshift.latents.rendering import Renderer, batches, in_order
from sceneshift.latents.store import LatentStoreWriter
from sceneshift.runtime.files import atomic_file, sha256_of
from sceneshift.runtime.progress import Progress
from sceneshift.runtime.provenance import made_by
from sceneshift.runtime.section import Natural, Positive
from sceneshift.scoring import load_predictor
from sceneshift.settings import SynthesisSettings


@dataclass(frozen=True)
class _Batch:
    index: range
    w: np.ndarray
    scores: np.ndarray
    images: np.ndarray


def synthesize(
    generator: Path | str,
    out: Path | str,
    settings: SynthesisSettings,
    *,
    predictor: Path | str | None = None,
    start: Natural = 0,
    count: Positive | None = None,
    stream: Stream = "synthesis",
    keep_images: bool = False,
    seed: int = 0,
    device: torch.device | str = "cpu",
) -> None:
    """Synthesize images, score them as they are made, store codes and scores.

    generator: generator (.safetensors)
    out: latent/score store to write (.h5): w untruncated, scores of truncated images
    predictor: predictor (.safetensors); without it nothing is scored
    start: index of the first code
    count: number of codes (default: the settings' count)
    stream: whose codes
    keep_images: keep every image, not only the settings' keep_images

    Code i and its image depend on (seed, stream, i) and the generator alone, not on start, count or batch.

    Example: generator.safetensors synthesis.h5 --predictor predictor.safetensors --count 10000
    """
    count = settings.count if count is None else count
    kept = count if keep_images else settings.keep_images
    renderer = Renderer(generator, device)
    scorer = load_predictor(predictor, str(device)) if predictor else None
    attributes = scorer.attributes if scorer else []

    def work(index: range) -> _Batch:
        w = renderer.mapped(z_of(seed, stream, index, renderer.z_dim))
        images = renderer.render_truncated(w, settings.truncation_psi)
        scores = scorer.score(images) if scorer else np.zeros((len(w), 0), np.float32)
        return _Batch(index, w, scores, images[: max(0, start + kept - index.start)])

    attrs = {
        "seed": seed,
        "stream": stream,
        "truncation_psi": settings.truncation_psi,
        "generator_sha256": sha256_of(generator),
        "predictor_sha256": sha256_of(predictor) if predictor else "",
        "provenance": json.dumps(
            made_by(command="synthesize", start=start, count=count, keep_images=kept, photos=attribution_of(generator))
        ),
    }
    shape = (renderer.resolution, renderer.width, 3) if kept else ()
    with (
        atomic_file(out) as temporary,
        LatentStoreWriter(temporary, renderer.w_dim, attributes, attrs, shape) as store,
        Progress("synthesizing", count, beside=out) as progress,
    ):
        for batch in in_order(work, batches(count, settings.batch, start), device):
            store.append(np.array(batch.index), batch.w, batch.scores, batch.images)
            progress.advance(len(batch.index))
