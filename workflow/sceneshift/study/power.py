"""How many raters and votes an effect needs."""

import math

from scipy.stats import norm

LEVEL, POWER = 0.05, 0.8
ALIKE = 0.1  # intraclass correlation of a rater's votes: raters differ in how much they like an edit
PAIRS = (10, 20, 30, 50, 100)  # that a rater sees


def votes_needed(preferred: float, level: float = LEVEL, power: float = POWER) -> float:
    """Independent votes to tell a share `preferred` of the votes, not .5, from .5 by a two-sided test: normal
    approximation of the binomial test."""
    above, sure = norm.isf(level / 2), norm.isf(1 - power)
    return ((above * 0.5 + sure * math.sqrt(preferred * (1 - preferred))) / (preferred - 0.5)) ** 2


def raters_needed(preferred: float, pairs: int, alike: float = ALIKE) -> int:
    """Raters of so many votes each: votes of one rater say less, by the design effect 1 + (pairs − 1)·alike (Kish)."""
    return math.ceil(votes_needed(preferred) * (1 + (pairs - 1) * alike) / pairs)
