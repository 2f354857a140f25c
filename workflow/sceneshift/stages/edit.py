"""edit: a sheet of synthesized images moved along a boundary, to look at."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from sceneshift.images.sheets import check_sheet, sheet, sheet_size
from sceneshift.latents.codes import z_of
from sceneshift.latents.levels import mask_of
from sceneshift.latents.moving import Move, plane_of, steps_along
from sceneshift.latents.rendering import Renderer
from sceneshift.pairs.edit_record import EditRecord
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.file_kinds import by_suffix
from sceneshift.runtime.files import atomic_file
from sceneshift.runtime.section import Positive, Share
from sceneshift.settings import Level

FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
GAP = 4
SMALLEST_CELL = 128  # smaller images are enlarged by a whole number


def edit(
    generator: Path | str,
    boundary: Path | str,
    out: Path | str,
    *,
    images: Positive = 6,
    distances: Sequence[float] = (-3, -2, -1, 0, 1, 2, 3),
    absolute: bool = False,
    level: Level = "all",
    also: Sequence[Path | str] = (),
    also_steps: Sequence[float] = (),
    record: Path | str | None = None,
    truncation_psi: Share = 0.7,
    seed: int = 0,
    device: torch.device | str = "cpu",
) -> None:
    """Draw a strip of synthesized images moved along a boundary, or along several at once, to look at.

    generator: generator (.safetensors)
    boundary: boundary (.npz)
    out: picture to write (.png, .jpg, .webp)
    images: rows, a code each
    distances: columns: steps along the normal, in units of its space, written above (HiGAN: -3 to 3)
    absolute: distances are from the boundary, not from each code (InterFaceGAN)
    level: layers moved: all, layout, objects, attributes, color, or by number, such as 0-7
    also: boundaries of other attributes to move at the same time, on the same layers
    also_steps: how far along each of them for a step along the boundary, negative for less; not given: 1
    record: the pairs' edit.json: the step that made them is one more column, marked; all move its layers, and
        the attributes that it also moves, as it does
    truncation_psi: truncation

    Example: generator.safetensors vegetation.npz vegetation.png --images 6
        --also snow.npz fog.npz --also-steps 0.5 -1
    """
    file_format = by_suffix(out, FORMATS)
    renderer = Renderer(generator, device)
    direction, chosen = renderer.boundary(boundary), None
    others = [renderer.boundary(path) for path in also]
    if len(also_steps) not in (0, len(others)):
        raise SceneshiftError(f"--also-steps gives {len(also_steps)} steps for {len(others)} boundaries of --also.")
    names = [other.attribute for other in others]
    together = steps_along(others, dict(zip(names, also_steps or [1.0] * len(names), strict=True)), direction)
    if record and (made := EditRecord.read(record)).distance is not None:
        chosen = (-1 if (made.direction == "less") != made.reversed else 1) * made.distance
        distances, level, absolute = sorted({*distances, chosen}), made.level, made.absolute
        together = steps_along(others, made.also, direction)
        together = -together if together is not None and chosen < 0 else together
    enlarged = -(-SMALLEST_CELL // renderer.width)
    shape = (renderer.resolution, renderer.width)
    size = sheet_size(images, len(distances), shape, gap=GAP, enlarged=enlarged, titled=True)
    check_sheet(out, file_format, size)
    mask = mask_of(level, renderer.ws_resolutions, renderer.resolution, direction.resolutions)
    plane = plane_of(direction) if absolute else None
    codes = renderer.codes(z_of(seed, "rescoring", range(images), renderer.z_dim))
    psi, columns = renderer.truncation(truncation_psi), []
    for distance in distances:
        move = Move(direction.normal, distance, mask, psi, direction.space, plane, together)
        columns.append(np.concatenate([renderer.render_moved(codes[i : i + 1], move) for i in range(images)]))
    titles = [f"{distance:+.3g}".replace("-", "−") if distance else "0" for distance in distances]
    marked = None if chosen is None else distances.index(chosen)
    picture = sheet(columns, titles, gap=GAP, enlarged=enlarged, smooth=True, marked=marked)
    with atomic_file(out) as temporary:
        picture.save(temporary, file_format, quality=95)
