"""What there is to learn from: the photo store, table or folder at hand, and what the kinds make of it."""

from dataclasses import dataclass
from pathlib import Path

from sceneshift.photos.store import PhotoStore
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.scoring.comparisons import compared_photos
from sceneshift.scoring.kinds.comparisons import ComparisonsPredictor
from sceneshift.scoring.labels import LabelledPhotos, labelled_photos


@dataclass(frozen=True)
class Material:
    """Handed to the kinds that are learned, which say what of it they learn from."""

    source: Path | None  # photo store, CSV or folder with one subfolder a class
    photos: PhotoStore | None  # `source`, if it is a store
    shape: tuple[int, int] | None  # height and width of the images to be scored

    def labelled(self, labels: str | None) -> LabelledPhotos:
        """Photos with the labels of a CSV or folder, or those of `source`."""
        source = Path(labels) if labels else self.source
        if source is None:
            raise SceneshiftError(
                "predictors: `heads` without `labels` learn from labelled photos; found none. Give a photo store"
                " (.h5), a CSV or a folder with one subfolder a class."
            )
        return labelled_photos(source, self.shape, self.photos)

    def compared(self, settings: ComparisonsPredictor) -> LabelledPhotos:
        """Photos with labels that follow from pairwise votes."""
        return compared_photos(settings, self.shape, self.photos)
