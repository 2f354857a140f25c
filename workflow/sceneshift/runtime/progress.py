"""Progress of long work: a live line in a terminal, one line a minute in a log."""

import sys
import time
from typing import Self

from tqdm import tqdm


class Progress:
    """`with Progress("synthesising", total=5000) as progress: progress.advance(64)`.

    Shows done, total, images/s and time left. In a log file a line appears at most every minute and at the end.
    """

    def __init__(self, label: str, total: int, initial: int = 0, unit: str = "images") -> None:
        in_terminal = sys.stderr.isatty()
        self._log = not in_terminal
        self._label, self._total, self._unit = label, total, unit
        self._initial = self._done = initial
        self._start = self._last_line = time.monotonic()
        self._bar = tqdm(
            desc=label, total=total, initial=initial, unit=f" {unit}", disable=not in_terminal, smoothing=0.05
        )
        self._note = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._bar.close()
        if self._log:
            self._print()

    def advance(self, count: int, note: str = "") -> None:
        """Count `count` more units done; `note` is shown behind the figures."""
        self._done += count
        self._note = note or self._note
        self._bar.set_postfix_str(self._note, refresh=False)
        self._bar.update(count)
        if self._log and time.monotonic() - self._last_line > 60:
            self._last_line = time.monotonic()
            self._print()

    @property
    def rate(self) -> float:
        """Units a second since the start of this process's work."""
        return (self._done - self._initial) / max(time.monotonic() - self._start, 1e-9)

    def _print(self) -> None:
        left = (self._total - self._done) / self.rate if self.rate > 0 else float("inf")
        remaining = f"{int(left // 60)} min {int(left % 60)} s left" if left != float("inf") else ""
        figures = f"{self._done:,} of {self._total:,} {self._unit}, {self.rate:.1f} {self._unit}/s, {remaining}"
        print(f"{self._label}: {figures} {self._note}".rstrip(), file=sys.stderr, flush=True)
