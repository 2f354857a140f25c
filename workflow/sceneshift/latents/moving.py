"""Moving codes along a boundary's normal: by a step (HiGAN, arXiv 1911.09267, section 3.2), or to a distance from the
boundary (InterFaceGAN, 1907.10786)."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sceneshift.latents.boundaries import Boundary
from sceneshift.latents.codes import Codes
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.settings import Space


@dataclass(frozen=True)
class Move:
    """A step along a normal, of codes truncated by ψ, on some of the generator's layers."""

    normal: np.ndarray  # [w_dim], of Z [z_dim], unit length; of W+ [num_ws, w_dim], rows of unit length on average
    distance: float  # in units of the space; negative: the other way
    mask: np.ndarray  # bool [num_ws]: the layers moved
    truncation_psi: float | np.ndarray  # or [num_ws, 1], where layers differ
    space: Space = "w"
    intercept: float | None = None  # of the boundary that distances count from (InterFaceGAN); None: from each code

    def of(self, codes: Codes, mapping: Callable[[np.ndarray], np.ndarray], w_avg: np.ndarray) -> np.ndarray:
        """Codes, moved: float32 [N, num_ws, w_dim]. Those of Z move on from their sphere, before the mapping z -> w."""
        if self.space != "z":
            return move_codes(codes.w, self.normal, self._steps(codes.w), self.mask, self.truncation_psi, w_avg)
        z = on_sphere(codes.z)
        moved = mapping(z + np.float32(self._steps(z)) * self.normal)
        before, after = (
            truncated(w, self.truncation_psi, w_avg).reshape(len(w), -1, w.shape[1]) for w in (codes.w, moved)
        )
        return np.where(self.mask[:, None], after, before)

    def _steps(self, codes: np.ndarray) -> float | np.ndarray:
        """How far to go: for all codes [N, dim] alike, or float [N, 1] to the same distance from the boundary."""
        if self.intercept is None:
            return self.distance
        return self.distance - (codes @ self.normal + self.intercept)[:, None]


def plane_of(boundary: Boundary) -> float:
    """The intercept that distances from a boundary need; SceneshiftError for one of W+, which is a direction alone."""
    if boundary.space == "w+":
        raise SceneshiftError(f"{boundary.attribute}: W+ has no plane that a distance could count from: give steps.")
    return boundary.intercept


def on_sphere(z: np.ndarray) -> np.ndarray:
    """Codes [N, z_dim] brought to length √z_dim, as mapping networks and InterFaceGAN take them."""
    return (z / np.sqrt(np.square(z).mean(axis=1, keepdims=True) + 1e-8)).astype(np.float32)


def truncated(w: np.ndarray, truncation_psi: float | np.ndarray, w_avg: np.ndarray) -> np.ndarray:
    """w_avg + ψ(w - w_avg): float32 [N, w_dim], or with ψ by layer, [num_ws, 1], [N, num_ws, w_dim]."""
    w = w[:, None] if np.ndim(truncation_psi) else w
    return (w_avg + truncation_psi * (w - w_avg)).astype(np.float32)


def move_codes(
    w: np.ndarray,
    normal: np.ndarray,
    distance: float | np.ndarray,
    mask: np.ndarray,
    truncation_psi: float | np.ndarray,
    w_avg: np.ndarray,
) -> np.ndarray:
    """Codes of each layer, truncated, and moved on the masked layers: float32 [N, num_ws, w_dim].

    w: untruncated codes [N, w_dim]. normal: [w_dim], unit length, or [num_ws, w_dim], a direction for each layer.
    distance: in units of W, negative for less; or [N, 1], one for each code.
    mask: bool [num_ws], the layers to move. truncation_psi: ψ, or [num_ws, 1] by layer. w_avg: [w_dim].

    w_l = w_avg + ψ(w - w_avg) + d·ψ·n on masked layers: HiGAN's w_l + d·s_l·n with s_l = ψ where codes are truncated.
    """
    distance = distance[:, None] if np.ndim(distance) else distance  # [N, 1, 1]
    step = np.float32(distance * truncation_psi) * normal.astype(np.float32)  # [w_dim], [num_ws, …] or [N, …, w_dim]
    codes = truncated(w, truncation_psi, w_avg).reshape(len(w), -1, w.shape[1])
    return codes + np.where(mask[:, None], step, np.float32(0))
