"""The wheel in an empty environment: it carries all that the repository has, and a run needs no more."""

import re
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import pytest

from sceneshift.runtime.shipped import ROOT

pytestmark = pytest.mark.slow

ADA = ("--format", "stylegan2-ada-pytorch")


@dataclass(frozen=True)
class Installed:
    """An environment with the wheel and what it asks for; none of the repository."""

    wheel: Path
    bin: Path

    def sceneshift(self, folder: Path, *words: str, environment: dict[str, str]) -> str:
        """Run a command there and expect success; what it said."""
        done = subprocess.run(
            [self.bin / "sceneshift", *words], cwd=folder, env=environment, capture_output=True, text=True, timeout=800
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Installed:
    """`pip install sceneshift` as a user would, at the locked versions, with the build of PyTorch that is here."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir"]
    subprocess.run([*build, folder, ROOT], check=True)
    (wheel,) = folder.glob("sceneshift-*.whl")
    pins = re.findall(r"^([\w.-]+==[^ ;]+)( ;.*?)? \\$", (ROOT / "envs" / "requirements.txt").read_text(), re.M)
    (folder / "pins.txt").write_text("\n".join(pin + where for pin, where in pins))
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
    torch = f"torch=={version('torch')}"  # with +cpu, if it came from PyTorch's index
    index = ["--retries", "1", "--extra-index-url", "https://download.pytorch.org/whl/cpu"]
    pip = [folder / "venv/bin/pip", "install", "--quiet", "--constraint", folder / "pins.txt"]
    subprocess.run([*pip, *index, wheel, torch], check=True)
    return Installed(wheel, folder / "venv/bin")


def test_the_wheel_carries_what_lies_around_the_package(installed):
    inside = set(zipfile.ZipFile(installed.wheel).namelist())
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.split(
        "\n"
    )
    for path in tracked:
        if path.startswith(("workflow/sceneshift/", "workflow/snakemake_logger_plugin_sceneshift/")):
            assert path.removeprefix("workflow/") in inside
        elif path.startswith(("resources/", "config/", "envs/", "workflow/")) and "schemas" not in path:
            assert f"sceneshift/shipped/{path}" in inside


def test_three_commands_edit_a_photo(installed, tmp_path, clean_environment):
    (photo,) = (ROOT / "resources" / "photos").glob("nus-04.jpg")
    assert "night" in installed.sceneshift(tmp_path, "editors", environment=clean_environment)
    installed.sceneshift(tmp_path, "translate", "night", str(photo), "night.jpg", environment=clean_environment)
    assert (tmp_path / "night.jpg").stat().st_size > 10_000
    assert "train-generator" in installed.sceneshift(tmp_path, "--help", environment=clean_environment)


def test_what_ships_is_found_from_a_config_and_from_code(installed, tmp_path, clean_environment):
    code = "from sceneshift.scoring.kinds.places365 import sun_attributes; print(len(sun_attributes()))"
    done = subprocess.run([installed.bin / "python", "-c", code], env=clean_environment, capture_output=True, text=True)
    assert done.stdout.strip() == "102", done.stderr
    said = installed.sceneshift(tmp_path, "run", "--dry-run", environment=clean_environment)  # config/config.yaml
    assert "train_generator" in said


def test_a_generator_is_imported_and_a_whole_run_made(installed, fresh, clean_environment):
    """Far from any checkout: photos drawn, networks trained, photos edited, the page."""
    fresh.command(fresh.config())  # writes the config and the boundary that it imports
    said = installed.sceneshift(
        fresh.folder, "run", "--configfile", "config.yaml", "--cores", "1", environment=clean_environment
    )
    assert re.search(r"(\d+) of \1 jobs done", said)
    assert (fresh.results / "report.html").stat().st_size > 100_000
    generator = str(fresh.results / "generator" / "generator.safetensors")
    installed.sceneshift(fresh.folder, "export-generator", generator, "g.pt", *ADA, environment=clean_environment)
    installed.sceneshift(fresh.folder, "import-generator", "g.pt", "again.safetensors", environment=clean_environment)
