"""A sheet of examples: one row per pair, with photo, target, prediction and (edit head) mask."""

from pathlib import Path

import numpy as np
import torch

from sceneshift.images.pixels import from_uint8, rounded
from sceneshift.images.sheets import sheet
from sceneshift.pairs.dataset import PairsDataset
from sceneshift.runtime.files import atomic_file
from sceneshift.translator.architecture import TranslatorNetwork

ROWS = 8
SHOWN_HEIGHT = 128  # smaller pictures are enlarged by whole factors, pixels visible


@torch.no_grad()
def save_sheet(network: TranslatorNetwork, pairs: PairsDataset, path: Path, device: torch.device) -> None:
    """Write a PNG of `ROWS` pairs spread evenly over all: photo, target, prediction, mask (white: replaced)."""
    indices = np.linspace(0, len(pairs) - 1, min(ROWS, len(pairs))).round().astype(int).tolist()
    batch = pairs.at(indices)
    photos = from_uint8(batch.photos, device)
    columns = [batch.photos, batch.targets, rounded(network(photos).float())]
    if network.sizes.head == "edit":
        mask = (network.maps(photos).mask * 255).round().to(torch.uint8).permute(0, 2, 3, 1)
        columns.append(mask.expand(-1, -1, -1, 3).cpu().numpy())
    with atomic_file(path) as temporary:
        sheet(columns, enlarged=max(1, SHOWN_HEIGHT // pairs.height)).save(temporary)
