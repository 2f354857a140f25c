"""Work done side by side, taken in order, with a bound on what waits in memory."""

import contextlib
import math
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from typing import TypeVar

Item, Result = TypeVar("Item"), TypeVar("Result")


def in_order(
    pool: Executor, function: Callable[[Item], Result], items: Iterable[Item], waiting: int
) -> Iterator[Result]:
    """`function` of each item, in the items' order, worked on by `pool`.

    Like `pool.map`, but items are taken from `items` only as results are taken: at most `waiting` are worked on or
    wait beside the one handed out, however many items there are.
    """
    pending: deque[Future[Result]] = deque()
    try:
        for item in items:
            pending.append(pool.submit(function, item))
            if len(pending) > waiting:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        for future in pending:
            future.cancel()


class Budget:
    """Pixels, bytes or the like that all threads share: a thread that needs more than is left waits for the others."""

    def __init__(self, total: int) -> None:
        self._left: float = total
        self._changed = threading.Condition()

    def take(self, amount: int) -> None:
        """Wait until `amount` is left, which must not be more than the total, and take it."""
        with self._changed:
            self._changed.wait_for(lambda: self._left >= amount)
            self._left -= amount

    def give(self, amount: float) -> None:
        """Give back what was taken."""
        with self._changed:
            self._left += amount
            self._changed.notify_all()

    @contextlib.contextmanager
    def taken(self, amount: int) -> Iterator[None]:
        """Within the block `amount` is taken."""
        self.take(amount)
        try:
            yield
        finally:
            self.give(amount)

    def close(self) -> None:
        """Let all who wait go on: work was broken off, and nobody gives back."""
        self.give(math.inf)
