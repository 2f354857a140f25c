"""Taken into other workflows: as a `module` out of a repository, under a prefix, beside other rules; by snakedeploy."""

import subprocess
import sys
from pathlib import Path

import pytest

from sceneshift.run.status import described, status_of

pytestmark = pytest.mark.slow

SNAKEFILE = """\
configfile: "config.yaml"


module scenes:
    snakefile:
        github("someone/sceneshift", path="workflow/Snakefile", tag="v0.1.0")
    config:
        config
    prefix:
        "cities"


use rule * from scenes as scenes_*




rule archive:
    default_target: True
    input:
        rules.scenes_all.input,
    output:
        "archive.txt",
    shell:
        "ls {input} > {output}"
"""


@pytest.fixture
def hosted(checkout, tmp_path, clean_environment) -> dict[str, str]:
    """The environment of a user to whom a bare repository on disk, with a release, is github.com/someone/sceneshift."""

    def git(*words):
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        subprocess.run(["git", "-C", checkout, *identity, *words], check=True, capture_output=True)

    git("init", "--initial-branch", "main")
    git("add", "--all", "--force")
    git("commit", "--message", "A release")
    git("tag", "v0.1.0")
    host = tmp_path / "host.git"
    subprocess.run(["git", "clone", "--quiet", "--bare", checkout, host], check=True)
    config = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": f"url.file://{host}.insteadOf"}
    config["GIT_CONFIG_VALUE_0"] = "https://github.com/someone/sceneshift"
    return {**clean_environment, **config, "XDG_CACHE_HOME": str(tmp_path / "cache")}


def test_a_module_out_of_a_repository_makes_a_whole_run_below_its_prefix(fresh, hosted):
    fresh.command(fresh.config())  # its config, and the boundary that it imports
    snakefile = fresh.folder / "Snakefile"
    snakefile.write_text(SNAKEFILE)
    snakemake = [Path(sys.executable).parent / "snakemake", "--snakefile", snakefile, "--directory", fresh.folder]

    def run(*words):
        done = subprocess.run(
            [*snakemake, "--cores", "1", *words], capture_output=True, text=True, env=hosted, timeout=800
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    run()
    assert (fresh.folder / "archive.txt").read_text() == "cities/results/tiny/report.html\n"
    assert not (fresh.folder / "results").exists()
    assert "everything is done" in described(status_of(fresh.folder / "cities" / "results" / "tiny"))
    assert "Nothing to be done" in run("--dry-run")
