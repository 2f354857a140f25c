"""An edit audited: the photo and the edited one, whoever made it, in numbers, and what they say against it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from scipy.stats import binomtest

from sceneshift.evaluation.alignment import Alignment, align, residual
from sceneshift.evaluation.artifacts import blocks, blown, crushed, halos
from sceneshift.evaluation.dose import measured_copy
from sceneshift.evaluation.locality import changed, difference, sent_as, share_inside
from sceneshift.evaluation.pixels import pixel_facts
from sceneshift.evaluation.summary import NO_SPREAD, Change, Row, rows
from sceneshift.images.photo_files import Saving
from sceneshift.images.structure import structure
from sceneshift.runtime.tables import new_table, read_rows, read_table
from sceneshift.scoring import Predictor
from sceneshift.settings.audit import AuditSettings
from sceneshift.translator.translator import shrunk

VERDICT = ("photo", "passed", "reasons", "moved", "side_effect", "side_effect_of")
REMEDY = "Make it again with audit, or evaluate-translator."
SAME_ASPECT = 0.02  # by which the sides' ratios may differ: rounding to a network's multiples


@dataclass(frozen=True)
class Pair:
    """A photo and an edited one, on the same pixels.

    echo: the photo as it comes back from a file like the edited one's, unedited; `before` where nothing is known.
    files: the pixels as the files have them, if these are others; blocks lie on their grid.
    """

    before: np.ndarray  # uint8 [H, W, 3]
    after: np.ndarray  # uint8 [H, W, 3]
    echo: np.ndarray  # uint8 [H, W, 3]
    files: tuple[np.ndarray, np.ndarray]  # uint8 [H', W', 3] and [H'', W'', 3]
    mask: np.ndarray | None = None  # bool [H, W]: where the edit was to be

    @classmethod
    def of_files(cls, photo: np.ndarray, edited: np.ndarray, saving: Saving, mask: np.ndarray | None = None) -> "Pair":
        """Of pictures as they were read, uint8 [H, W, 3] each of any size, the mask bool [H, W]; `saving`: how the
        edited one is encoded. Large photos are brought to `MEASURED_SIDE`, the edited one to the photo's shape."""
        before = measured_copy(photo)
        shape = before.shape[:2]
        after, echo = (
            image if image.shape == before.shape else shrunk(image, *shape)
            for image in (edited, sent_as(photo, edited.shape[:2], saving))
        )
        if mask is not None and mask.shape != shape:
            rows, columns = ((np.arange(n) + 0.5) * m / n for n, m in zip(shape, mask.shape, strict=True))
            mask = mask[rows.astype(int)][:, columns.astype(int)]
        return cls(before, after, echo, (photo, edited), mask)


@dataclass(frozen=True)
class Aligned:
    """A pair with the edited photo laid on the photo, cut to what both show."""

    alignment: Alignment
    before: np.ndarray  # uint8 [H, W, 3]
    after: np.ndarray
    echo: np.ndarray  # gone the same way, there and back
    mask: np.ndarray | None


def aligned(pair: Pair, found: Alignment | None = None) -> Aligned:
    """The pair as `found` lays it, or the alignment that fits best."""
    found = align(pair.before, pair.after) if found is None else found
    shown = found.shown(pair.before.shape[:2])
    after, echo = pair.after, pair.echo
    if found != Alignment():
        after, echo = found.undone(after), found.undone(found.inverse.undone(echo))
    mask = None if pair.mask is None else pair.mask[shown]
    return Aligned(found, pair.before[shown], after[shown], echo[shown], mask)


def measured(
    names: Sequence[str], pairs: Sequence[Pair], scorers: Mapping[str, Predictor], skies: np.ndarray | None = None
) -> list[Row]:
    """Scores by each scorer, then facts of the pixels (`pixel_facts` and `audited`), of pairs of one shape.

    skies: as `pixel_facts` takes them.
    """
    before, after = (np.stack([getattr(pair, which) for pair in pairs]) for which in ("before", "after"))
    table: list[Row] = []
    for name, scorer in scorers.items():
        for attribute, *values in zip(scorer.attributes, scorer.score(before).T, scorer.score(after).T, strict=True):
            table += rows(names, name, attribute, *values)
    own = [audited(pair) for pair in pairs]
    facts = pixel_facts(before, after, skies)
    facts |= {name: tuple(np.array([pair[name] for pair in own]).T) for name in own[0]}
    for name, values in facts.items():
        table += rows(names, "pixels", name, *values)
    return table


def alignment_of(facts: Mapping[str, float]) -> Alignment:
    """That of a pair, from its facts after the edit."""
    return Alignment(facts["zoom"], facts["shift_down"], facts["shift_across"])


