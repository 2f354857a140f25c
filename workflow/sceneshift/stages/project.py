"""project: the codes of photos (StyleGAN2's projector, arXiv 1912.04958, appendix D): what of them can be drawn?"""

import itertools
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from sceneshift.generator import load_generator
from sceneshift.generator.projection import Projection
from sceneshift.generator.projection import project as project_one
from sceneshift.images.finding import check_folder, find_photos
from sceneshift.images.pixels import from_uint8, to_uint8
from sceneshift.images.reading import UnusablePhotoError, read_sized
from sceneshift.images.sheets import sheet
from sceneshift.latents.boundaries import check_fits, load_boundary
from sceneshift.latents.levels import mask_of
from sceneshift.runtime.devices import set_up
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.files import atomic_directory
from sceneshift.runtime.progress import Progress
from sceneshift.runtime.randomness import torch_generator
from sceneshift.runtime.section import Positive
from sceneshift.runtime.tables import new_table
from sceneshift.settings import Level
from sceneshift.translator import load_translator
from sceneshift.vision.backbone import load_backbone
from sceneshift.vision.likeness import likeness_features

COLUMNS = ("file", "distance", "distance_of_mean")
CELL = 128  # smaller pictures are enlarged by a whole number
ROWS = 16  # photos on a sheet: as many are in memory


def project(
    generator: Path | str,
    photos: Sequence[Path | str],
    out: Path | str,
    *,
    steps: Positive = 1000,
    extended: bool = False,
    boundary: Path | str | None = None,
    distance: float = 3.0,
    level: Level = "all",
    translator: Path | str | None = None,
    seed: int = 0,
    device: torch.device | str = "cpu",
) -> None:
    """Find the codes of photos in a generator: how much of them can it draw?

    generator: generator (.safetensors)
    photos: photos, or folders of them; cut to the generator's shape
    out: folder to write: projections.csv, codes.npz, sheet.png (photo, projection, edits; of more than 16 photos also
        sheet-2.png and so on)
    steps: of the search, for each photo
    extended: search in W+, a code for each layer: nearer to the photo, farther from what the generator learned
    boundary: boundary (.npz) of W or W+: a column of the projections moved along it
    distance: of that move
    level: layers moved: all, layout, objects, attributes, color, or by number, such as 0-7
    translator: translator (.safetensors), or the name of an editor that ships: a column of the photos edited by it

    projections.csv: distance, of the projection to the photo in the backbone's features and in pixels (the lower, the
    more of the photo is drawn), and the same of the mean code's image. codes.npz: photos, their files, and w
    [N, num_ws, w_dim], untruncated.

    Photos that cannot be used are named and left out. Memory does not grow with the photos but for their codes.

    Raises SceneshiftError if no photo can be used, and for a boundary of Z or of another generator.

    Example: generator.safetensors my_photo.jpg projected --boundary vegetation.npz
    """
    device = torch.device(device)
    set_up(device, "float32")
    g = load_generator(generator, device)
    mask = normal = None
    if boundary is not None:
        direction = load_boundary(boundary)
        check_fits(direction, boundary, g, generator)
        if direction.space == "z":
            raise SceneshiftError(f"{boundary} is of Z, but photos are projected into W: give one of W or W+.")
        mask = torch.from_numpy(mask_of(level, g.ws_resolutions, g.resolution, direction.resolutions)).to(device)
        normal = torch.from_numpy(direction.normal).to(device)
    edited_by = load_translator(translator, str(device)) if translator else None
    backbone = load_backbone(device, precision="float32")
    paths = list(_found(photos))

    def features(images: torch.Tensor) -> torch.Tensor:
        """The backbone's, and the pixels themselves: features of unit length do not tell light from dark."""
        pixels = images.flatten(1) / (g.resolution * g.width) ** 0.5
        return torch.cat([likeness_features(images, backbone.stages), pixels], dim=1)

    def drawn(pixels: Sequence[np.ndarray], found: Sequence[Projection]) -> Image.Image:
        """The sheet of some photos."""
        columns = {"photo": np.stack(pixels), "projection": _drawn(g, found)}
        if normal is not None and mask is not None:
            columns["moved"] = _drawn(g, found, torch.where(mask[:, None], distance * normal, 0.0))
        if edited_by is not None:
            columns["translator"] = np.stack([edited_by(picture) for picture in pixels])
        return sheet(list(columns.values()), list(columns), gap=4, enlarged=-(-CELL // g.width), smooth=True)

    files: list[str] = []
    codes: list[np.ndarray] = []
    with (
        atomic_directory(out, _holding(out)) as folder,
        new_table(folder / "projections.csv", COLUMNS) as table,
        Progress("projecting photos", len(paths), unit="photos", beside=out) as progress,
    ):
        usable = _usable(paths, (g.resolution, g.width), progress)
        for number in itertools.count(1):
            if not (some := list(itertools.islice(usable, ROWS))):
                break
            found = []
            for path, pixels in some:
                target, rng = from_uint8(pixels[None], device), torch_generator(seed, "projection", path.name)
                found.append(project_one(g, target, features, rng, steps=steps, extended=extended))
                table.append((str(path), found[-1].distance, found[-1].start))
                progress.advance(1)
            files += [str(path) for path, _ in some]
            codes += [one.w.cpu().numpy() for one in found]
            name = "sheet.png" if number == 1 else f"sheet-{number}.png"
            drawn([pixels for _, pixels in some], found).save(folder / name)
        if not files:
            raise SceneshiftError(f"None of the {len(paths)} photos can be projected; each is named above.")
        np.savez(folder / "codes.npz", photos=np.array(files), w=np.stack(codes))


@torch.no_grad()
def _drawn(g: torch.nn.Module, found: Sequence[Projection], step: torch.Tensor | float = 0.0) -> np.ndarray:
    """uint8 [N, H, W, 3] of projections, moved by a step [num_ws, w_dim], each with its own noise."""
    return np.concatenate([to_uint8(g.synthesis((one.w + step)[None], one.noises)) for one in found])


def _found(photos: Sequence[Path | str]) -> Iterator[Path]:
    for path in map(Path, photos):
        if path.is_dir():
            check_folder(path)
            yield from find_photos(path)
        else:
            yield path


def _usable(paths: Sequence[Path], shape: tuple[int, int], progress: Progress) -> Iterator[tuple[Path, np.ndarray]]:
    """Photos with their pixels, uint8 [H, W, 3], read as they are asked for; those that cannot be used are named."""
    for path in paths:
        try:
            yield path, np.array(read_sized(path, shape).pixels)
        except UnusablePhotoError as reason:
            print(f"{path}: left out: {reason}", file=sys.stderr)
            progress.advance(1)


def _holding(out: Path | str) -> list[str]:
    """What an earlier projection left there, to be replaced."""
    return ["codes.npz", "projections.csv", "sheet.png", *(path.name for path in Path(out).glob("sheet-*.png"))]
