"""Which GPUs a process may use: each is lent to one process at a time, for as long as that process lives.

A slot is a lock on a file of the GPU's name. The kernel frees it when its holder dies, however it dies, so there is
nothing to clean up. Works without torch: the slot must be taken before CUDA looks at CUDA_VISIBLE_DEVICES.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO

from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.locks import lock

POLL_SECONDS = 0.2

_held: dict[str, IO[str]] = {}  # GPU -> its lock, held until this process ends


def visible_gpus() -> list[str]:
    """Names of the CUDA GPUs here as CUDA_VISIBLE_DEVICES takes them: those it lists already, else all."""
    if (listed := os.environ.get("CUDA_VISIBLE_DEVICES")) is not None:
        names = [name.strip() for name in listed.split(",")]
        return [name for name in names if name and name not in ("-1", "NoDevFiles")]
    if not shutil.which("nvidia-smi"):
        return []
    listing = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=60, check=False)
    return re.findall(r"^GPU (\d+):", listing.stdout, re.MULTILINE)


def take_gpus(count: int = 1) -> list[str]:
    """Wait until `count` GPUs are free, take them and make them the only ones that CUDA sees; [] without a GPU.

    On a machine with fewer, all of them are taken, with a message. Who asked first is served first.
    """
    if not _held and (names := visible_gpus()):
        if count > len(names):
            print(f"{count} GPUs wanted, this machine has {len(names)}: going on with those.", file=sys.stderr)
        _take(names, min(count, len(names)))
        os.environ.setdefault("CUDA_DEVICE_ORDER", "PCI_BUS_ID")  # numbers as in nvidia-smi
        os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(_held)
    return list(_held)


def _take(names: list[str], count: int) -> None:
    # A SLURM job counts its GPUs from 0 whichever they are, so that its numbers mean nothing to other jobs
    place = f"sceneshift-gpus-{os.getuid()}-{os.environ.get('SLURM_JOB_ID', 'all')}"
    folder = Path(tempfile.gettempdir()) / place
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise SceneshiftError(f"{folder} belongs to somebody else. Remove it, or set TMPDIR to a folder of your own.")
    said = False
    with lock(folder / "door", wait=True):  # one at a time, so that two who want two never hold one each
        while True:
            for name in names:
                if name not in _held and len(_held) < count and (held := lock(folder / name)):
                    _held[name] = held
            if len(_held) == count:
                return
            if not said:
                said = True
                print(f"Waiting for a GPU: of {len(names)}, {count - len(_held)} must become free.", file=sys.stderr)
            time.sleep(POLL_SECONDS)
