"""Reading HDF5 files that may be damaged: h5py fails late, in many ways, and without the file's name."""

import functools
from collections.abc import Callable
from typing import Any

from sceneshift.runtime.errors import SceneshiftError


def names_damage(read: Callable[..., Any]) -> Callable[..., Any]:
    """Decorator for methods of a store with `path`: what h5py raises over a damaged file becomes a SceneshiftError."""

    @functools.wraps(read)
    def reading(self: Any, *arguments: Any, **options: Any) -> Any:
        try:
            return read(self, *arguments, **options)
        except (OSError, KeyError, RuntimeError, ValueError, TypeError) as error:
            raise SceneshiftError(
                f"{self.path} is truncated, damaged or no HDF5 file ({error}). Delete it and make it again."
            ) from error

    return reading
