"""Snapshots of a training: written atomically beside the declared output, read without running code."""

import hashlib
import json
import pickle
import sys
from pathlib import Path
from typing import IO, Any

import torch

from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.files import atomic_file, set_aside
from sceneshift.runtime.locks import NoLocksError, lock


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

    def save(self, state: dict[str, Any]) -> None:
        """Write `state`: nested dicts and lists of tensors, numbers and strings."""
        with atomic_file(self.path) as temporary:
            torch.save({"digest": self.digest, "state": state}, temporary)

    def load(self, device: torch.device | str = "cpu") -> dict[str, Any] | None:
        """The last state, or None if there is none; one of another digest is set aside, which is said."""
        try:
            snapshot = torch.load(self.path, map_location=device, weights_only=True)
            digest, state = snapshot["digest"], snapshot["state"]
        except FileNotFoundError:  # none yet, or the process that writes has just set it aside
            return None
        except (RuntimeError, pickle.UnpicklingError, EOFError, KeyError, TypeError) as error:
            raise SceneshiftError(
                f"The snapshot {self.path} cannot be read ({error}). Delete it to start this training over."
            ) from error
        if digest != self.digest:
            if self.writes:
                kept = set_aside(self.path)
                print(f"{kept} was made with other settings, inputs or code: starting over.", file=sys.stderr)
            return None
        return state


def digest_of(**facts: Any) -> str:
    """A short digest of everything that shapes a training's result."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()[:16]


class History:
    """A CSV table of a training, one row a status, that a resumed run continues as if it had never stopped."""

    def __init__(self, path: Path, columns: list[str], images: int) -> None:
        """Keep the rows up to `images` (the first column) and drop the rest: those will be computed again."""
        self.path, self.columns = Path(path), columns
        self.rows: list[list[Any]] = []
        if images and self.path.exists():
            lines = self.path.read_text().splitlines()[1:]
            self.rows = [row for row in (line.split(",") for line in lines) if int(row[0]) <= images]

    def append(self, **values: Any) -> None:
        """Add a row (missing columns stay empty) and write the table anew, whole."""
        cells = (values.get(column, "") for column in self.columns)
        self.rows.append([f"{cell:.6g}" if isinstance(cell, float) else str(cell) for cell in cells])
        with atomic_file(self.path) as temporary:
            temporary.write_text("\n".join(",".join(row) for row in [self.columns, *self.rows]) + "\n")
