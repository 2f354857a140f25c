"""Several edits in one pass: `snow+night:0.5`."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.shipped import translator_file
from sceneshift.translator.heads import check_strength
from sceneshift.translator.translator import Edited, Translator, load_translator


class Chain:
    """Translators from the first to the last, each with its strength: each edits what the one before has made."""

    def __init__(self, links: Sequence[tuple[Translator, float]]) -> None:
        for translator, strength in links:
            check_strength(strength, translator.head)
        self._links = links
        self.has_masks = all(translator.head == "edit" for translator, _ in links)

    def refusal(self, height: int, width: int) -> str | None:
        """Why a photo of this size cannot be edited, by the first of the translators that cannot."""
        reasons = (translator.refusal(height, width) for translator, _ in self._links)
        return next((reason for reason in reasons if reason), None)

    def edited(self, images: Sequence[np.ndarray]) -> list[Edited]:
        """Edit photos, uint8 [H, W, 3] of any sizes. The masks: how much of each pixel is no longer the photo's."""
        (first, strength), *others = self._links
        results = first.edited(images, strength)
        for translator, strength in others:
            after = translator.edited([result.image for result in results], strength)
            results = [Edited(new.image, _either(old.mask, new.mask)) for old, new in zip(results, after, strict=True)]
        return results


def chained_files(editors: Path | str, strength: float) -> list[tuple[Path, float]]:
    """Files and strengths of `night`, `snow+night` or `snow+night:0.5`, first to last; `strength`: where none is given.

    Each is a file or a shipped editor's name; a file of the whole name is that one translator. Raises SceneshiftError
    for a name that is neither, and for what is not a number behind a colon.
    """
    links = []
    for word in [str(editors)] if Path(editors).is_file() else str(editors).split("+"):
        name, _, own = ("", "", word) if Path(word).is_file() else word.rpartition(":")
        try:
            links.append((translator_file(name or own), float(own) if name else strength))
        except ValueError:
            raise SceneshiftError(
                f"translator: found {word!r}; behind the colon a strength is expected: night:0.5"
            ) from None
    return links


def load_chain(files: Sequence[tuple[Path, float]], device: str) -> Chain:
    """The translators of `chained_files`, loaded. Raises SceneshiftError for a strength that one does not have."""
    return Chain([(load_translator(path, device, precision="auto"), strength) for path, strength in files])


def _either(old: np.ndarray | None, new: np.ndarray | None) -> np.ndarray | None:
    """1 − (1 − old)·(1 − new) of masks, uint8 [H, W] with 255 for 1."""
    if old is None or new is None:
        return None
    return (255 - ((255 - old).astype(np.uint16) * (255 - new) + 127) // 255).astype(np.uint8)
