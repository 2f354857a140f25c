"""check_labels: is there enough to learn the predictors from? Asked before the generator is trained."""

import sys
from pathlib import Path
from typing import get_args

from sceneshift.photos.store import PhotoStore
from sceneshift.scoring.kind import FittedHeads, PredictorSettings
from sceneshift.scoring.labels import Half
from sceneshift.scoring.learning import Material, counted


def check_labels(photos: Path | str, settings: list[PredictorSettings], *, halves: bool = False) -> None:
    """Check what predictors are to learn from, without learning it.

    photos: photo store (.h5)
    settings: list of predictors, each with its `kind`; heads if not given
    halves: whether a judge is to learn from half of the photos, and the predictors from the other

    Says of each attribute how many photos there are to train on, with it (labels from 0.5 up) and without, and how many
    to measure it on: with none held out, the predictor's accuracy is not measured.

    Raises SceneshiftError, as `fit_predictor` would, for bad labels or votes and for an attribute with too few photos.

    Example: photos.h5 --settings '[{"kind": "heads"}]'
    """
    with PhotoStore(photos) as store:
        material = Material(Path(photos), store, store.shape, decode=False)
        for one in settings:
            if isinstance(one, FittedHeads):
                labelled = one.labelled(material)
                for half in get_args(Half) if halves else (None,):
                    for count in counted(labelled.half(half) if half else labelled):
                        said = f"{count.attribute}: {count.high} photos with it, {count.low} without"
                        said += f", in the {half}'s half" if half else ""
                        held_out = f"{count.held_out} held out" if count.held_out else "none held out: not measured"
                        print(f"{said}, {held_out}", file=sys.stderr)
