"""Reading what a run left behind, with errors that name what is missing."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import h5py
import pandas as pd
from safetensors import SafetensorError, safe_open

from sceneshift.latents.store import LatentStore
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.files import sha256_of
from sceneshift.runtime.hdf5 import FAILURES, LOCKING
from sceneshift.runtime.tables import read_table

T = TypeVar("T")


class MissingError(SceneshiftError):
    """A file that every finished run has is not there."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} is missing. Run the workflow to its end first.")
        self.path = path


def needed(path: Path) -> Path:
    """`path`, which must exist: every finished run has it. Raises MissingError."""
    if not path.exists():
        raise MissingError(path)
    return path


def if_made(read: Callable[..., T], *arguments: Any, missing: list[Path]) -> T | None:
    """What `read` makes of files; None if one is not there yet, which `missing` then names."""
    try:
        return read(*arguments)
    except MissingError as error:
        missing.append(error.path)
        return None


def table(path: Path, columns: Mapping[str, Any]) -> pd.DataFrame:
    """A CSV that must exist: its `columns`, of the types given as in `read_table`; empty numbers are NaN."""
    values = pd.DataFrame(read_table(needed(path), columns), columns=list(columns))
    return values.astype({name: "float64" for name, kind in columns.items() if kind == float | None})


def history(path: Path) -> pd.DataFrame:
    """The rows of a training, all columns as numbers; empty cells are NaN."""
    values = pd.DataFrame(read_table(needed(path), {"images": int}))
    return values.apply(pd.to_numeric, errors="coerce")


def if_sound(read: Callable[[Path], T], path: Path, damaged: list[str]) -> T | None:
    """What `read` makes of a file that no rule would make again; if it is damaged None, and a sentence in `damaged`."""
    try:
        return read(path)
    except SceneshiftError as error:
        damaged.append(f"Left out of this page: {error}")
        return None


def metadata(path: Path) -> dict[str, object]:
    """What a .safetensors or .h5 file says about itself, JSON texts parsed."""
    try:
        if path.suffix == ".safetensors":
            with safe_open(needed(path), framework="numpy") as file:
                facts = dict(file.metadata() or {})
        else:
            with h5py.File(needed(path), "r", locking=LOCKING) as file:
                facts = {name: value.item() if hasattr(value, "item") else value for name, value in file.attrs.items()}
    except (SafetensorError, *FAILURES) as error:
        raise SceneshiftError(
            f"{path} cannot be read ({error}). If a run made it, delete it and start the run again."
        ) from error
    return {name: _parsed(value) for name, value in sorted(facts.items())}


def codes_in(path: Path) -> int:
    """How many codes a latent/score store holds."""
    with LatentStore(needed(path)) as store:
        return len(store)


def provenance(run: Path, paths: list[Path]) -> list[dict[str, str]]:
    """Per file: its name below the run, size, sha256, and what it says about itself as indented JSON."""
    rows = []
    for path in paths:
        facts = metadata(path) if path.suffix in (".safetensors", ".h5") else {}
        rows.append(
            {
                "name": path.relative_to(run).as_posix(),
                "size": f"{path.stat().st_size / 1e6:,.2f} MB",
                "sha256": sha256_of(path),
                "facts": json.dumps(facts, indent=2, ensure_ascii=False, default=str) if facts else "",
            }
        )
    return rows


def _parsed(value: object) -> object:
    if isinstance(value, str) and value[:1] in "{[":
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value
