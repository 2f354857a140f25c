"""Moving codes along a boundary's normal: by a step (HiGAN, arXiv 1911.09267, section 3.2), or to a distance from the
boundary (InterFaceGAN, 1907.10786)."""

from collections.abc import Callable, Mapping, Sequence
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
    also: np.ndarray | None = None  # [w_dim], added to each step along the normal: other attributes of the same edit

    def of(self, codes: Codes, mapping: Callable[[np.ndarray], np.ndarray], w_avg: np.ndarray) -> np.ndarray:
        """Codes, moved: float32 [N, num_ws, w_dim]. Those of Z move on from their sphere, before the mapping z -> w."""
        direction = self.normal if self.also is None else self.normal + self.also
        if self.space != "z":
            return move_codes(codes.w, direction, self._steps(codes.w), self.mask, self.truncation_psi, w_avg)
        z = on_sphere(codes.z)
        moved = mapping(z + np.float32(self._steps(z)) * direction)
        before, after = (
            truncated(w, self.truncation_psi, w_avg).reshape(len(w), -1, w.shape[1]) for w in (codes.w, moved)
        )
        return np.where(self.mask[:, None], after, before)

    def _steps(self, codes: np.ndarray) -> float | np.ndarray:
        """How far to go: for all codes [N, dim] alike, or float [N, 1] to the same distance from the boundary."""
        if self.intercept is None:
            return self.distance
        return self.distance - (codes @ self.normal + self.intercept)[:, None]


def steps_along(others: Sequence[Boundary], steps: Mapping[str, float], own: Boundary) -> np.ndarray | None:
    """What an edit of several attributes adds to each step along its own normal: Σ step·normal of `others`, [w_dim].

    None without others. steps: by attribute.

    Raises SceneshiftError if steps and others are not of the same attributes, or boundaries not all of W or all of Z.
    """
    if (given := sorted(other.attribute for other in others)) != sorted(steps):
        raise SceneshiftError(
            f"Beside {own.attribute}, the edit also moves {', '.join(sorted(steps)) or 'nothing'}, but the boundaries"
            f" given for that are of {', '.join(given) or 'nothing'}."
        )
    if not others:
        return None
    in_one_space("An edit of several attributes", own, others)
    return np.sum([np.float32(steps[other.attribute]) * other.normal for other in others], axis=0)


def in_one_space(what: str, own: Boundary, others: Sequence[Boundary]) -> None:
    """Raises SceneshiftError, which begins with `what`, unless `own` and `others` are all of W, or all of Z."""
    if {own.space, *(other.space for other in others)} not in ({"z"}, {"w"}):
        spaces = ", ".join(f"{other.attribute}: {other.space.upper()}" for other in (own, *others))
        raise SceneshiftError(f"{what} needs boundaries that are all of W, or all of Z; these are of {spaces}.")


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
