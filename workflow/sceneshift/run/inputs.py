"""What rules take in and which jobs there are, where the settings decide it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sceneshift.run.paths import results
from sceneshift.scoring.kind import FittedHeads, PredictorSettings
from sceneshift.settings import EditSettings, EditsSettings, Settings, TranslatorSettings


def learned(predictors: Sequence[PredictorSettings]) -> list[FittedHeads]:
    """The predictors that are fitted to labels: formulas and finished models wait for no photos."""
    return [predictor for predictor in predictors if isinstance(predictor, FittedHeads)]


def translator_settings(settings: Settings, wildcards: Any) -> TranslatorSettings:
    """How the attribute's translator is trained: editors from rendered streets may have a length of their own."""
    images = next((editor.images for editor in settings.editors if editor.name == wildcards.attribute), None)
    return settings.translator.model_copy(update={"images": images} if images else {})


@dataclass(frozen=True)
class Shards:
    """The synthesized codes in shards of a fixed size: a job each. Growing the total adds shards."""

    codes: int
    size: int

    @property
    def count(self) -> int:
        """Number of shards; the last one may be smaller."""
        return -(-self.codes // self.size)

    def start(self, wildcards: Any) -> int:
        """Index of the shard's first code."""
        return int(wildcards.shard) * self.size

    def length(self, wildcards: Any) -> int:
        """Number of codes in the shard."""
        return min(self.size, self.codes - self.start(wildcards))

    def files(self, wildcards: Any) -> list[str]:
        """All shards of the run."""
        return [results(f"{wildcards.run}/synthesis/{shard:04d}.h5") for shard in range(self.count)]


@dataclass(frozen=True)
class Edits:
    """The edits of a run: those that the config names, and those that come in by the rank of their attribute."""

    settings: EditsSettings

    @property
    def count(self) -> int:
        """How many go on, which is known before the ranking."""
        return max(self.settings.top, len(self.settings.attributes))

    def of(self, wildcards: Any) -> EditSettings:
        """The edit that the config asks for, or the default edit of an attribute."""
        named = {edit.attribute: edit for edit in self.settings.attributes}
        return named.get(wildcards.attribute, EditSettings(attribute=wildcards.attribute))

    def held(self, wildcards: Any) -> list[str]:
        """Boundaries of the attributes that the edit holds."""
        return [results(f"{wildcards.run}/boundaries/{name}.npz") for name in self.of(wildcards).condition_on]

    def also(self, wildcards: Any) -> list[str]:
        """Boundaries of the attributes that the edit moves beside its own."""
        return [results(f"{wildcards.run}/boundaries/{name}.npz") for name in self.of(wildcards).also]


class Ranking:
    """The choice of attributes behind the checkpoint, for input functions."""

    def __init__(self, chosen: Callable[[str], Sequence[str]]) -> None:
        """chosen: gives a run's chosen attributes, or raises what Snakemake wants raised until they are known."""
        self._chosen = chosen
        self.patterns: list[str] = []  # those that wait for it

    def for_each_chosen(self, *patterns: str) -> Callable[[Any], list[str]]:
        """An input function: `patterns` with each chosen attribute filled in."""
        self.patterns += patterns

        def filled(wildcards: Any) -> list[str]:
            names = self._chosen(wildcards.run)
            return [pattern.format(run=wildcards.run, attribute=name) for name in names for pattern in patterns]

        return filled
