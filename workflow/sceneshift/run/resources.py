"""What a job asks of the machine: threads, memory, time."""

from collections.abc import Callable
from typing import Any

MOST_THREADS = 8


def doubling(first: int) -> Callable[..., int]:
    """A resource of a rule: `first` megabytes or minutes, and twice as many with each retry."""

    def limit(wildcards: Any, attempt: int) -> int:
        return first * 2 ** (attempt - 1)

    return limit


def threads_each(jobs: int, cores: int | None, gpus: int) -> int:
    """Threads for each of `jobs` jobs that can run at once on `cores` cores and `gpus` GPUs, at most 8.

    On CPUs jobs side by side are faster than the same jobs in turn, each on all cores.
    cores: None if the jobs share none, as on a cluster
    """
    if cores is None:
        return MOST_THREADS
    at_once = max(min(jobs, gpus or jobs), 1)
    return min(max(cores // at_once, 1), MOST_THREADS)


def training_threads(shares: int, most: int = MOST_THREADS) -> int:
    """Threads of a training: one for each process that can share its batches, which is faster than threads.

    shares: how many can; 1: one process has all of the threads
    """
    return min(shares, most) if shares > 1 else most
