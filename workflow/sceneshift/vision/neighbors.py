"""Which of two sets of features lie among the other's: precision and recall, density and coverage."""

import numpy as np
import torch

from sceneshift.runtime.errors import SceneshiftError

PRECISION_RECALL_K, DENSITY_COVERAGE_K = 3, 5  # nearest neighbors, as in the papers
BLOCK = 1024  # rows of distances at a time: memory grows with the points, not with their square


def precision_recall(real: np.ndarray, made: np.ndarray, device: torch.device | str = "cpu") -> dict[str, float]:
    """Share of `made` [M, D] in neighborhoods of `real` [N, D], and the other way round (arXiv 1904.06991, eq. 2)."""
    _, of_made = neighborhoods(real, made, PRECISION_RECALL_K, device)
    _, of_real = neighborhoods(made, real, PRECISION_RECALL_K, device)
    return {"precision": float((of_made > 0).mean()), "recall": float((of_real > 0).mean())}


def density_coverage(real: np.ndarray, made: np.ndarray, device: torch.device | str = "cpu") -> dict[str, float]:
    """In how many neighborhoods of `real` [N, D] a point of `made` [M, D] lies, over k; and the share of `real` whose
    neighborhoods hold one of `made` (arXiv 2002.09797, eq. 5 and 6)."""
    of_real, of_made = neighborhoods(real, made, DENSITY_COVERAGE_K, device)
    return {"density": float(of_made.mean() / DENSITY_COVERAGE_K), "coverage": float((of_real > 0).mean())}


def neighborhoods(
    centers: np.ndarray, points: np.ndarray, k: int, device: torch.device | str = "cpu"
) -> tuple[np.ndarray, np.ndarray]:
    """How many of `points` [M, D] each of N neighborhoods holds, int64 [N], and how many hold each point, int64 [M].

    A neighborhood: what is no farther from a center, of [N, D], than its k-th nearest other center.
    """
    if len(centers) <= k:
        raise SceneshiftError(
            f"Neighborhoods of {k} nearest neighbors need more than {k} pictures, found {len(centers)}."
        )
    a, b = (torch.as_tensor(np.asarray(x, np.float32), device=device) for x in (centers, points))
    of_centers, of_points = [], torch.zeros(len(b), dtype=torch.int64, device=device)
    for block in a.split(BLOCK):
        radius = torch.cdist(block, a).kthvalue(k + 1, dim=1, keepdim=True).values  # the nearest is itself
        inside = torch.cdist(block, b) <= radius
        of_centers.append(inside.sum(1))
        of_points += inside.sum(0)
    return torch.cat(of_centers).cpu().numpy(), of_points.cpu().numpy()
