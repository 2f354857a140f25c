"""The page of an audit: what was found in all, and the worst cases first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sceneshift.evaluation.audit import Aim, Verdict, aligned, alignment_of, worst_first
from sceneshift.evaluation.locality import difference
from sceneshift.evaluation.pair_files import PairFiles, read_pair
from sceneshift.evaluation.summary import Change
from sceneshift.report.html import write_html
from sceneshift.report.measured import PHOTO_SIDE, Comparison
from sceneshift.report.pictures import data_uri, tinted
from sceneshift.settings import AuditSettings

SHOWN = 24  # cases, the worst
FULL_TINT = 64  # levels of change


@dataclass(frozen=True)
class Case:
    """A pair on the page."""

    verdict: Verdict
    photo: Comparison


def write_audit_page(
    out: Path, found: Sequence[Verdict], changes: Sequence[Change], files: Mapping[str, PairFiles],
    settings: AuditSettings, aim: Aim | None,
) -> None:  # fmt: skip
    """Write the page. files: of each photo among the verdicts; the pictures shown are read once more."""
    cases = [Case(verdict, _shown(verdict, files[verdict.photo])) for verdict in worst_first(found)[:SHOWN]]
    groups: dict[str, list[Change]] = {}
    for change in changes:
        groups.setdefault(change.scorer, []).append(change)
    facts = {
        "aim": aim, "cases": cases, "count": len(found), "groups": groups,
        "headline": groups.pop("verdict"), "limits": settings.model_dump(),
    }  # fmt: skip
    write_html(out, "audit.html.j2", facts)


def _shown(verdict: Verdict, files: PairFiles) -> Comparison:
    """The pair as it lies, and the map of what changed once zoom and shift are undone."""
    pair, found = read_pair(files), alignment_of(verdict.facts)
    view, where = aligned(pair, found), np.zeros(pair.before.shape[:2])
    where[found.shown(where.shape)] = difference(view.before, view.after) / FULL_TINT
    pictures = (pair.before, pair.after, tinted(pair.before, where))
    return Comparison(verdict.photo, *(data_uri(picture, PHOTO_SIDE) for picture in pictures))
