"""Progress of long work: a live line in a terminal, one line per minute in a log, a file for `sceneshift status`.

A progress file is JSON lines, the newest last: label, done, total, unit, per_second and seconds_left of this process's
work, note. It is not a result: what a stage makes does not depend on it.
"""

import contextlib
import sys
import time
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError
from tqdm import tqdm

from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.files import atomic_file

NAME = "progress.jsonl"
LOG_SECONDS = 60
FILE_SECONDS = 5
LINES = 1000  # a progress file is cut to half of this when it grows longer


class Figures(BaseModel):
    """A line of a progress file."""

    model_config = ConfigDict(allow_inf_nan=False)

    label: str
    done: int
    total: int
    unit: str
    per_second: float
    seconds_left: int | None
    note: str


class Progress:
    """`with Progress("synthesizing", total=5000, beside=out) as progress: progress.advance(64)`.

    Shows done, total, units/s and time left. In a log a line appears at most every minute and at the end; in the
    progress file every few seconds.

    beside: what the work makes. Its progress file lies beside it (`progress_file`) until the work is done.
    folder: of a training's snapshots instead; its progress.jsonl stays, and a resumed training goes on in it.
    shown: whether anything is printed and written; of a training's processes, only one does.
    """

    def __init__(
        self,
        label: str,
        total: int,
        initial: int = 0,
        unit: str = "images",
        beside: Path | str | None = None,
        folder: Path | str | None = None,
        shown: bool = True,
    ) -> None:
        in_terminal = sys.stderr.isatty()
        self._log = shown and not in_terminal
        self._label, self._total, self._unit = label, total, unit
        self._initial = self._done = initial
        self._start = self._last_line = time.monotonic()
        self._bar = tqdm(
            desc=label,
            total=total,
            initial=initial,
            unit=f" {unit}",
            disable=not (shown and in_terminal),
            smoothing=0.05,
        )
        self._note = ""
        self._stays = folder is not None
        self._file = None
        if shown and (folder or beside):
            self._file = _ProgressFile(Path(folder) / NAME if folder else progress_file(beside), go_on=initial > 0)

    def __enter__(self) -> Self:
        self._write()
        return self

    def __exit__(self, failure: type[BaseException] | None, *_: object) -> None:
        self._bar.close()
        if self._log:
            self._print()
        if failure or self._stays:
            self._write()
        elif self._file:
            self._file.path.unlink(missing_ok=True)

    def advance(self, count: int, note: str = "") -> None:
        """Count `count` more units done; `note` is shown behind the figures."""
        self._done += count
        self._note = note or self._note
        self._bar.set_postfix_str(self._note, refresh=False)
        self._bar.update(count)
        now = time.monotonic()
        if self._log and now - self._last_line > LOG_SECONDS:
            self._last_line = now
            self._print()
        if self._file and now - self._file.written > FILE_SECONDS:
            self._write()

    @property
    def rate(self) -> float:
        """Units a second since the start of this process's work."""
        return (self._done - self._initial) / max(time.monotonic() - self._start, 1e-9)

    @property
    def seconds_left(self) -> float | None:
        """Time left at this rate; None before anything is done."""
        return (self._total - self._done) / self.rate if self.rate > 0 else None

    def _write(self) -> None:
        if self._file:
            left = self.seconds_left
            self._file.append(
                Figures(
                    label=self._label,
                    done=self._done,
                    total=self._total,
                    unit=self._unit,
                    per_second=round(self.rate, 2),
                    seconds_left=None if left is None else round(left),
                    note=self._note,
                )
            )

    def _print(self) -> None:
        left = self.seconds_left
        remaining = "" if left is None else f"{int(left // 60)} min {int(left % 60)} s left"
        figures = f"{self._done:,} of {self._total:,} {self._unit}, {self.rate:.1f} {self._unit}/s, {remaining}"
        print(f"{self._label}: {figures} {self._note}".rstrip(), file=sys.stderr, flush=True)


def progress_file(out: Path | str) -> Path:
    """Where the progress of the work that makes `out` is: `OUT.progress.jsonl`."""
    return Path(out).with_name(f"{Path(out).name}.{NAME}")


def last_progress(path: Path) -> Figures | None:
    """The newest whole line of a progress file; None if there is none."""
    with contextlib.suppress(OSError):
        for line in reversed(path.read_bytes().splitlines()):
            with contextlib.suppress(ValidationError):  # cut by a kill
                return Figures.model_validate_json(line)
    return None


class _ProgressFile:
    """Lines on disk, each flushed. A disk that takes no more ends the lines, not the work."""

    def __init__(self, path: Path, go_on: bool) -> None:
        self.path, self.written, self._lines = path, float("-inf"), []
        if go_on and path.exists():
            whole = path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
            self._lines = [line for line in whole if line.endswith("}\n")]
        self._rewrite = True

    def append(self, figures: Figures) -> None:
        self.written = time.monotonic()
        self._lines.append(figures.model_dump_json() + "\n")
        try:
            if self._rewrite or len(self._lines) > LINES:
                self._lines, self._rewrite = self._lines[-LINES // 2 :], False
                with atomic_file(self.path) as temporary:
                    temporary.write_text("".join(self._lines), encoding="utf-8")
            else:
                with open(self.path, "a", encoding="utf-8") as file:
                    file.write(self._lines[-1])
        except (OSError, SceneshiftError) as error:
            print(f"warning: no more progress in {self.path}: {error}", file=sys.stderr)
            self.written = float("inf")
