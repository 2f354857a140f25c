"""What there is to learn from: the photo store, table or folder at hand, and whether it is enough."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sceneshift.attributes.classes import FEWEST
from sceneshift.photos.store import PhotoStore
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.scoring.comparisons import compared_photos
from sceneshift.scoring.labels import LabelledPhotos, labelled_photos

if TYPE_CHECKING:
    from sceneshift.scoring.kinds.comparisons import ComparisonsPredictor
    from sceneshift.scoring.kinds.heads import HeadsPredictor


@dataclass(frozen=True)
class Material:
    """Handed to the kinds that are learned, which say what of it they learn from."""

    source: Path | None  # photo store, CSV or folder with one subfolder per class
    photos: PhotoStore | None  # `source`, if it is a store
    shape: tuple[int, int] | None  # height and width of the images to be scored
    decode: bool = True  # leave out photo files that cannot be read; False takes no look into them

    def labelled(self, settings: "HeadsPredictor") -> LabelledPhotos:
        """Photos with the labels of the CSV or folder that the settings name, or those of `source`."""
        source = Path(settings.labels) if settings.labels else self.source
        if source is None:
            raise SceneshiftError(
                "predictors: `heads` without `labels` learn from labelled photos; found none. Give a photo store"
                " (.h5), a CSV or a folder with one subfolder per class."
            )
        return labelled_photos(source, self.shape, self.photos, max_missing=settings.max_missing, decode=self.decode)

    def compared(self, settings: "ComparisonsPredictor") -> LabelledPhotos:
        """Photos with labels that follow from pairwise votes."""
        return compared_photos(settings, self.shape, self.photos, self.decode)


@dataclass(frozen=True)
class Counts:
    """How many photos there are to learn an attribute from, and to measure it on."""

    attribute: str
    high: int  # labels from 0.5 up, photos to train on
    low: int
    held_out: int


def counted(photos: LabelledPhotos) -> list[Counts]:
    """The counts of each attribute. Raises SceneshiftError where one has under FEWEST photos on either side of 0.5."""
    known, high = np.isfinite(photos.labels), photos.labels >= 0.5
    train = known & ~photos.held_out[:, None]
    columns = (train & high).sum(0), (train & ~high).sum(0), (known & photos.held_out[:, None]).sum(0)
    counts = [
        Counts(name, *numbers)
        for name, *numbers in zip(photos.attributes, *(column.tolist() for column in columns), strict=True)
    ]
    if few := [count for count in counts if min(count.high, count.low) < FEWEST]:
        lines = [f"\n  {one.attribute!r} has {one.high} photos with it and {one.low} without" for one in few]
        more = f"\n  and {len(few) - 10} more" if len(few) > 10 else ""
        raise SceneshiftError(
            f"{photos.source}: {FEWEST} photos with an attribute and {FEWEST} without are needed to learn it, beside"
            f" those held out:{''.join(lines[:10])}{more}\nAdd photos, merge it with another class, or leave it out."
        )
    return counts
