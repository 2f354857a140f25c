"""Generators of other code bases: what their files hold, and how they name and shape what our networks hold.

Each module describes one code base: `read` takes its checkpoint apart, `generator_name` and `discriminator_name` turn
our names of tensors into its own, `to_ours` converts a tensor whose convention differs in more than dimensions of 1.
"""

from pathlib import Path
from types import ModuleType
from typing import Any

from sceneshift.foreign.pickles import read_pickle, read_torch
from sceneshift.generator.formats import genforce, pggan, rosinality, stylegan, stylegan2_ada, stylegan2_tf
from sceneshift.generator.formats.checkpoint import held
from sceneshift.runtime.errors import SceneshiftError

OWN = "sceneshift"
FOREIGN: dict[str, ModuleType] = {
    module.NAME: module for module in (pggan, stylegan, stylegan2_ada, stylegan2_tf, rosinality, genforce)
}


def open_checkpoint(path: Path | str, name: str = "auto") -> tuple[str, Any]:
    """The name of a checkpoint's format and, unless it is our own, what is in the file.

    Raises SceneshiftError if `name` is `auto` and the file is of no known format.
    """
    try:
        with open(path, "rb") as file:
            start = file.read(16)
    except OSError as error:
        raise SceneshiftError(f"Cannot read the checkpoint {path}: {error.strerror}.") from error
    if name == OWN or (name == "auto" and start[8:10] == b'{"'):  # .safetensors: a length, then JSON
        return OWN, None
    is_torch = start.startswith((b"PK\x03\x04", b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9"))  # zip, or legacy magic number
    content = read_torch(path) if is_torch else read_pickle(path)
    if name == "auto":
        name = next((known for known, module in FOREIGN.items() if module.recognizes(content)), "")
    if not name:
        raise SceneshiftError(
            f"{path} is not a generator of a known format ({OWN}, {', '.join(FOREIGN)}): it holds {held(content)}."
        )
    return name, content
