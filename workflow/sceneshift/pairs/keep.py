"""Which pairs are kept: the predictor must agree with the edit (StyleGAN2 Distillation's filter, arXiv 2003.03581)."""

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from sceneshift.runtime.errors import SceneshiftError
from sceneshift.settings import EditSettings, KeepSettings, PairsSettings


@dataclass(frozen=True)
class KeepRule:
    """The filter of pairs, in the units of the scores. Quantiles and deviations are those of the synthesized set."""

    own: int  # column of the edited attribute
    sign: int  # 1 for more, -1 for less
    source: float  # sign·(own score before) must be below
    edited: float  # sign·(own score after) must be above
    effect: float  # sign·(change of the own score) must be at least, in standard deviations
    others: float  # no other score may change by more, in standard deviations
    deviations: np.ndarray  # [K]
    also: tuple[int, ...] = ()  # columns of the other attributes that the edit moves, which may

    @classmethod
    def of(
        cls,
        keep: KeepSettings,
        scores: np.ndarray,
        own: int,
        direction: str,
        deviations: np.ndarray,
        also: Sequence[int] = (),
    ) -> "KeepRule":
        """scores: of the own attribute over the synthesized set [N]. `less` mirrors everything."""
        sign = 1 if direction == "more" else -1
        source, edited = np.quantile(sign * scores.astype(np.float64), (keep.source, keep.edited))
        return cls(own, sign, float(source), float(edited), keep.effect, keep.others, deviations, tuple(also))

    def may_be_source(self, before: np.ndarray) -> np.ndarray:
        """Whether images with these scores [..., K] lack what the edit brings: bool [...]."""
        return self.sign * before[..., self.own] < self.source

    def refusals(self, before: np.ndarray, after: np.ndarray) -> list[str]:
        """Which thresholds refuse a pair with scores before [K] and after [K]; none: it is kept."""
        change = (after.astype(np.float64) - before) / self.deviations
        others = np.delete(np.abs(change), [self.own, *self.also])
        failed = {
            "source": not self.may_be_source(before),
            "edited": self.sign * after[self.own] <= self.edited,
            "effect": self.sign * change[self.own] < self.effect,
            "others": bool((others > self.others).any()),
        }
        return [name for name, fails in failed.items() if fails]


@dataclass
class Tally:
    """Candidates tried and kept, and how often each threshold refused one."""

    kept: int = 0
    tried: int = 0
    refused: Counter[str] = field(default_factory=Counter)

    def count(self, refusals: Sequence[str]) -> None:
        """Count one candidate."""
        self.tried += 1
        self.kept += not refusals
        self.refused.update(refusals)

    def check(self, edit: EditSettings, pairs: PairsSettings) -> None:
        """Too few pairs starve the translator: SceneshiftError below a tenth of pairs.count, a warning below it."""
        if self.kept == pairs.count:
            return
        advice = {
            "source": "raise pairs.keep.source",
            "edited": "raise edits.target_effect or lower pairs.keep.edited",
            "effect": "raise edits.target_effect or lower pairs.keep.effect",
            "others": "hold other attributes with edits.condition_on or raise pairs.keep.others",
        }
        worst, times = self.refused.most_common(1)[0]
        message = (
            f"{edit.attribute}, {edit.direction}: {self.kept} of {self.tried} candidates kept, {pairs.count} wanted."
            f" pairs.keep.{worst} refused most ({times}): {advice[worst]}, or raise pairs.candidates."
        )
        if self.kept < pairs.count / 10:
            raise SceneshiftError(message)
        print(f"warning: {message}", file=sys.stderr)
