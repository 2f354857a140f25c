"""Params of rules. Snakemake runs a job again when its params have changed; there are limits to what they may hold.

Texts with braces are functions, since Snakemake would look for wildcards in them; and what is not a reason to run a job
again is a function of `threads`, since it does not compare these.
"""

from collections.abc import Callable
from typing import Any

from sceneshift.settings import EditsSettings, Section, canonical_json


def settings_json(section: Section, rule: str) -> Callable[[Any], str]:
    """For `--settings`: the keys of a section that shape the rule's result. It reruns when their meaning changes."""
    return compared(section.shaping(rule))


def uncompared_settings_json(section: Section, rule: str) -> Callable[[Any, Any], str]:
    """For `--settings` too, with keys that do not make the rule rerun: those that do are given apart."""
    return uncompared(canonical_json(section.taken_by(rule)))


def edits_to_rank(edits: EditsSettings) -> Callable[[Any], str]:
    """What the ranking depends on: how many go on, which are named, and in which direction."""
    named = [edit.shaping("rank_attributes") for edit in edits.attributes]
    return compared(edits.shaping("rank_attributes") | {"attributes": named})


def compared(value: Any) -> Callable[[Any], str]:
    """A value as canonical JSON."""
    text = canonical_json(value)
    return lambda wildcards: text


def uncompared(value: Any) -> Callable[[Any, Any], Any]:
    """A value that is not a reason to rerun the rule."""
    return lambda wildcards, threads: value
