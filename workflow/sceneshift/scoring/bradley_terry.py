"""Scores from pairwise votes, and how far any scores agree with votes.

Bradley & Terry 1952: the left photo i is preferred to the right one j with probability σ(θ_i - θ_j); an `equal` counts
as half a win of each. The prior θ_i ~ N(0, 1/precision) keeps photos that never lose finite, and those with few votes
near the average, 0.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit


@dataclass(frozen=True)
class Votes:
    """The votes on one question; photos by their place."""

    left: np.ndarray  # int64 [V]
    right: np.ndarray  # int64 [V]
    winner: np.ndarray  # int64 [V], 1: left, -1: right, 0: equal

    def where(self, chosen: np.ndarray) -> "Votes":
        """Those that `chosen` (bool [V]) marks."""
        return Votes(self.left[chosen], self.right[chosen], self.winner[chosen])


def bradley_terry(votes: Votes, count: int, precision: float = 1.0) -> np.ndarray:
    """θ of each of `count` photos, float64 [count]: the mode of the posterior; 0 for photos without votes."""
    wins = (votes.winner + 1) / 2

    def objective(theta: np.ndarray) -> tuple[float, np.ndarray]:
        """(-log posterior of θ [count], its gradient [count])."""
        difference = theta[votes.left] - theta[votes.right]
        surplus = expit(difference) - wins
        gradient = np.bincount(votes.left, surplus, count) - np.bincount(votes.right, surplus, count)
        gradient += precision * theta
        return np.logaddexp(0, difference).sum() - wins @ difference + precision * (theta @ theta) / 2, gradient

    return minimize(objective, np.zeros(count), jac=True, method="L-BFGS-B", options={"maxiter": 1000}).x


def agreement(votes: Votes, scores: np.ndarray) -> tuple[float | None, float | None, int]:
    """(share of the votes that scores [N] agree with, share that no scorer can agree with, number of votes).

    `equal` votes are left out. Out of reach is, of each pair of photos, the minority of its votes. Both shares are
    None without votes.
    """
    votes = votes.where(votes.winner != 0)
    count = len(votes.winner)
    if not count:
        return None, None, 0
    agreed = (np.sign(scores[votes.left] - scores[votes.right]) * votes.winner + 1) / 2  # equal scores: a half
    first = np.minimum(votes.left, votes.right)
    _, pair = np.unique(first * len(scores) + np.maximum(votes.left, votes.right), return_inverse=True)
    of_first = np.bincount(pair, np.where(votes.left == first, votes.winner, -votes.winner) > 0)
    return float(agreed.mean()), float(np.minimum(of_first, np.bincount(pair) - of_first).sum() / count), count
