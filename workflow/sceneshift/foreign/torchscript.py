"""Networks that others wrote as TorchScript, such as the Inception and VGG16 of NVIDIA's metrics.

TorchScript is a program, so unlike every other file here such a file is run. What is promised: nothing of it runs in
Python, no pickled object of it is built, and its SHA-256 stands beside the figures made with it. What is not: that it
ends, that it stays within memory, or that its operations leave files alone. Give only a file whose source you trust.
"""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sceneshift.runtime.errors import SceneshiftError


def load_scripted(path: Path | str, device: torch.device | str, wanted: str) -> torch.jit.ScriptModule:
    """A TorchScript module, in eval mode. Raises SceneshiftError that says what was `wanted` if the file is none."""
    if not Path(path).is_file():
        raise SceneshiftError(f"{path} does not exist. Expected {wanted}.")
    try:
        return torch.jit.load(str(path), map_location=device).eval()
    except Exception as error:  # a damaged archive or program fails in nearly any way
        raise SceneshiftError(f"{path} is no TorchScript file ({_first_line(error)}). Expected {wanted}.") from error


@torch.no_grad()
def run_scripted(path: Path | str, module: torch.jit.ScriptModule, images: Tensor, **options: Any) -> Tensor:
    """Features of images [N, 3, H, W]: float32 [N, D]. Raises SceneshiftError if the module gives anything else."""
    called = ", ".join(f"{name}={value}" for name, value in options.items())
    try:
        features = module(images, **options)
    except Exception as error:  # what others wrote can fail in any way
        raise SceneshiftError(f"{path} fails when called with images and {called}: {_first_line(error)}.") from error
    if not isinstance(features, Tensor) or features.ndim != 2 or len(features) != len(images):
        found = list(features.shape) if isinstance(features, Tensor) else type(features).__name__
        raise SceneshiftError(
            f"{path} gives {found} for {len(images)} images and {called}; expected [{len(images)}, D]."
        )
    return features.float()


def _first_line(error: Exception) -> str:
    """The line that tells: the last one of a script's traceback, the first one of another error."""
    lines = [line for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    return (lines[-1] if "Traceback" in lines[0] or "TorchScript" in lines[0] else lines[0]).strip().rstrip(".")[:200]
