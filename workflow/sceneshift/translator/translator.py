"""A trained translator as a function on photos of any size."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, overload

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from sceneshift.images.pixels import from_uint8, rounded
from sceneshift.images.reading import UnusablePhotoError, decoded, read_photo
from sceneshift.runtime.devices import autocast, compute_dtype, pick_device
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.shipped import translator_file
from sceneshift.translator.architecture import TranslatorNetwork
from sceneshift.translator.checkpoints import TranslatorFacts, read_translator
from sceneshift.translator.guided import edit_in_strips, full_size_maps
from sceneshift.translator.heads import EditMaps, check_strength

BATCH = 16  # photos of one small size that go through the network together, or as few as memory asks for
REDUCING_GAP = 3  # the average over whole blocks leaves Lanczos at least three times the pixels a side
NETWORK_BYTES = 8 * 10**9  # the most memory that a picture may take in the network


class Edited(NamedTuple):
    """An edited photo, uint8 [H, W, 3], and how much of each pixel was replaced, uint8 [H, W] (edit head only)."""

    image: np.ndarray
    mask: np.ndarray | None


class Translator:
    """Edits photos: `t(image)`; made by `load_translator`.

    With the edit head a photo is shrunk until its shorter side has the training resolution, so that everything in it
    has the size that the network has learned; the predicted gain, offset and mask are carried up to the photo's own
    size, guided by it (guided.py). With the image head the network runs over the photo at its own size, padded by
    mirroring and cropped back.

    resolution: training resolution in pixels; head: `edit` or `image`; edit: what make-pairs recorded (attribute,
    direction, distance), possibly empty.
    """

    def __init__(self, network: TranslatorNetwork, facts: TranslatorFacts, device: torch.device, dtype: torch.dtype):
        self.network, self.facts = network.to(device), facts
        self.resolution, self.head, self.edit = facts.resolution, facts.sizes.head, facts.edit
        self._device, self._dtype = device, dtype

    def __repr__(self) -> str:
        known = [str(self.edit[key]) for key in ("direction", "attribute") if key in self.edit]
        edit = " ".join(known) or "made elsewhere"
        return f"<Translator: {edit}; {self.head} head, {self.resolution} px, {self.facts.images:,} pairs seen>"

    @overload
    def __call__(self, image: np.ndarray, strength: float = 1.0) -> np.ndarray: ...

    @overload
    def __call__(self, image: Image.Image | Path | str, strength: float = 1.0) -> Image.Image: ...

    def __call__(self, image: np.ndarray | Image.Image | Path | str, strength: float = 1.0) -> np.ndarray | Image.Image:
        """Edit a photo of any size: uint8 [H, W, 3] to the same; a PIL image, or a file's path, to a PIL image.

        Pictures of PIL and files are turned as their EXIF says, and taken as RGB.

        strength: the dose s: 0 leaves the photo as it is, 1 is as trained, up to 3 goes beyond: gain^s, mask
        1 − (1 − m)^s (heads.py). With the image head up to 1: x + s·(y − x).
        """
        if isinstance(image, Image.Image):
            photo = decoded(image)
        elif isinstance(image, (Path, str)):
            try:
                photo = read_photo(image)
            except UnusablePhotoError as error:
                raise SceneshiftError(f"{image} cannot be edited: {error}") from error
        else:
            return self.edited([image], strength)[0].image
        return Image.fromarray(self.edited([photo], strength)[0].image)

    def refusal(self, height: int, width: int) -> str | None:
        """Why a photo of this size cannot be edited: the network would take more memory than `NETWORK_BYTES`."""
        low, narrow = (height, width) if self.head == "image" else self._small_size(height, width)
        if low * narrow <= self._most_pixels:
            return None
        advice = "train with head: edit, which edits photos of any size" if self.head == "image" else "crop it"
        return (
            f"too large: this translator's network takes at most {self._most_pixels:,} pixels, and it would be given"
            f" {narrow} x {low}; shrink the photo, or {advice}"
        )

    @property
    def _most_pixels(self) -> int:
        """Measured: 461 bytes a pixel at width 32 in float32, 546 with the local enhancer, 187 at width 8."""
        return NETWORK_BYTES // (150 + 13 * self.facts.sizes.width)

    def _small_size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of the small copy, whose shorter side has the training resolution."""
        scale = self.resolution / min(height, width)
        return max(1, round(height * scale)), max(1, round(width * scale))

    def maps(self, image: np.ndarray) -> EditMaps:
        """Gain [H, W, 3], offset [H, W, 3] and mask [H, W] of the edit head at the photo's size, float32 numpy arrays.

        Raises SceneshiftError for a translator with the image head, which has none.
        """
        if self.head != "edit":
            raise SceneshiftError("This translator was trained with head: image, which predicts no gain, offset, mask.")
        small = self._small(_checked(image))
        strips = [strip for _, strip, _ in full_size_maps(image, self._predict(small[None]), small)]
        gain, offset, mask = (torch.cat(rows, dim=2)[0].permute(1, 2, 0).numpy() for rows in zip(*strips, strict=True))
        return EditMaps(gain, offset, mask[..., 0])

    def edited(self, images: Sequence[np.ndarray], strength: float = 1.0) -> list[Edited]:
        """Edit photos, uint8 [H, W, 3] of any sizes; those whose small copies have one size share a forward pass."""
        check_strength(strength, self.head)
        for image in images:
            if reason := self.refusal(*_checked(image).shape[:2]):
                raise SceneshiftError(f"A photo is {reason}.")
        if strength == 0:
            return [Edited(image.copy(), np.zeros(image.shape[:2], np.uint8)) for image in images]
        if self.head == "image":
            return [Edited(self._whole(image, strength), None) for image in images]
        smalls = [self._small(image) for image in images]
        groups = defaultdict(list)
        for place, small in enumerate(smalls):
            groups[small.shape].append(place)
        results: dict[int, Edited] = {}
        for places in groups.values():
            batch = min(BATCH, self._most_pixels // smalls[places[0]][0].numel())
            for start in range(0, len(places), batch):
                together = places[start : start + batch]
                maps = self._predict(torch.stack([smalls[place] for place in together]))
                for row, place in enumerate(together):
                    own = EditMaps(*(part[row : row + 1] for part in maps))
                    results[place] = Edited(*edit_in_strips(images[place], own, smalls[place], strength))
        return [results[place] for place in range(len(images))]

    def _small(self, image: np.ndarray) -> Tensor:
        """The photo with its shorter side at the training resolution: float32 [3, h, w] in [-1, 1]."""
        low, narrow = self._small_size(*image.shape[:2])
        if (low, narrow) != image.shape[:2]:
            image = shrunk(image, low, narrow)
        return from_uint8(image[None].copy())[0]

    @torch.no_grad()
    def _predict(self, photos: Tensor) -> EditMaps:
        """Maps of small photos [N, 3, h, w], on the CPU."""
        height, width = photos.shape[2:]
        with autocast(self._dtype, self._device):
            maps = self.network.maps(padded(photos, self.facts.sizes.multiple).to(self._device))
        return EditMaps(*(part[:, :, :height, :width].cpu() for part in maps))

    @torch.no_grad()
    def _whole(self, image: np.ndarray, strength: float) -> np.ndarray:
        """The image head over the whole photo at its own size: uint8 [H, W, 3] -> the same."""
        height, width = image.shape[:2]
        photo = from_uint8(image[None].copy())
        with autocast(self._dtype, self._device):
            edited = self.network(padded(photo, self.facts.sizes.multiple).to(self._device))
        edited = torch.lerp(photo, edited[:, :, :height, :width].float().cpu(), strength)
        return rounded(edited)[0]


def shrunk(image: np.ndarray, low: int, narrow: int) -> np.ndarray:
    """The photo, uint8 [H, W, 3], at another size: averaged over whole blocks where it is much larger, then Lanczos.

    As Pillow's resize with a reducing_gap, but always first across and then down: Pillow's own order depends on its
    version, and each pass rounds. portable.py has the same in tensors.
    """
    height, width = image.shape[:2]
    down, across = (max(1, int(size / target / REDUCING_GAP)) for size, target in ((height, low), (width, narrow)))
    small = Image.fromarray(image)
    if across > 1 or down > 1:
        small = small.reduce((across, down))
    for size, box in (
        ((narrow, small.height), (0, 0, width / across, small.height)),
        ((narrow, low), (0, 0, narrow, height / down)),
    ):
        small = small.resize(size, Image.Resampling.LANCZOS, box)
    return np.asarray(small)


def load_translator(path: Path | str, device: str = "cpu", precision: str = "float32") -> Translator:
    """The translator that train-translator wrote to `path`, or the shipped editor of that name.

    precision: arithmetic of the network: `float32`, `bfloat16`, or `auto` for whichever is faster on the device.
    Raises SceneshiftError if the file is missing, truncated, or of another format or version, or the name unknown.
    """
    network, facts = read_translator(translator_file(path))
    where = pick_device(device)
    return Translator(network, facts, where, compute_dtype(precision, where))


def padded(photos: Tensor, multiple: int) -> Tensor:
    """Photos [N, 3, H, W] mirrored to the right and below until both sides are multiples of `multiple`.

    At least two of them, so that the smallest maps still have a row to mirror.
    """
    height, width = (max(side + -side % multiple, 2 * multiple) for side in photos.shape[2:])
    down, right = height - photos.shape[2], width - photos.shape[3]
    # a margin may not be as wide as what it mirrors; narrow photos repeat their last row or column instead
    mode = "reflect" if down < photos.shape[2] and right < photos.shape[3] else "replicate"
    return F.pad(photos, (0, right, 0, down), mode=mode)


def _checked(image: np.ndarray) -> np.ndarray:
    """`image` itself. Raises SceneshiftError unless it is uint8 [H, W, 3]."""
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        found = f"{image.dtype} {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
        raise SceneshiftError(f"A photo must be a numpy array, uint8 [H, W, 3] RGB; found {found}.")
    return image
