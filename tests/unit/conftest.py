"""What tests of several stages share."""

import multiprocessing
import os
import socket
from collections.abc import Callable

import pytest
import torch

from sceneshift.runtime import distributed


@pytest.fixture
def in_processes() -> Callable[[int, Callable], None]:
    """Call `work(world, device)` in so many processes at once, on the CPU, as torchrun's workers would."""

    def run(count, work):
        with socket.socket() as free:
            free.bind(("localhost", 0))
            port = free.getsockname()[1]

        def worker(rank):
            torch.set_num_threads(1)  # the pool of the process that was forked is not here
            os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(count)}
            os.environ |= {"MASTER_ADDR": "localhost", "MASTER_PORT": str(port)}
            assert distributed.is_worker()
            work(*distributed.join("cpu"))
            distributed.leave()

        workers = [multiprocessing.get_context("fork").Process(target=worker, args=(rank,)) for rank in range(count)]
        for process in workers:
            process.start()
        for process in workers:
            process.join(120)
        assert [process.exitcode for process in workers] == [0] * count

    return run
