"""What a training says and leaves to look at: its first line, a table of figures, sheets of samples."""

import math
import sys
from collections import deque
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.files import set_aside
from sceneshift.runtime.tables import read_table, write_table
from sceneshift.training.distributed import World
from sceneshift.training.events import FOLDER, Events

STATUS_STEPS = 32  # a row of the history after this many steps, and at each snapshot; also what each row averages


def announce(start: str, networks: dict[str, nn.Module], arithmetic: str, world: World, batch: int) -> None:
    """Say how a training starts, with what, and on what."""
    if world.first:
        sizes = ", ".join(f"{name} {sum(p.numel() for p in n.parameters()):,}" for name, n in networks.items())
        shared = f", {world.size} processes with {batch // world.size} images of a batch each" * (world.size > 1)
        print(f"{start}: {sizes} parameters, on {arithmetic}{shared}.", flush=True)


class LastSteps:
    """The figures of the last 32 steps, which a row averages: all rows over equally many, the last one too.

    Only a young training's first row is over fewer. Figures stay on their device until they are averaged.
    """

    def __init__(self) -> None:
        self._steps: deque[dict[str, Tensor]] = deque(maxlen=STATUS_STEPS)

    def note(self, figures: dict[str, Tensor]) -> None:
        """Take in one step's figures, tensors of one number; a figure that is measured in some steps only may lack."""
        self._steps.append(figures)

    def means(self) -> dict[str, float]:
        """Each figure's mean over the steps that measured it."""
        names = dict.fromkeys(name for step in self._steps for name in step)
        of_steps = [[step[name].double() for step in self._steps if name in step] for name in names]
        means = torch.stack([torch.stack(figures).mean() for figures in of_steps]).tolist()
        return dict(zip(names, means, strict=True))

    def state_dict(self) -> dict[str, Any]:
        return {"steps": list(self._steps)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._steps = deque(state["steps"], STATUS_STEPS)


def require_finite(means: dict[str, float], images: int, snapshot: Path, remedies: str) -> None:
    """Raises SceneshiftError that names the figures that are not finite, the last good snapshot and `remedies`."""
    if broken := [name for name, value in means.items() if not math.isfinite(value)]:
        kept = f"The last good snapshot is {snapshot}." if snapshot.exists() else "There is no snapshot yet."
        raise SceneshiftError(
            f"Training went wrong: {', '.join(broken)} not finite at {images:,} images. {kept} Try {remedies}. "
            "Other settings start the training over."
        )


class History:
    """A CSV table of a training, one row a status, that a resumed run continues as if it had never stopped.

    Columns are what the rows have, in the order in which they come up; `images` is the first. Rows and sheets go to
    TensorBoard too (events.py).
    """

    def __init__(self, path: Path, images: int, writes: bool = True) -> None:
        """Keep the rows up to `images` and drop the rest: those will be computed again.

        A table that cannot be read is set aside, and the training goes on without it. `writes`: as of Snapshots.
        """
        self.path = Path(path)
        self.rows: list[dict[str, Any]] = []
        self._events = Events(self.path.parent / FOLDER, images) if writes else None
        if not (images and writes and self.path.exists()):
            return
        try:
            rows = read_table(self.path, {"images": int}, remedy="")
            for cell in (cell for row in rows for cell in row.values() if cell != ""):
                float(cell)
            self.rows = [row for row in rows if row["images"] <= images]
        except (SceneshiftError, ValueError) as error:
            kept = set_aside(self.path)
            print(f"{kept} cannot be read ({error}): the table goes on with new rows only.", file=sys.stderr)

    def show(self, images: int, sheet: Path) -> None:
        """Take in a sheet that was written after so many images."""
        if self._events:
            self._events.sheet(images, sheet)

    def append(self, **values: Any) -> None:
        """Add a row and write the whole table again."""
        if self._events is None:
            return
        self._events.figures(values["images"], {name: value for name, value in values.items() if name != "images"})
        self.rows.append(values)
        write_table(self.path, list(dict.fromkeys(name for row in self.rows for name in row)), self.rows)


def forget_sheets(folder: Path, images: int) -> None:
    """Remove the sheets `samples-N.png` with N above `images`: of another training, or about to be drawn again."""
    for sheet in folder.glob("samples-*.png"):
        if (number := sheet.stem.removeprefix("samples-")).isdigit() and int(number) > images:
            sheet.unlink()


def crossed(images: int, before: int, interval: int) -> bool:
    """Whether a multiple of `interval` lies above `before` and not above `images`."""
    return images // interval > before // interval