def audited(pair: Pair) -> dict[str, tuple[float, float]]:
    """Each fact of an edit, as it is before and after.

    aspect: ratio of the sides' ratios, 1 before.
    zoom, shift_down, shift_across, residual: see `Alignment` and `residual`; 1, 0, 0 and 0 before.
    structure_aligned: once zoom and shift are undone, over what both pictures show; 1 before. What follows, too:
    changed_10, changed_25: share of pixels that differ by more than so many levels; before: of the echo, which is what
        the edited one's encoding, size, zoom and shift change without any edit.
    inside_mask: share of the change that lies in the mask; before: the mask's share of the picture. With a mask only.
    crushed, blown: share of pixels black or white in every channel, of the whole pictures.
    blocks, halos: see `artifacts`; halos before: of the echo.
    """
    view = aligned(pair)
    found, differences = view.alignment, difference(view.before, view.after)
    (height, width), (tall, wide) = (image.shape[:2] for image in pair.files)
    facts = {
        "aspect": (1.0, (wide / tall) / (width / height)),
        "zoom": (1.0, found.zoom),
        "shift_down": (0.0, found.down),
        "shift_across": (0.0, found.across),
        "residual": (0.0, residual(view.before, view.after)),
        "structure_aligned": (1.0, float(structure(view.before[None], view.after[None])[0])),
    }
    floor = changed(difference(view.before, view.echo))
    facts |= {name: (floor[name], share) for name, share in changed(differences).items()}
    if view.mask is not None:
        facts["inside_mask"] = (float(view.mask.mean()), share_inside(differences, view.mask))
    for measure in (crushed, blown):
        facts[measure.__name__] = (measure(pair.before), measure(pair.after))
    facts["blocks"] = tuple(blocks(image) for image in pair.files)
    facts["halos"] = (halos(view.before, view.echo), halos(view.before, view.after))
    return facts


@dataclass(frozen=True)
class Aim:
    """What the edit is for."""

    attribute: str
    direction: Literal["more", "less"]


@dataclass(frozen=True)
class Verdict:
    """What is said against an edited photo.

    moved: change of the edit's own attribute in its direction, by the first scorer that knows it, in standard
        deviations of its scores of the photos; None without an aim, a scorer, or a spread. side_effect: the largest
        change of another attribute by the same scorer, and its name.
    """

    photo: str
    reasons: list[str]
    facts: dict[str, float]  # after the edit
    moved: float | None = None
    side_effect: float | None = None
    side_effect_of: str = ""

    @property
    def same_place(self) -> bool:
        """Whether nothing is said against where things are."""
        return not any(reason.startswith(PLACE) for reason in self.reasons)


PLACE = ("other shape", "zoomed", "shifted", "warped", "structure")


def verdicts_on(table: Iterable[Row], settings: AuditSettings, aim: Aim | None = None) -> list[Verdict]:
    """A verdict per photo, in the table's order, from the rows that `measured` gave."""
    facts: dict[str, dict[str, tuple[float, float]]] = {}
    scores: dict[str, dict[str, dict[str, tuple[float, float]]]] = {}  # scorer -> attribute -> photo
    for row in table:
        both = row["before"], row["after"]
        if row["scorer"] == "pixels":
            facts.setdefault(row["photo"], {})[row["attribute"]] = both
        else:
            scores.setdefault(row["scorer"], {}).setdefault(row["attribute"], {})[row["photo"]] = both
    changes = _in_deviations(scores, aim)
    found = []
    for photo, own in facts.items():
        reasons = _against(own, settings)
        moved, side, side_of = None, None, ""
        if changes:
            moved = changes[aim.attribute].get(photo)
            others = {
                name: values[photo] for name, values in changes.items() if name != aim.attribute and photo in values
            }
            if others:
                side_of = max(others, key=lambda name: abs(others[name]))
                side = others[side_of]
        if moved is not None:
            moved *= -1 if aim.direction == "less" else 1
            if moved < 0:
                reasons.append(f"moved the wrong way by {-moved:.2f} standard deviations")
        if side is not None and settings.side_effect is not None and abs(side) > settings.side_effect:
            reasons.append(f"{side_of} moved along by {side:+.2f} standard deviations")
        after = {name: values[1] for name, values in own.items()}
        found.append(Verdict(photo, reasons, after, moved, side, side_of))
    return found


def shares(found: Sequence[Verdict]) -> list[Change]:
    """What share of the photos passed, is the same place, and moved the wrong way; an untouched photo before.

    Intervals are Wilson's (1927): a bootstrap of nothing but successes would be sure of them.
    """
    facts = {"passed": (1.0, [not verdict.reasons for verdict in found])}
    facts["same_place"] = (1.0, [verdict.same_place for verdict in found])
    if moved := [verdict.moved < 0 for verdict in found if verdict.moved is not None]:
        facts["wrong_direction"] = (0.0, moved)
    changes = []
    for name, (before, values) in facts.items():
        share, (low, high) = float(np.mean(values)), (np.nan, np.nan)
        if len(values) > 1:
            low, high = binomtest(sum(values), len(values)).proportion_ci(method="wilson")
        ends = (float(end) - before for end in (share, low, high))
        changes.append(Change("verdict", name, len(values), before, share, *ends))
    return changes


