"""Between stored pixels and what the networks see."""

import numpy as np
import torch
from PIL import Image
from torch import Tensor


def to_uint8(x: Tensor) -> np.ndarray:
    """Network images [N, 3, H, W], [-1, 1] clamped -> uint8 [N, H, W, 3]."""
    scaled = (x.detach().float() * 127.5 + 128).clamp(0, 255)
    return scaled.to(torch.uint8).permute(0, 2, 3, 1).contiguous().cpu().numpy()


def from_uint8(images: np.ndarray, device: torch.device | str = "cpu") -> Tensor:
    """uint8 [N, H, W, 3] -> float32 [N, 3, H, W] in [-1, 1]."""
    pixels = torch.from_numpy(images)
    if torch.device(device).type == "cuda":
        pixels = pixels.pin_memory().to(device, non_blocking=True)  # copied while the GPU works on
    return pixels.to(device).permute(0, 3, 1, 2).float() / 127.5 - 1


def grid(images: np.ndarray, columns: int) -> Image.Image:
    """uint8 [N, H, W, 3] -> one picture, row by row; N is cut to whole rows."""
    n, h, w, c = images.shape
    rows = max(n // columns, 1)
    columns = min(columns, n)
    sheet = images[: rows * columns].reshape(rows, columns, h, w, c).transpose(0, 2, 1, 3, 4)
    return Image.fromarray(sheet.reshape(rows * h, columns * w, c))
