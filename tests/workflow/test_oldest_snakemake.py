"""The oldest Snakemake that `min_version` names makes the tiny run, with the view of `sceneshift run`."""

import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
pytestmark = pytest.mark.slow


@pytest.fixture
def oldest(tmp_path) -> Path:
    """An environment with that Snakemake, and behind it everything of this one."""
    version = re.search(r'min_version\("(.*)"\)', (REPOSITORY / "workflow" / "Snakefile").read_text())[1]
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    subprocess.run([tmp_path / "venv/bin/pip", "install", "--quiet", f"snakemake=={version}.0"], check=True)
    (packages,) = (tmp_path / "venv").glob("lib/python*/site-packages")
    (packages / "rest.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return tmp_path / "venv/bin/python"


def test_the_oldest_snakemake_makes_a_run(oldest, fresh, clean_environment):
    fresh.command(fresh.config())  # writes the config and the boundary that it imports
    command = [oldest, "-m", "sceneshift", "run", "--configfile", "config.yaml", "--cores", "1"]
    environment = clean_environment | {"PYTHONPATH": str(REPOSITORY / "workflow")}
    done = subprocess.run(command, cwd=fresh.folder, env=environment, capture_output=True, text=True, timeout=800)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"(\d+) of \1 jobs done", done.stderr)
    assert (fresh.results / "report.html").is_file()
