"""Moving codes along a boundary's normal (HiGAN, arXiv 1911.09267, section 3.2)."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Move:
    """A step along a normal, of codes truncated by ψ, on some of the generator's layers."""

    normal: np.ndarray  # [w_dim], unit length
    distance: float  # in units of W; negative: the other way
    mask: np.ndarray  # bool [num_ws]: the layers moved
    truncation_psi: float | np.ndarray  # or [num_ws, 1], where layers differ

    def of(self, w: np.ndarray, w_avg: np.ndarray) -> np.ndarray:
        """Untruncated codes [N, w_dim], moved: float32 [N, num_ws, w_dim]."""
        return move_codes(w, self.normal, self.distance, self.mask, self.truncation_psi, w_avg)


def truncated(w: np.ndarray, truncation_psi: float | np.ndarray, w_avg: np.ndarray) -> np.ndarray:
    """w_avg + ψ(w - w_avg): float32 [N, w_dim], or with ψ by layer, [num_ws, 1], [N, num_ws, w_dim]."""
    w = w[:, None] if np.ndim(truncation_psi) else w
    return (w_avg + truncation_psi * (w - w_avg)).astype(np.float32)


def move_codes(
    w: np.ndarray,
    normal: np.ndarray,
    distance: float,
    mask: np.ndarray,
    truncation_psi: float | np.ndarray,
    w_avg: np.ndarray,
) -> np.ndarray:
    """Codes of each layer, truncated, and moved on the masked layers: float32 [N, num_ws, w_dim].

    w: untruncated codes [N, w_dim]. normal: [w_dim], unit length. distance: in units of W, negative for less.
    mask: bool [num_ws], the layers to move. truncation_psi: ψ, or [num_ws, 1] by layer. w_avg: [w_dim].

    w_l = w_avg + ψ(w - w_avg) + d·ψ·n on masked layers: HiGAN's w_l + d·s_l·n with s_l = ψ where codes are truncated.
    """
    step = np.float32(distance * truncation_psi) * normal.astype(np.float32)  # [w_dim] or [num_ws, w_dim]
    codes = truncated(w, truncation_psi, w_avg).reshape(len(w), -1, w.shape[1])
    return codes + np.where(mask[:, None], step, np.float32(0))[None]
