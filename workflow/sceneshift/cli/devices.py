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
    """Whether this process is one of those that `train_on_gpus` started."""
    from sceneshift.training import distributed

    return distributed.is_worker()


def train_on_gpus(
    words: Sequence[str], device: str, wanted: int, shares: int, train: Callable[[Any, Any], None]
) -> None:
    """Call `train(device, world)` in one process per GPU, each started with the command line `words`; alone: here.

    wanted: how many; fewer are used if there are fewer, or if they do not divide `shares` (see the settings).
    """
    import torch

    from sceneshift.runtime.devices import pick_device
    from sceneshift.training import distributed

    if distributed.is_worker():
        world, own_device = distributed.join(device)
        train(own_device, world)
        distributed.leave()
        return
    there = {"auto": len(visible_gpus()), "cpu": wanted}.get(device, 1)
    count = max((n for n in range(1, min(wanted, there) + 1) if shares % n == 0), default=1)
    if there > 0 and count < wanted:
        print(f"{wanted} GPUs wanted, {there} here: training on {count}.", file=sys.stderr)
    if device == "auto":
        take_gpus(count)
    if count > 1 and (device == "cpu" or torch.cuda.is_available()):
        distributed.launch(words, count)
    else:
        train(pick_device(device), distributed.ALONE)
