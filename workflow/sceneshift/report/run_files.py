"""Reading what a run left behind, with errors that name what is missing."""

import json
from pathlib import Path

import h5py
import pandas as pd
from safetensors import SafetensorError, safe_open

from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.files import sha256_of


def needed(path: Path) -> Path:
    """`path`, which must exist: every finished run has it."""
    if not path.exists():
        raise SceneshiftError(f"The report needs {path}, which is missing. Run the workflow to its end first.")
    return path


def table(path: Path, columns: tuple[str, ...] = ()) -> pd.DataFrame:
    """A CSV that must exist and have at least `columns`."""
    try:
        # "None" or "NA" may be an attribute's or a file's name; only empty cells are missing
        values = pd.read_csv(needed(path), keep_default_na=False, na_values=[""])
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise SceneshiftError(f"{path} cannot be read as a table ({error}). Delete it and run again.") from error
    if lacking := [name for name in columns if name not in values]:
        raise SceneshiftError(f"{path}: the column {', '.join(lacking)} is missing; found {', '.join(values)}.")
    return values


def metadata(path: Path) -> dict[str, object]:
    """What a .safetensors or .h5 file says about itself, JSON texts parsed."""
    try:
        if path.suffix == ".safetensors":
            with safe_open(needed(path), framework="numpy") as file:
                facts = dict(file.metadata() or {})
        else:
            with h5py.File(needed(path), "r") as file:
                facts = {name: value.item() if hasattr(value, "item") else value for name, value in file.attrs.items()}
    except (SafetensorError, OSError) as error:
        raise SceneshiftError(f"{path} cannot be read ({error}). Delete it and run again.") from error
    return {name: _parsed(value) for name, value in sorted(facts.items())}


def codes_in(path: Path) -> int:
    """How many codes a latent/score store holds."""
    try:
        with h5py.File(needed(path), "r") as file:
            return len(file["index"])
    except (OSError, KeyError) as error:
        raise SceneshiftError(f"{path} cannot be read as a store ({error}). Delete it and run again.") from error


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