def write_verdicts(path: Path | str, found: Sequence[Verdict]) -> None:
    """Write the table of verdicts: photo, passed, reasons, moved, side_effect, side_effect_of, and each fact's value
    after the edit."""
    facts = list(dict.fromkeys(name for verdict in found for name in verdict.facts))
    with new_table(path, [*VERDICT, *facts]) as table:
        for one in found:
            own = (one.photo, not one.reasons, "; ".join(one.reasons), one.moved, one.side_effect, one.side_effect_of)
            table.append(dict(zip(VERDICT, own, strict=True)) | one.facts)


def read_verdicts(path: Path | str) -> list[Verdict]:
    """What `write_verdicts` wrote. Raises SceneshiftError that names what is damaged."""
    columns = {"photo": str, "passed": bool, "reasons": str, "moved": float | None, "side_effect": float | None}
    columns |= {"side_effect_of": str}
    _, header = next(read_rows(path, REMEDY, errors="surrogateescape"), (0, []))
    facts = {name: float | None for name in header if name not in VERDICT} | {"structure_aligned": float}
    found = []
    for row in read_table(path, columns | facts, REMEDY):
        own = {name: row[name] for name in facts if row[name] is not None}
        reasons = row["reasons"].split("; ") if row["reasons"] else []
        found.append(Verdict(row["photo"], reasons, own, row["moved"], row["side_effect"], row["side_effect_of"]))
    return found


def _in_deviations(
    scores: Mapping[str, Mapping[str, Mapping[str, tuple[float, float]]]], aim: Aim | None
) -> dict[str, dict[str, float]]:
    """attribute -> photo -> change in standard deviations, by the first scorer that knows what the edit is for: judges
    come before the predictor. Empty if none does, or its scores of the photos do not differ."""
    knowing = [name for name, attributes in scores.items() if aim and aim.attribute in attributes]
    if not knowing:
        return {}
    first = min(knowing, key=lambda name: not name.startswith("judge:"))
    changes = {}
    for attribute, values in scores[first].items():
        spread = np.std([before for before, _ in values.values()])
        if spread > NO_SPREAD:
            changes[attribute] = {photo: float(after - before) / spread for photo, (before, after) in values.items()}
    return changes if aim.attribute in changes else {}


def _against(facts: Mapping[str, tuple[float, float]], limits: AuditSettings) -> list[str]:
    """What the pictures themselves say against an edit."""

    def beyond(name: str, limit: float | None) -> bool:
        return limit is not None and name in facts and facts[name][1] - facts[name][0] > limit

    reasons = []
    aspect, found = facts["aspect"][1], alignment_of({name: values[1] for name, values in facts.items()})
    if abs(aspect - 1) > SAME_ASPECT:
        reasons.append(f"other shape: {aspect:.2f} times as wide for its height")
    if limits.zoom is not None and abs(found.zoom - 1) > limits.zoom:
        reasons.append(f"zoomed by {found.zoom:.4f}")
    if limits.shift is not None and found.shift > limits.shift:
        reasons.append(f"shifted by {found.shift:.2%} of the shorter side")
    if beyond("residual", limits.residual):
        reasons.append(f"warped: a median shift of {facts['residual'][1]:.2%} is left")
    if limits.structure is not None and (kept := facts["structure_aligned"][1]) < limits.structure:
        reasons.append(f"structure {kept:.2f}")
    if beyond("changed_10", limits.changed):
        floor, share = facts["changed_10"]
        reasons.append(f"{share:.0%} of the pixels changed, {floor:.0%} without an edit")
    if limits.inside is not None and "inside_mask" in facts and (share := facts["inside_mask"][1]) < limits.inside:
        reasons.append(f"only {share:.0%} of the change in the mask")
    for name, what in (("crushed", "turned black"), ("blown", "turned white")):
        if beyond(name, getattr(limits, name)):
            reasons.append(f"{facts[name][1] - facts[name][0]:.0%} of the pixels {what}")
    if beyond("blocks", limits.blocks):
        reasons.append(f"blocks of {facts['blocks'][1]:.1f} levels")
    if beyond("halos", limits.halos):
        reasons.append(f"halos of {facts['halos'][1]:.1f} levels per pixel")
    return reasons


def worst_first(found: Sequence[Verdict]) -> list[Verdict]:
    """Most reasons first, then least structure."""
    return sorted(found, key=lambda verdict: (-len(verdict.reasons), verdict.facts["structure_aligned"]))
