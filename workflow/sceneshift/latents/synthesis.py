"""synthesize: render, score and store in one pass, in constant memory."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from sceneshift.latents.codes import z_of
from sceneshift.latents.rendering import Renderer, batches, in_order
from sceneshift.latents.store import LatentStoreWriter
from sceneshift.runtime.files import atomic_file, sha256_of
from sceneshift.runtime.progress import Progress
from sceneshift.runtime.provenance import made_by
from sceneshift.scoring import load_predictor
from sceneshift.settings import SynthesisSettings


@dataclass(frozen=True)
class _Batch:
    index: range
    w: np.ndarray
    scores: np.ndarray
    images: np.ndarray


def synthesize(
    generator_path: Path | str, predictor_path: Path | str | None, out: Path | str, settings: SynthesisSettings, *,
    seed: int, start: int, count: int, device: torch.device | str = "cpu", stream: str = "synthesis",
) -> None:  # fmt: skip
    """Write a store of the codes start … start + count - 1 of `stream`: w untruncated, scores of truncated images.

    Code i and its image depend on (seed, stream, i) and the generator alone, not on start, count or batch. Without a
    predictor the store has no scores. settings.keep_images: so many images, from the first, are stored too.
    """
    renderer = Renderer(generator_path, device)
    predictor = load_predictor(predictor_path, str(device)) if predictor_path else None
    attributes = predictor.attributes if predictor else []

    def work(index: range) -> _Batch:
        w = renderer.mapped(z_of(seed, stream, index, renderer.z_dim))
        images = renderer.render_truncated(w, settings.truncation_psi)
        scores = predictor.score(images) if predictor else np.zeros((len(w), 0), np.float32)
        return _Batch(index, w, scores, images[: max(0, start + settings.keep_images - index.start)])

    attrs = {
        "seed": seed,
        "stream": stream,
        "truncation_psi": settings.truncation_psi,
        "generator_sha256": sha256_of(generator_path),
        "predictor_sha256": sha256_of(predictor_path) if predictor_path else "",
        "provenance": made_by(command="synthesize", start=start, count=count, keep_images=settings.keep_images),
    }
    shape = (renderer.resolution, renderer.width, 3) if settings.keep_images else ()
    with (
        atomic_file(out) as temporary,
        LatentStoreWriter(temporary, renderer.w_dim, attributes, attrs, shape) as store,
        Progress("synthesising", count, beside=out) as progress,
    ):
        for batch in in_order(work, batches(count, settings.batch, start), device):
            store.append(np.array(batch.index), batch.w, batch.scores, batch.images)
            progress.advance(len(batch.index))
