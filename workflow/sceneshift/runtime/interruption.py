"""SIGTERM and SIGUSR1 (a scheduler's warning) and Ctrl-C: finish the step, write a snapshot, leave."""

import contextlib
import ctypes
import signal
import threading
from collections.abc import Iterator

PR_SET_PDEATHSIG = 1  # linux/prctl.h
EXIT_CODE = 143  # 128 + SIGTERM, as a shell reports it: a workflow retries, and the work goes on from its snapshot


class Interrupted(Exception):  # noqa: N818  (not an error: asked for)
    """The process was asked to stop; what it was doing is saved and the next run goes on from there."""


@contextlib.contextmanager
def stop_requested() -> Iterator[threading.Event]:
    """Yield an event that is set when the process is asked to stop; the former handlers come back afterwards."""
    event = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield event
        return
    former = {
        number: signal.signal(number, lambda *_: event.set())
        for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT)
    }
    try:
        yield event
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def be_a_worker() -> None:
    """In a pool's process: end with the process that started it, and leave Ctrl-C, which all of them get, to that."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent()


def end_with_parent(by: int = signal.SIGKILL) -> None:
    """In a process: get the signal `by` when the process that started it ends, killed or not."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, by)
