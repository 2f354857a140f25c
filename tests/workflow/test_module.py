"""Taken into other workflows: as a `module` out of a repository, under a prefix, beside other rules; by snakedeploy."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from sceneshift.run.status import described, status_of

REPOSITORY = Path(__file__).parents[2]
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

    shutil.copy(REPOSITORY / "profiles", checkout, follow_symlinks=False)
    git("init", "--initial-branch", "main")
    git("add", "--all", "--force")
    git("commit", "--message", "A release")
    git("tag", "v0.1.0")
    host = tmp_path / "host.git"
    subprocess.run(["git", "clone", "--quiet", "--bare", checkout, host], check=True)
    config = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": f"url.file://{host}.insteadOf"}
    config["GIT_CONFIG_VALUE_0"] = "https://github.com/someone/sceneshift"
    return {**clean_environment, **config, "XDG_CACHE_HOME": str(tmp_path / "cache")}


@pytest.fixture
def snakemake(hosted):
    """Run Snakemake in a folder as that user, and expect success; what it said."""

    def run(folder: Path, *words: str) -> str:
        command = [Path(sys.executable).parent / "snakemake", "--cores", "1", *words]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=hosted, timeout=800)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    return run


def test_a_module_out_of_a_repository_makes_a_whole_run_below_its_prefix(fresh, snakemake):
    fresh.command(fresh.config())  # its config, and the boundary that it imports
    (fresh.folder / "Snakefile").write_text(SNAKEFILE)
    snakemake(fresh.folder)
    assert (fresh.folder / "archive.txt").read_text() == "cities/results/tiny/report.html\n"
    assert not (fresh.folder / "results").exists()
    assert "everything is done" in described(status_of(fresh.folder / "cities" / "results" / "tiny"))
    assert "Nothing to be done" in snakemake(fresh.folder, "--dry-run")


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="snakedeploy 0.17.1 is for Python 3.11 and 3.12")
def test_snakedeploy_brings_configs_and_profiles_and_what_ships_is_found(fresh, hosted, snakemake, tmp_path):
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "tool"], check=True)
    subprocess.run([tmp_path / "tool/bin/pip", "install", "--quiet", "snakedeploy==0.17.1"], check=True)
    deploy = [tmp_path / "tool/bin/snakedeploy", "deploy-workflow", "https://github.com/someone/sceneshift"]
    subprocess.run([*deploy, tmp_path / "deployed", "--tag", "v0.1.0"], check=True, env=hosted)
    deployed = tmp_path / "deployed"
    assert "train_generator" in snakemake(deployed, "--dry-run")  # config.yaml: resources/streets64.safetensors
    slurm = ("--dry-run", "--workflow-profile", "profiles/slurm")
    assert "rank_attributes" in snakemake(deployed, *slurm)
    fresh.command(fresh.config())
    shutil.copy(fresh.folder / "snow_boundary.npy", deployed)
    shutil.copy(fresh.folder / "config.yaml", deployed / "config" / "config.yaml")
    snakemake(deployed, "results/tiny/photos.h5")
    assert "prepare_photos       done" in described(status_of(deployed / "results" / "tiny"))


def test_the_catalogue_finds_what_it_asks_for():
    usage = yaml.safe_load((REPOSITORY / ".snakemake-workflow-catalog.yml").read_text())["usage"]
    assert all(isinstance(text, str) for text in usage["mandatory-flags"].values())
    assert all(isinstance(way, bool) for way in usage["software-stack-deployment"].values())
    assert (REPOSITORY / "workflow" / "Snakefile").is_file()
    assert (REPOSITORY / "config" / "README.md").is_file()
