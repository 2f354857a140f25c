"""Snapshots of a training: written atomically beside the declared output, read without running code.

What a snapshot's digest holds, in both trainings: the settings that shape the result, as they are written in the
config; the bytes of the inputs; the seed; the code. A training goes on from a snapshot with the same digest only.
It holds nothing that the machine decides, such as the arithmetic that `precision: auto` comes to: on a cluster of
several kinds of machine, a training that moved would start over each time and lose days. It goes on in the other
arithmetic instead, which the log names at each start. Bit for bit the same weights are promised on one machine only.
"""

import contextlib
import hashlib
import json
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import torch

from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.files import atomic_file, set_aside
from sceneshift.runtime.locks import NoLocksError, lock

START_OVER = "Put a copy of it back, or move it away to start this training over."


class TrainingState:
    """Base of a dataclass of everything that training changes: it saves and restores itself field by field.

    Fields are networks, optimizers and the like with `state_dict` and `load_state_dict`, or tensors and numbers.
    """

    images: int

    def state_dict(self) -> dict[str, Any]:
        return {name: part.state_dict() if _saves_itself(part) else part for name, part in vars(self).items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Raises KeyError, TypeError, ValueError or RuntimeError if `state` is not of such a training."""
        for name, part in vars(self).items():
            if _saves_itself(part):
                part.load_state_dict(state[name])
            elif type(state[name]) is not type(part):
                raise TypeError(f"{name} is a {type(state[name]).__name__}, expected a {type(part).__name__}")
            else:
                setattr(self, name, state[name])


def _saves_itself(part: object) -> bool:
    return hasattr(part, "load_state_dict")


class Snapshots:
    """The last snapshot of one training in `folder`; `digest` names the settings, inputs and code that shaped it.

    One file is kept, replaced atomically: a kill at any moment leaves the old one or the new one, whole.
    """

    def __init__(self, folder: Path, digest: str, writes: bool = True) -> None:
        """`writes`: of several processes of one training, the first one does and the others only load."""
        self.folder, self.digest, self.writes = Path(folder), digest, writes
        self.path = self.folder / "snapshot.pt"
        self._lock = self._only_training_here() if writes else None

    def _only_training_here(self) -> IO[str] | None:
        """Wait while another process trains here, one that outlived a killed workflow, say; the lock dies with us."""
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            if held := lock(self.folder / "lock"):
                return held
            print(f"Another process is training in {self.folder}: waiting for it to end.", file=sys.stderr, flush=True)
            return lock(self.folder / "lock", wait=True)
        except NoLocksError as error:  # two would write the same snapshots
            print(f"warning: {error} Going on without a lock.", file=sys.stderr)
            return None

    def save(self, state: TrainingState) -> None:
        """Write `state`."""
        with atomic_file(self.path) as temporary:
            torch.save({"digest": self.digest, "state": state.state_dict()}, temporary)

    def restore(self, state: TrainingState, images: int, device: torch.device | str = "cpu") -> bool:
        """Put the last snapshot into `state`; whether there was one.

        A snapshot of another digest, or of more than `images`, is set aside, with a message. Raises SceneshiftError
        if it cannot be read: it may hold days of training, so whoever runs this decides.
        """
        try:
            with _reading(self.path, START_OVER):
                snapshot = _load(self.path, device)
                digest, found = snapshot["digest"], int(snapshot["state"]["images"])
        except FileNotFoundError:  # none yet, or the process that writes has just set it aside
            return False
        if digest == self.digest and found <= images:
            with _reading(self.path, START_OVER):
                state.load_state_dict(snapshot["state"])
            return True
        if self.writes:
            more = f"holds {found:,} images of training, more than the {images:,} wanted"
            why = more if digest == self.digest else "was made with other settings, inputs or code"
            print(f"{set_aside(self.path)} {why}: starting over.", file=sys.stderr)
        return False


def take_over(path: Path | str, state: TrainingState) -> None:
    """Put the snapshot at `path` into `state`, whatever its settings. Raises SceneshiftError if it does not fit."""
    with _reading(path, "Give another one of this training."):
        snapshot = _load(path, "cpu")["state"]
    try:
        state.load_state_dict(snapshot)
    except Exception as error:  # whatever PyTorch raises about what does not fit
        raise SceneshiftError(
            f"{path} is not a snapshot of this training: it has other networks. Give the one that lies in training/ "
            "beside the file."
        ) from error


def _load(path: Path | str, device: torch.device | str) -> dict[str, Any]:
    with zipfile.ZipFile(path) as entries:  # PyTorch does not look at their checksums
        if damaged := entries.testzip():
            raise ValueError(f"{damaged} is damaged")
    return torch.load(path, map_location=device, weights_only=True)


@contextlib.contextmanager
def _reading(path: Path | str, remedy: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise
    except Exception as error:  # whatever a damaged file makes PyTorch raise
        raise SceneshiftError(
            f"The snapshot {path} cannot be read ({type(error).__name__}: {error}). {remedy}"
        ) from error


def digest_of(**facts: Any) -> str:
    """A short digest of everything that shapes a training's result."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()[:16]
