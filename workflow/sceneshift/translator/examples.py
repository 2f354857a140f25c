"""A sheet of examples: one row a pair, with photo, target, prediction and (edit head) mask."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from sceneshift.pairs.dataset import PairsDataset
from sceneshift.runtime.files import atomic_file
from sceneshift.translator.architecture import TranslatorNetwork, to_network, to_uint8

ROWS = 8
SHOWN_HEIGHT = 128  # smaller pictures are enlarged by whole factors, pixels visible


@torch.no_grad()
def save_sheet(network: TranslatorNetwork, pairs: PairsDataset, path: Path, device: torch.device) -> None:
    """Write a PNG of `ROWS` pairs spread evenly over all: photo, target, prediction, mask (white: replaced)."""
    indices = np.linspace(0, len(pairs) - 1, min(ROWS, len(pairs))).round().astype(int).tolist()
    batch = pairs.at(indices)
    photos = to_network(torch.from_numpy(batch.photos)).to(device)
    columns = [batch.photos, batch.targets, to_uint8(network(photos).float()).cpu().numpy()]
    if network.sizes.head == "edit":
        mask = (network.maps(photos).mask * 255).round().to(torch.uint8).permute(0, 2, 3, 1)
        columns.append(mask.expand(-1, -1, -1, 3).cpu().numpy())
    sheet = np.concatenate([np.concatenate(list(column), axis=0) for column in columns], axis=1)
    factor = max(1, SHOWN_HEIGHT // pairs.height)
    with atomic_file(path) as temporary:
        Image.fromarray(sheet.repeat(factor, axis=0).repeat(factor, axis=1)).save(temporary)
