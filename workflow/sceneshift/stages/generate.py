"""generate: what a generator draws, to look at: pictures, sheets, truncation, style mixing, walks from code to code."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from sceneshift.images.sheets import check_sheet, grid, sheet, sheet_size
from sceneshift.latents.codes import z_of
from sceneshift.latents.levels import mask_of
from sceneshift.latents.moving import truncated
from sceneshift.latents.rendering import Renderer
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.file_kinds import by_suffix
from sceneshift.runtime.files import atomic_directory, atomic_file
from sceneshift.runtime.section import Natural, Positive
from sceneshift.settings import Level

SHEETS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
WALKS = {".gif": "GIF", ".webp": "WEBP"}
GAP = 4
FRAME_SECONDS = 0.04


def generate(
    generator: Path | str,
    out: Path | str,
    *,
    images: Positive = 16,
    first: Natural = 0,
    truncation_psi: Sequence[float] = (0.7,),
    mix: Level | None = None,
    frames: Natural = 0,
    seed: int = 0,
    device: torch.device | str = "cpu",
) -> None:
    """Draw images: a folder of them, or a sheet. Code i is that of a latent store of the same seed.

    generator: generator (.safetensors)
    out: picture (.png, .jpg, .webp; for a walk .gif, .webp) or folder to write
    images: how many codes
    first: number of the first code
    truncation_psi: truncation; several: a row a code, a column each
    mix: style mixing (arXiv 1812.04948, figure 3): each row's code, with the layers of this level from each column's
    frames: a walk through w from code to code and back to the first, with this number of frames from one to the next

    Example: generator.safetensors samples.png --images 16
    """
    figures = [
        name for name, wanted in (("mix", mix), ("frames", frames), ("several psi", truncation_psi[1:])) if wanted
    ]
    if len(figures) > 1:
        raise SceneshiftError(f"{' and '.join(figures)} are pictures of their own: ask for one of them.")
    alone = not Path(out).suffix
    if alone and figures:
        raise SceneshiftError(
            f"{out} has no suffix, so it is a folder of single images: drop {figures[0]}, or add .png."
        )
    file_format = "PNG" if alone else by_suffix(out, WALKS if frames else SHEETS)
    renderer = Renderer(generator, device)
    if not alone and not frames:
        shape, across = (renderer.resolution, renderer.width), round(images**0.5)
        size = sheet_size(images // across, across, shape)
        if mix:
            size = sheet_size(images + 1, images + 1, shape, gap=GAP)
        elif len(truncation_psi) > 1:
            size = sheet_size(images, len(truncation_psi), shape, gap=GAP, titled=True)
        check_sheet(out, file_format, size)
    w = renderer.mapped(z_of(seed, "synthesis", range(first, first + images), renderer.z_dim))
    psi = truncation_psi[0]

    def drawn_at(psi: float) -> np.ndarray:
        return np.concatenate([renderer.render_truncated(code[None], psi) for code in w])

    if alone:
        with atomic_directory(out) as folder:
            for place, code in enumerate(w, first):
                Image.fromarray(renderer.render_truncated(code[None], psi)[0]).save(folder / f"{place:06d}.png")
        return
    with atomic_file(out) as temporary:
        if frames:
            rest = (Image.fromarray(frame) for frame in _walk(renderer, w, psi, frames))
            start = next(rest)
            milliseconds = round(1000 * FRAME_SECONDS)
            start.save(temporary, file_format, save_all=True, append_images=rest, duration=milliseconds, loop=0)
        elif mix:
            _mixed(renderer, w, psi, mix).save(temporary, file_format, quality=95)
        elif len(truncation_psi) > 1:
            titles = [f"ψ {psi:g}" for psi in truncation_psi]
            columns = [drawn_at(psi) for psi in truncation_psi]
            sheet(columns, titles, gap=GAP).save(temporary, file_format, quality=95)
        else:
            grid(drawn_at(psi), across).save(temporary, file_format, quality=95)


def _walk(renderer: Renderer, w: np.ndarray, psi: float, frames: int) -> Iterator[np.ndarray]:
    """Frames, uint8 [H, W, 3], on the straight lines between codes w [N, w_dim], the last one back to the first."""
    for code, following in zip(w, np.roll(w, -1, axis=0), strict=True):
        for share in np.arange(frames, dtype=np.float32) / frames:
            between = code + share * (following - code)
            yield renderer.render_truncated(between[None], psi)[0]


def _mixed(renderer: Renderer, w: np.ndarray, psi: float, level: Level) -> Image.Image:
    """The codes themselves above and on the left; between them the row's with the column's at `level`."""
    layers, truncation = len(renderer.ws_resolutions), renderer.truncation(psi)
    mask = mask_of(level, renderer.ws_resolutions, renderer.resolution)[:, None]
    cut = (truncated(code[None], truncation, renderer.w_avg)[0] for code in w)
    codes = [np.broadcast_to(code, (layers, renderer.w_dim)).copy() for code in cut]
    white = np.full((1, renderer.resolution, renderer.width, 3), 255, np.uint8)
    columns = [[white, *(renderer.render(code[None]) for code in codes)]]
    for column in codes:
        mixed = [renderer.render(np.where(mask, column, row)[None]) for row in codes]
        columns.append([renderer.render(column[None]), *mixed])
    return sheet([np.concatenate(column) for column in columns], gap=GAP)
