"""One tiny run of the whole workflow, made once; tests look at it, or change a copy of it."""

import copy
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

REPOSITORY = Path(__file__).parents[2]

# Everything that costs time is as small as it can be; nothing here is meant to look like anything.
TINY: dict[str, Any] = {
    "run": "tiny",
    "photos": {"source": "rendered", "count": 200, "resolution": 32, "licence": "CC0 1.0"},
    "generator": {
        "images": 512, "batch": 16, "z_dim": 16, "w_dim": 16, "mapping_layers": 2, "channel_base": 256,
        "channel_max": 16, "snapshot_images": 128, "frechet_images": 0,
    },
    "predictors": [{"kind": "heads", "input_size": 32}],
    "synthesis": {"count": 256, "shard_size": 128},
    "boundaries": {
        "attributes": ["natural_light", "greenery", "snow"], "examples": 60,
        "import": [{"name": "snow", "file": "snow_boundary.npy", "layers_of": "stylegan"}], "sefa": {"components": 1},
    },
    "rescoring": {"count": 32},
    "edits": {
        "top": 2,
        "attributes": [
            {"attribute": "natural_light", "direction": "less", "distance": 2, "level": "auto"},
            {"attribute": "greenery", "distance": 2, "condition_on": ["natural_light"]},
        ],
    },
    "pairs": {"count": 24, "keep": {"source": 1, "edited": 0, "effect": 0, "others": 1000}},
    "translator": {
        "images": 96, "batch": 4, "width": 8, "downsamplings": 1, "blocks": 1, "perceptual": 0, "snapshot_images": 32,
    },
    "evaluation": {"count": 10, "judges": []},
}  # fmt: skip


@dataclass(frozen=True)
class Run:
    """A working directory with a run in it."""

    folder: Path
    repository: Path = REPOSITORY

    @staticmethod
    def config(*path: Any, to: Any = None) -> dict[str, Any]:
        """The tiny config, with the value at `path` replaced."""
        new = copy.deepcopy(TINY)
        inner: Any = new
        for key in path[:-1]:
            inner = inner.setdefault(key, {}) if isinstance(inner, dict) else inner[key]
        if path:
            inner[path[-1]] = to
        return new

    @property
    def results(self) -> Path:
        return self.folder / "results" / "tiny"

    def command(self, config: Mapping[str, Any], *arguments: str) -> list[str]:
        """The plain command of a user, no profile; one core, since threads do not help networks so small."""
        path = self.folder / "config.yaml"
        path.write_text(yaml.safe_dump(dict(config), sort_keys=False))
        if not (boundary := self.folder / "snow_boundary.npy").exists():
            meta_data = {"type": "attribute", "manipulate_layers": "2-5"}  # HiGAN's form
            np.save(boundary, {"boundary": np.eye(1, 16), "meta_data": meta_data}, allow_pickle=True)
        snakefile = self.repository / "Snakefile"
        where = ["--snakefile", str(snakefile), "--directory", str(self.folder), "--configfile", str(path)]
        return [str(Path(sys.executable).parent / "snakemake"), *where, "--cores", "1", *arguments]

    def snakemake(self, config: Mapping[str, Any], *arguments: str) -> subprocess.CompletedProcess:
        """Run it; the venv is not activated, and the tests' own PYTHONPATH is not there to help."""
        return subprocess.run(
            self.command(config, *arguments), capture_output=True, text=True, env=environment(), timeout=800
        )

    def make(self, config: Mapping[str, Any], *arguments: str) -> str:
        """Run it and expect success; returns what was said."""
        done = self.snakemake(config, *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def plan(self, config: Mapping[str, Any], *targets: str) -> dict[str, int]:
        """What a dry run would do: jobs by rule, without those that only gather."""
        said = self.make(config, "--dry-run", *targets)
        if "Nothing to be done" in said:
            return {}
        table = said.split("Job stats:")[1].split("\n\n")[0]
        jobs = {name: int(count) for name, count in re.findall(r"^(\w+) +(\d+)$", table, flags=re.M)}
        return {name: count for name, count in jobs.items() if name not in ("total", "default", "all")}

    def made(self, config: Mapping[str, Any], *arguments: str) -> Counter[str]:
        """Run it; the jobs that were executed, by rule."""
        said = self.make(config, *arguments)
        return Counter(re.findall(r"^(?:local)?(?:rule|checkpoint) (\w+):$", said, flags=re.M))

    def clear(self) -> None:
        """As if it had never been run."""
        for name in ("results", ".snakemake"):
            shutil.rmtree(self.folder / name)

    def copy(self, folder: Path) -> "Run":
        """The same run elsewhere, times and Snakemake's records included."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        return Run(folder, self.repository)

    def with_workflow(self, repository: Path) -> "Run":
        """The same working directory, another checkout."""
        return Run(self.folder, repository)


def environment() -> dict[str, str]:
    """A login shell's: neither the venv's tools nor the package are on the paths."""
    own = str(Path(sys.executable).parent)
    path = [folder for folder in os.environ["PATH"].split(os.pathsep) if folder != own]
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    return {**kept, "PATH": os.pathsep.join(path)}


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The finished tiny run. Look, do not touch: copy it to change it."""

    finished = Run(tmp_path_factory.mktemp("tiny"))
    finished.make(finished.config())
    return finished


@pytest.fixture
def clean_environment() -> dict[str, str]:
    """What `Run.snakemake` runs in, for tests that start Snakemake themselves."""
    return environment()


@pytest.fixture
def fresh(tmp_path: Path) -> Run:
    """A working directory with nothing in it."""
    return Run(tmp_path)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the code, to be edited."""
    new = tmp_path / "checkout"
    new.mkdir()
    shutil.copy(REPOSITORY / "Snakefile", new)
    for folder in ("workflow", "config", "envs", "resources"):
        shutil.copytree(REPOSITORY / folder, new / folder, ignore=shutil.ignore_patterns("__pycache__"))
    return new
