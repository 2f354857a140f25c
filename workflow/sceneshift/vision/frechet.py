"""Fréchet distance of two sets of features (arXiv 1706.08500), streamed: memory does not grow with the images."""

from collections.abc import Iterable
from typing import Self

import numpy as np
import torch
from torch import nn

from sceneshift.runtime.errors import SceneshiftError
from sceneshift.vision.backbone import FEATURES, enlarged

# Images a forward pass of the backbone: the batches that come in may be of any size.
CHUNK = 64


class FeatureStatistics:
    """Mean and covariance of features that arrive in batches, in float64 (Chan et al. 1983's pairwise update)."""

    def __init__(self, width: int) -> None:
        self.count = 0
        self.mean = np.zeros(width)
        self._scatter = np.zeros((width, width))

    def update(self, features: np.ndarray) -> Self:
        """Take in `features` [N, D]."""
        features = np.asarray(features, dtype=np.float64)
        if not len(features):
            return self
        mean = features.mean(axis=0)
        centered = features - mean
        total = self.count + len(features)
        step = mean - self.mean
        self._scatter += centered.T @ centered + np.outer(step, step) * (self.count * len(features) / total)
        self.mean = self.mean + step * (len(features) / total)
        self.count = total
        return self

    @property
    def covariance(self) -> np.ndarray:
        """Unbiased covariance, float64 [D, D]. Raises SceneshiftError for fewer than two features."""
        if self.count < 2:
            raise SceneshiftError(f"A Fréchet distance needs at least 2 images on each side, found {self.count}.")
        return self._scatter / (self.count - 1)


def distance_between(a: FeatureStatistics, b: FeatureStatistics, root_a: np.ndarray | None = None) -> float:
    """|μa − μb|² + Tr(Σa + Σb − 2 (Σa Σb)^½), at least 0 (Dowson & Landau 1982; arXiv 1706.08500, eq. 6).

    The trace of the root is the sum of the roots of the eigenvalues of Σa^½ Σb Σa^½, which is symmetric and positive
    semi-definite. Both decompositions are symmetric, and eigenvalues below zero (rounding) count as zero: this is all
    the regularization that covariances of rank below D need, as they arise from fewer images than features; no ridge
    is added. The estimate itself is biased upwards for few images: compare distances of equal counts only.

    root_a: Σa^½, float64 [D, D], if it is known already.
    """
    covariance_a, covariance_b = a.covariance, b.covariance
    root_a = _root(covariance_a) if root_a is None else root_a
    eigenvalues = np.linalg.eigvalsh(root_a @ covariance_b @ root_a)
    # Of two covariances of rank r, all but r eigenvalues are rounding, and roots would blow them up.
    eigenvalues[eigenvalues < eigenvalues.max() * len(eigenvalues) * np.finfo(np.float64).eps] = 0
    step = a.mean - b.mean
    trace = np.trace(covariance_a) + np.trace(covariance_b) - 2 * np.sqrt(eigenvalues).sum()
    return max(0.0, float(step @ step + trace))


def _root(covariance: np.ndarray) -> np.ndarray:
    """The symmetric root of a positive semi-definite matrix, float64 [D, D]."""
    values, vectors = np.linalg.eigh(covariance)
    return (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T


class FrechetMeter:
    """Measures how far generated images are from given photos, in pooled features of the backbone.

    photos: batches of uint8 [N, H, W, 3]; read once. size: side that images are enlarged to for the backbone.
    The features are the backbone's, not Inception's: the figures follow training, and compare neither with published
    FIDs nor with those in features of another network.
    """

    def __init__(self, photos: Iterable[np.ndarray], backbone: nn.Module, size: int = 128) -> None:
        self._backbone, self._size = backbone, size
        self._photos = self._statistics(photos)
        self._root = _root(self._photos.covariance)

    def distance(self, generated: Iterable[np.ndarray]) -> float:
        """Fréchet distance of the photos to `generated`, batches of uint8 [N, H, W, 3]."""
        return distance_between(self._photos, self._statistics(generated), self._root)

    def _statistics(self, batches: Iterable[np.ndarray]) -> FeatureStatistics:
        """Of batches uint8 [N, H, W, 3]."""
        statistics = FeatureStatistics(FEATURES)
        device = next((tensor.device for tensor in self._backbone.buffers()), torch.device("cpu"))
        for batch in batches:
            for start in range(0, len(batch), CHUNK):
                with torch.no_grad():
                    images = enlarged(batch[start : start + CHUNK], self._size).to(device)
                    statistics.update(self._backbone.pooled(images).float().cpu().numpy())
        return statistics
