"""One training in several processes, a GPU each: which of them this one is, sums over all, and how they start.

torchrun's machinery starts the same command once per GPU and tells each its rank. A process that was started alone is a
world of one, for which everything here costs nothing. `torchrun -m sceneshift train-generator …` works as well.
"""

import logging
import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import torch
from torch import Tensor, distributed

from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.interruption import EXIT_CODE, Interrupted, end_with_parent

Value = TypeVar("Value")

TIMEOUT = timedelta(minutes=30)  # for the slowest of them: the first one measures Fréchet distances while others wait
SNAPSHOT_SECONDS = 120  # between a signal and the end of processes that did not leave by themselves


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
        distributed.all_reduce(flat)
        for tensor, total in zip(tensors, flat.split([tensor.numel() for tensor in tensors]), strict=True):
            tensor.copy_(total.view_as(tensor))

    def any(self, flag: bool) -> bool:
        """Whether `flag` holds in any process: asked on the CPUs, so that no GPU is waited for."""
        if self.size == 1:
            return flag
        flags = torch.tensor(float(flag))
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
        distributed.broadcast_object_list(values)
        return values[0]


ALONE = World()


def is_worker() -> bool:
    """Whether torchrun started this process."""
    return "LOCAL_RANK" in os.environ


def join(name: str) -> tuple[World, torch.device]:
    """In a process that torchrun started: its world, once all are there, and its device (`name`: auto or cpu)."""
    end_with_parent(signal.SIGTERM)  # without its launcher a process stops, with a snapshot
    if name == "cpu" or not torch.cuda.is_available():
        device, backend = torch.device("cpu"), "gloo"
    else:
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        backend = "cpu:gloo,cuda:nccl" if distributed.is_nccl_available() else "gloo"
        torch.cuda.set_device(device)
    distributed.init_process_group(backend, timeout=TIMEOUT)
    return World(distributed.get_rank(), distributed.get_world_size()), device


def leave() -> None:
    """The end of what `join` began."""
    distributed.destroy_process_group()


def launch(arguments: Sequence[str], processes: int) -> None:
    """Run `sceneshift ARGUMENTS` in several processes on this machine and wait for them.

    A signal to stop goes to all of them. Raises Interrupted when they stopped because they were asked to, and
    SceneshiftError when one of them fails (the others are then ended).
    """
    from torch.distributed.elastic.multiprocessing import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)  # the message for it is printed here
    os.environ["OMP_NUM_THREADS"] = str(max(torch.get_num_threads() // processes, 1))
    os.environ.setdefault("TORCH_ELASTIC_SHUTDOWN_TIMEOUT", str(SNAPSHOT_SECONDS))
    config = LaunchConfig(
        min_nodes=1, max_nodes=1, nproc_per_node=processes, run_id=str(os.getpid()), rdzv_backend="c10d",
        rdzv_endpoint="localhost:0", max_restarts=0, signals_to_handle="SIGTERM,SIGINT,SIGUSR1",
    )  # fmt: skip
    try:
        elastic_launch(config, sys.executable)("-m", "sceneshift", *arguments)
    except SignalException as stop:
        raise Interrupted(f"all {processes} processes were asked to stop ({stop.sigval.name})") from None
    except ChildFailedError as failed:
        rank, failure = failed.get_first_failure()
        if failure.exitcode in (EXIT_CODE, -signal.SIGTERM):
            raise Interrupted(f"all {processes} processes stopped, since one of them was asked to") from None
        raise SceneshiftError(
            f"Process {rank} of {processes} ended with code {failure.exitcode} (negative: killed by that signal). "
            "What it said stands above; run again to go on from the last snapshot."
        ) from None
