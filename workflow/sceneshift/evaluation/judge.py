"""A judge of rendered streets that takes no part in making an edit: a small network that reads the labels.

It learns from its own renders, from pixels up, and shares nothing with the run: neither photos, nor backbone, nor
predictor. Only the evaluation uses it (fitted in `judge_training`).
"""

from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from sceneshift.images.pixels import from_uint8
from sceneshift.runtime.devices import autocast, compute_dtype
from sceneshift.runtime.file_kinds import what_is
from sceneshift.runtime.model_files import ModelFormat, fill, on_no_device
from sceneshift.scoring.predictor import SideBySide, load_predictor

FORMAT = ModelFormat("judge", "Make it again with fit-judge.", "sceneshift judge 1", key="judge")
LARGEST = 4096  # side in pixels that a file may name


class JudgeNetwork(nn.Module):
    """2 × 2 pixels folded into channels, five convolutions, and two linear layers over the whole 8 × 8 layout.

    [N, 3, H, W] in [-1, 1], even sides -> [N, labels], about [0, 1]. No normalization: brightness must come through.
    """

    def __init__(self, labels: int) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.PixelUnshuffle(2),
            nn.Conv2d(12, 32, 3, padding=1), nn.ReLU(inplace=True),
            nn.Conv2d(32, 64, 3, stride=2, padding=1), nn.ReLU(inplace=True),
            nn.Conv2d(64, 64, 3, padding=1), nn.ReLU(inplace=True),
            nn.Conv2d(64, 128, 3, stride=2, padding=1), nn.ReLU(inplace=True),
            nn.Conv2d(128, 64, 3, padding=1), nn.ReLU(inplace=True),
            nn.AdaptiveAvgPool2d(8),
        )  # fmt: skip
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(64 * 64, 128), nn.ReLU(inplace=True), nn.Linear(128, labels))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.head(self.features(images))


class Judge:
    """Scores pictures like a predictor: `attributes` names the columns of `score(images)`."""

    def __init__(
        self, network: JudgeNetwork, attributes: list[str], shape: tuple[int, int], facts: dict[str, object]
    ) -> None:
        self.network, self.attributes, self.shape, self.facts = network, attributes, shape, facts

    def score(self, images: np.ndarray) -> np.ndarray:
        """uint8 [N, H, W, 3] -> float32 [N, K] in [0, 1]. Other sizes than `shape` are averaged down or enlarged."""
        device = next(self.network.parameters()).device
        scores = [np.zeros((0, len(self.attributes)), dtype=np.float32)]
        for start in range(0, len(images), 256):
            chunk = as_input(torch.from_numpy(images[start : start + 256]).to(device), self.shape)
            with torch.no_grad(), autocast(compute_dtype("auto", device), device):
                scores.append(self.network(chunk).float().clamp(0, 1).cpu().numpy())
        return np.concatenate(scores)


def as_input(images: torch.Tensor, shape: tuple[int, int]) -> torch.Tensor:
    """uint8 [N, H, W, 3] -> float32 [N, 3, *shape] in [-1, 1], channels last."""
    inputs = from_uint8(images, images.device)
    if inputs.shape[2:] != shape:
        inputs = F.interpolate(inputs, size=shape, mode="bilinear", antialias=True)
    return inputs.contiguous(memory_format=torch.channels_last)


def load_judge(path: Path | str, device: torch.device | str = "cpu") -> Judge | SideBySide:
    """Read a judge: what `fit_judge` wrote, or a predictor.

    Raises SceneshiftError for a file that is neither, or of another version.
    """
    if what_is(path) == "predictor":
        return load_predictor(path, str(device))
    facts, weights = FORMAT.load(path)
    with FORMAT.understood(path):
        attributes, (height, width) = facts["attributes"], facts["shape"]
        if not all(isinstance(name, str) for name in attributes):
            raise ValueError(f"attributes {attributes!r}")
        if not all(type(side) is int and 8 <= side <= LARGEST for side in (height, width)):
            raise ValueError(f"shape {height!r} × {width!r}")
        with on_no_device():
            network = JudgeNetwork(len(attributes))
    fill(path, network, weights)
    network = network.to(device, memory_format=torch.channels_last).eval()
    return Judge(network, attributes, (height, width), facts)
