"""The networks in whose features sets of pictures are compared, each with how it brings pictures to its size."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from sceneshift.foreign.torchscript import load_scripted, run_scripted
from sceneshift.runtime.files import sha256_of
from sceneshift.vision.backbone import enlarged, load_backbone

NETWORK, SIDE = "efficientnet-lite2", 128  # as the Fréchet distances during training
INCEPTION = "NVIDIA's inception-2015-12-05.pt, called as network(uint8 images [N, 3, H, W], return_features=True)"
CHUNK = 32


@dataclass(frozen=True)
class Features:
    """Pooled features of pictures."""

    name: str  # of the network
    resize: str  # how pictures get the size that it takes
    of: Callable[[np.ndarray], np.ndarray]  # uint8 [N, H, W, 3] -> float32 [N, D]

    def of_all(self, batches: Iterable[np.ndarray]) -> np.ndarray:
        """Of batches uint8 [N, H, W, 3], all in one: float32 [M, D]; of the pictures no more than a batch is held."""
        return np.concatenate([self.of(batch) for batch in batches])


def backbone_features(device: torch.device | str) -> Features:
    """EfficientNet-lite2's, which no loss here sees; they compare with no published figure."""
    backbone = load_backbone(device, network=NETWORK)

    def of(images: np.ndarray) -> np.ndarray:
        return backbone.pooled(enlarged(images, SIDE).to(device)).float().cpu().numpy()

    return Features(NETWORK, f"bilinear to {SIDE} px, antialiased when shrinking", of)


def inception_features(path: Path | str, device: torch.device | str) -> Features:
    """The published Inception's, from the TorchScript file that the field uses, which is run: foreign/torchscript."""
    network = load_scripted(path, device, INCEPTION)

    def of(images: np.ndarray) -> np.ndarray:
        parts = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous().split(CHUNK)
        return np.concatenate(
            [run_scripted(path, network, part.to(device), return_features=True).cpu().numpy() for part in parts]
        )

    return Features(f"{Path(path).name} (sha256 {sha256_of(path)[:12]})", "within the file: bilinear to 299 px", of)
