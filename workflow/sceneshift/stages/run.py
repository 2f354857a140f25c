"""run: the workflow as a command."""

import os
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.shipped import ROOT
from sceneshift.settings.reading import repeated_keys

DRY_RUN = {"-n", "--dry-run", "--dryrun"}
HOW_MUCH = re.compile(r"-[cj]\d*|--(cores|jobs|profile|workflow-profile)(=.*)?")  # what says it to Snakemake
# `--config photos.folder=x`, on which Snakemake ends in a traceback
NESTED = re.compile(r"(\w+)\.(\w+)=(.*)", re.DOTALL)


def run(*words: str, verbose: bool = False) -> None:
    """Run the workflow: from photos to editors and a report, in results/ of the working directory.

    verbose: show all that Snakemake and the stages say, instead of one view of how far they are

    It is Snakemake on the workflow that ships, and takes all of Snakemake's own words: `--configfile my.yaml` names the
    config (without one, the default run of rendered streets is made), `-n` only shows what would be done, `--cores 4`
    takes four cores (default: all). The same command again goes on where it was stopped.

    Example: --configfile my.yaml --cores 4
    """
    for nested in filter(None, map(NESTED.fullmatch, words)):
        section, key, value = nested.groups()
        raise SceneshiftError(
            f"--config {nested[0]}: write a key of a section as --config '{section}={{{key}: {value}}}'."
        )
    for path in _configfiles(words):
        repeated_keys(path)  # a file that is no config: Snakemake ends in a traceback, or does not name it
    cores = () if any(HOW_MUCH.fullmatch(word) for word in words) else ("--cores", "all")
    view = () if verbose or DRY_RUN & set(words) or "--logger" in words else ("--logger", "sceneshift")
    snakemake = [sys.executable, "-m", "snakemake", *view, "--snakefile", str(ROOT / "workflow" / "Snakefile")]
    os.execv(sys.executable, [*snakemake, *cores, *words])


def _configfiles(words: Sequence[str]) -> Iterator[Path]:
    """The files that follow --configfile, as Snakemake takes them: all up to the next option."""
    taking = False
    for word in words:
        option, _, value = word.partition("=")
        if word.startswith("-"):
            taking = option in ("--configfile", "--configfiles")
            word = value
        if taking and word:
            yield Path(word)
