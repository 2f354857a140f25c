"""One training in several processes, a GPU or a core each: which this one is, sums over all, and how they start.

torchrun's machinery starts the same command several times and tells each process its rank. A process that was started
alone is a world of one, for which everything here costs nothing. `torchrun -m sceneshift train-generator …` works too.
"""

import contextlib
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import torch
from torch import Tensor, distributed

from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.interruption import EXIT_CODE, Interrupted, end_with_parent

Value = TypeVar("Value")

TIMEOUT = timedelta(days=1)  # for the slowest of them: the first one may wait for another training to end
SNAPSHOT_SECONDS = 120  # between a signal and the end of processes that did not leave by themselves
LAST_WORDS_SECONDS = 10


@dataclass(frozen=True)
class World:
    """The processes of one training, and the place of this one among them."""

    rank: int = 0
    size: int = 1

    @property
    def first(self) -> bool:
        """Whether this is the process that writes files and says how it goes."""
        return self.rank == 0

    def add_up(self, tensors: Sequence[Tensor]) -> None:
        """Replace float32 tensors [...] by their sums over all processes, the same bits in each, in one message."""
        if self.size == 1:
            return
        flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
        with _others():
            distributed.all_reduce(flat)
        for tensor, total in zip(tensors, flat.split([tensor.numel() for tensor in tensors]), strict=True):
            tensor.copy_(total.view_as(tensor))

    def any(self, flag: bool) -> bool:
        """Whether `flag` holds in any process: asked on the CPUs, so that no GPU is waited for."""
        if self.size == 1:
            return flag
        flags = torch.tensor(float(flag))
        with _others():
            distributed.all_reduce(flags)
        return flags.item() > 0

    def wait(self) -> None:
        """Until every process is here."""
        self.any(False)

    def from_first(self, make: Callable[[], Value]) -> Value:
        """What `make` gives in the first process; the others wait for it."""
        if self.size == 1:
            return make()
        values = [make() if self.first else None]
        with _others():
            distributed.broadcast_object_list(values)
        return values[0]


ALONE = World()


@contextlib.contextmanager
def _others() -> Iterator[None]:
    """What takes all processes. Raises Interrupted when one has left: it says why itself, unless it was killed."""
    try:
        yield
    except RuntimeError as error:
        _let_others_end()
        raise Interrupted(f"another process of this training has left ({str(error).splitlines()[0]})") from error


def _let_others_end() -> None:
    """Wait, so that it is another process that ends first, for which the launcher then ends this one."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    time.sleep(LAST_WORDS_SECONDS)


def is_worker() -> bool:
    """Whether torchrun started this process."""
    return "LOCAL_RANK" in os.environ


@contextlib.contextmanager
def worker(name: str) -> Iterator[tuple[World, torch.device]]:
    """In a process that torchrun started: its world, once all are there, and its device (`name`: auto or cpu).

    When one process fails, it alone says why.
    """
    world, device = join(name)
    try:
        yield world, device
    except Interrupted:
        raise
    except Exception:
        if not world.first:  # the first one may say the same
            _let_others_end()
        raise
    distributed.destroy_process_group()


def join(name: str) -> tuple[World, torch.device]:
    """The world and the device of `worker`, until `destroy_process_group`."""
    end_with_parent(signal.SIGTERM)  # without its launcher a process stops, with a snapshot
    if name == "cpu" or not torch.cuda.is_available():
        device, backend = torch.device("cpu"), "gloo"
    else:
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        backend = "cpu:gloo,cuda:nccl" if distributed.is_nccl_available() else "gloo"
        torch.cuda.set_device(device)
    distributed.init_process_group(backend, timeout=TIMEOUT)
    return World(distributed.get_rank(), distributed.get_world_size()), device


def launch(arguments: Sequence[str], processes: int) -> None:
    """Run `sceneshift ARGUMENTS` in several processes on this machine and wait for them.

    A signal to stop goes to all of them. Raises Interrupted when they stopped because they were asked to. When one of
    them fails the others are ended; SystemExit if it has said why, SceneshiftError if it was killed.
    """
    from torch.distributed.elastic.multiprocessing import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)  # the message for it is printed here
    threads = str(max(torch.get_num_threads() // processes, 1))
    os.environ |= {"OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads}
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")  # not that of the machine's name, which a laptop may lose
    os.environ.setdefault("TORCH_ELASTIC_SHUTDOWN_TIMEOUT", str(SNAPSHOT_SECONDS))
    config = LaunchConfig(
        min_nodes=1, max_nodes=1, nproc_per_node=processes, run_id=str(os.getpid()), rdzv_backend="c10d",
        rdzv_endpoint="localhost:0", local_addr="localhost", max_restarts=0,
        signals_to_handle="SIGTERM,SIGINT,SIGUSR1",
    )  # fmt: skip
    try:
        elastic_launch(config, sys.executable)("-m", "sceneshift", *arguments)
    except SignalException as stop:
        raise Interrupted(f"all {processes} processes were asked to stop ({stop.sigval.name})") from None
    except ChildFailedError as failed:
        rank, failure = failed.get_first_failure()
        if failure.exitcode in (EXIT_CODE, -signal.SIGTERM):
            raise Interrupted(f"all {processes} processes stopped, since one of them was asked to") from None
        if failure.exitcode > 0:
            raise SystemExit(failure.exitcode) from None
        raise SceneshiftError(
            f"Process {rank} of {processes} was killed ({failure.signal_name()}): by hand, or since the memory is used "
            "up. Run again to go on from the last snapshot."
        ) from None
