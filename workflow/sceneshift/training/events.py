"""A training's figures and sheets once more, as TensorBoard reads them: `pip install -e '.[tensorboard]'`."""

import functools
import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

FOLDER = "tensorboard"  # beside the history


class Events:
    """TensorBoard's event files in `folder`; nothing is written where TensorBoard is not installed."""

    def __init__(self, folder: Path, images: int) -> None:
        """Go on at `images`: TensorBoard forgets what lies behind. At 0 the files of another training are removed."""
        self._folder, self._begins = folder, images + 1
        if not images:
            for stale in folder.glob("events.out.tfevents.*"):
                stale.unlink()

    @functools.cached_property
    def _writer(self) -> Any:
        """A SummaryWriter, or None."""
        if not importlib.util.find_spec("tensorboard"):
            return None
        from torch.utils.tensorboard import SummaryWriter  # takes a second to load

        return SummaryWriter(self._folder, purge_step=self._begins)

    def figures(self, images: int, values: Mapping[str, float]) -> None:
        """Losses, rates, ADA's p and whatever else a row of the history has, under their names there."""
        if self._writer:
            for name, value in values.items():
                self._writer.add_scalar(name, value, images)
            self._writer.flush()

    def sheet(self, images: int, path: Path) -> None:
        """A sheet of samples, if it was written."""
        if self._writer and path.exists():
            with Image.open(path) as picture:
                self._writer.add_image("samples", np.asarray(picture.convert("RGB")), images, dataformats="HWC")
            self._writer.flush()
