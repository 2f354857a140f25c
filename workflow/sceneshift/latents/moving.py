"""Moving codes along a boundary's normal (HiGAN, section 3.2)."""

import numpy as np


def truncated(w: np.ndarray, truncation_psi: float, w_avg: np.ndarray) -> np.ndarray:
    """w_avg + ψ(w - w_avg): [N, w_dim]."""
    return (w_avg + truncation_psi * (w - w_avg)).astype(np.float32)


def move_codes(
    w: np.ndarray, normal: np.ndarray, distance: float, mask: np.ndarray, truncation_psi: float, w_avg: np.ndarray
) -> np.ndarray:
    """Codes of each layer, truncated, and moved on the masked layers: float32 [N, num_ws, w_dim].

    w: untruncated codes [N, w_dim]. normal: [w_dim], unit length. distance: in units of W, negative for less.
    mask: bool [num_ws], the layers to move.

    w_l = w_avg + ψ(w - w_avg) + d·ψ·n on masked layers: HiGAN's w_l + d·s_l·n with s_l = ψ where codes are truncated.
    """
    step = np.float32(distance * truncation_psi) * normal.astype(np.float32)
    return truncated(w, truncation_psi, w_avg)[:, None] + np.where(mask[:, None], step, np.float32(0))[None]
