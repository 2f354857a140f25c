"""Model files: `.safetensors` with a network's tensors and, as one entry of JSON, what it takes to use them.

Of one entry, since safetensors writes several in random order, and equal runs give equal bytes.
"""

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.file_kinds import what_is
from sceneshift.runtime.files import atomic_file


@dataclass(frozen=True)
class ModelFormat:
    """One kind of model file: how it is written, and read or refused.

    kind: what errors call it; remedy: what they say to do, a sentence; format, version: what the file says that it is;
    key: of the metadata entry.
    """

    kind: str
    remedy: str
    format: str
    version: int | None = None  # None: `format` ends with it
    key: str = "sceneshift"

    def save(self, path: Path | str, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
        """Write tensors and facts (of JSON's types) to `path`, atomically. Equal ones give equal bytes."""
        versions = {"format": self.format} | ({} if self.version is None else {"format_version": self.version})
        metadata = {self.key: json.dumps({**versions, **facts}, sort_keys=True)}
        plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
        with atomic_file(path) as temporary:
            save_file(plain, temporary, metadata)

    def load(self, path: Path | str) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """The facts and the tensors (CPU) of a file.

        Raises SceneshiftError that names the file if it is missing, cut, damaged, of another kind or version, or if a
        tensor holds NaN or infinity.
        """
        with self._opened(path) as file:
            facts = self._facts(path, file.metadata())
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (no mapping)
        for name, tensor in tensors.items():
            if tensor.is_floating_point() and not tensor.isfinite().all():
                raise SceneshiftError(f"{path}: tensor {name} holds NaN or infinity. {self.remedy}")
        return facts, tensors

    def facts(self, path: Path | str) -> dict[str, Any]:
        """Only the facts: the tensors are not read. Raises as `load`."""
        with self._opened(path) as file:
            return self._facts(path, file.metadata())

    @contextlib.contextmanager
    def understood(self, path: Path | str) -> Iterator[None]:
        """A block that makes something of the facts: what is missing there, or of another type, becomes an error."""
        try:
            yield
        except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RuntimeError) as error:
            what = f"{type(error).__name__}: {error}"
            raise SceneshiftError(
                f"{path}: its metadata does not describe a {self.kind} ({what}). {self.remedy}"
            ) from error

    @contextlib.contextmanager
    def _opened(self, path: Path | str) -> Iterator[Any]:
        if not Path(path).is_file():
            raise SceneshiftError(f"There is no {self.kind} {path}. {self.remedy}")
        try:
            with safe_open(path, framework="pt") as file:
                yield file
        except (SafetensorError, OSError) as error:
            what = f"is not a whole .safetensors file (by its content: {what_is(path)}; {error})"
            raise SceneshiftError(f"{path} {what}. {self.remedy}") from error

    def _facts(self, path: Path | str, metadata: Mapping[str, str] | None) -> dict[str, Any]:
        try:
            facts = json.loads((metadata or {}).get(self.key, "{}"))
        except (ValueError, RecursionError) as error:
            raise SceneshiftError(f"{path}: its metadata is not JSON ({error}). {self.remedy}") from error
        found = facts.get("format") if isinstance(facts, dict) else None
        if found != self.format:
            raise SceneshiftError(
                f"{path} is not a {self.kind}: its format is {found!r}, expected {self.format!r}. {self.remedy}"
            )
        if (version := facts.get("format_version")) != self.version:
            raise SceneshiftError(
                f"{path} has {self.kind} format version {version}; this sceneshift reads {self.version}."
                f" Use the sceneshift that made it. Or: {self.remedy}"
            )
        return facts


def on_no_device() -> torch.device:
    """Where networks are built to be filled: their shapes are known before any memory is asked for."""
    return torch.device("meta")


def fill(
    path: Path | str, network: nn.Module, tensors: Mapping[str, Tensor], names: Mapping[str, str] | None = None
) -> None:
    """Give a network that was built on no device its tensors, as float32.

    Raises SceneshiftError for tensors that are missing, surplus, of other shapes, or hold NaN or infinity; it calls
    them by `names`, where given.
    """
    expected = network.state_dict()
    for name in sorted(expected.keys() | tensors.keys()):
        called = names[name] if names else name
        if name not in tensors or name not in expected:
            raise SceneshiftError(f"{path}: tensor {called} is {'missing' if name in expected else 'not expected'}.")
        found, wanted = list(tensors[name].shape), list(expected[name].shape)
        if found != wanted:
            raise SceneshiftError(f"{path}: tensor {called} has shape {found}; expected {wanted}.")
        if not tensors[name].is_floating_point() or not tensors[name].isfinite().all():
            what = (
                f"numbers of type {tensors[name].dtype}" if not tensors[name].is_floating_point() else "NaN or infinity"
            )
            raise SceneshiftError(f"{path}: tensor {called} holds {what}; expected finite floating-point numbers.")
    # clones: two tensors of a file may share memory
    network.load_state_dict({name: tensor.float().clone() for name, tensor in tensors.items()}, assign=True)
