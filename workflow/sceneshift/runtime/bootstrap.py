"""How sure is a mean? Percentile bootstrap (Efron 1979)."""

import numpy as np

RESAMPLES = 1000


def interval_of_mean(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """95 % interval of the mean over the first axis of [N] or [N, K]: float64 [2] or [2, K], low and high.

    Resamples are drawn as how often each of the N is in one, [RESAMPLES, N], so memory does not grow with K.
    Of a single value, both ends are that value, which says nothing.
    """
    count = len(values)
    drawn = rng.multinomial(count, np.full(count, 1 / count), RESAMPLES)
    return np.quantile(drawn @ values / count, (0.025, 0.975), axis=0)
