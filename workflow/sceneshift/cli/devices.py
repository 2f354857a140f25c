"""Which device a command works on, and how many processes share a training."""

import argparse
import re
import sys
from collections.abc import Callable, Sequence
from typing import Any

from sceneshift.run.gpu_slots import take_gpus, visible_gpus


def device_name(word: str) -> str:
    """A word for --device that can be a device somewhere; argparse's error for any other."""
    if not re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", word):
        hint = "; GPUs are called cuda, cuda:0, cuda:1, …" if word.startswith(("gpu", "cuda")) else ""
        raise argparse.ArgumentTypeError(f"found {word!r}, expected auto, cpu, cuda, cuda:1 or mps{hint}")
    return word


def device_of(name: str) -> Any:
    """The torch device of `--device`; `auto` waits for a GPU of its own where there are GPUs."""
    from sceneshift.runtime.devices import pick_device

    if name == "auto":
        take_gpus()
    return pick_device(name)


def is_worker() -> bool:
    """Whether this process is one of those that `train_in_processes` started."""
    from sceneshift.training import distributed

    return distributed.is_worker()


def train_in_processes(
    words: Sequence[str], device: str, wanted: int, settings: Any, train: Callable[[Any, Any], None]
) -> None:
    """Call `train(device, world)` in the processes that share its batches, each started with the command line `words`.

    There is one per GPU, on CPUs one per thread that the job has: within a process two threads wait for each other
    thousands of times a step, and beside other work each time until the other one's turn comes; processes wait once a
    step. Of those that there are, as many take part as divide a batch (`settings.shares`); one alone trains here.
    wanted: how many, on GPUs or with the device cpu; 0: the settings' `gpus`, on CPUs as many as there are threads
    """
    import torch

    from sceneshift.runtime.devices import pick_device
    from sceneshift.training import distributed

    if distributed.is_worker():
        with distributed.worker(device) as (world, own_device):
            train(own_device, world)
        return

    def dividing(most: int) -> int:
        return max((n for n in range(1, most + 1) if settings.shares % n == 0), default=1)

    gpus = {"auto": len(visible_gpus()), "cpu": 0}.get(device, 1)
    count = dividing(min(wanted or settings.gpus, gpus))
    if gpus > 0 and count < (wanted or settings.gpus):
        print(f"{wanted or settings.gpus} GPUs wanted, {gpus} here: training on {count}.", file=sys.stderr)
    if device == "auto":
        take_gpus(count)
    picked = pick_device(device)
    if picked.type == "cpu" and sys.platform == "linux":  # elsewhere a process may outlive the one that started it
        count = dividing(wanted if wanted and device == "cpu" else torch.get_num_threads())
    if count > 1:
        distributed.launch(words, count)
    else:
        train(picked, distributed.ALONE)
