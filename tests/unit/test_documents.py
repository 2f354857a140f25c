"""README, docs/ and the cards: no link leads nowhere, and the site builds without a warning."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

REPOSITORY = Path(__file__).parents[2]
DOCUMENTS = sorted(
    path
    for pattern in ("*.md", "docs/*.md", "config/*.md", "resources/**/*.md")
    for path in REPOSITORY.glob(pattern)
)  # fmt: skip


def prose(path: Path) -> str:
    """A document without its code."""
    return re.sub(r"^```.*?^```|`[^`\n]*`", "", path.read_text(encoding="utf-8"), flags=re.M | re.S)


def anchors(path: Path) -> set[str]:
    """The headings of a document as GitHub names them."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```", "", path.read_text("utf-8"), flags=re.M | re.S), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(REPOSITORY).as_posix())
def test_links_lead_somewhere(document):
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(document)):
        if not link.startswith(("https://", "http://", "mailto:")):
            name, _, anchor = link.partition("#")
            there = (document.parent / name).resolve() if name else document
            assert there.exists(), f"{link} in {document.name}"
            assert not anchor or anchor in anchors(there), f"{link} in {document.name}"


def test_the_readmes_python_runs_as_it_stands(monkeypatch):
    monkeypatch.chdir(REPOSITORY)
    (code,) = re.findall(r"^```python\n(.*?)^```", (REPOSITORY / "README.md").read_text("utf-8"), re.M | re.S)
    names = {}
    exec(code, names)
    assert names["edited"].size == Image.open("resources/photos/nus-05.jpg").size
    assert names["x"].shape == (4, 3, 64, 64)


def test_the_site_builds_and_shows_the_docstrings(tmp_path):
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", tmp_path / "site"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "site" / "reference" / "index.html").read_text(encoding="utf-8")
    assert "StyleGAN2's generator" in page
    assert "Train StyleGAN2 on a photo store" in page
    assert (tmp_path / "site" / "pictures" / "editors.jpg").is_file()


def test_containers_install_what_make_setup_does():
    torch = re.search(r"^TORCH := (.*)$", (REPOSITORY / "Makefile").read_text(), re.M)[1]
    for name in ("Dockerfile", "apptainer.def"):
        steps = (REPOSITORY / "envs" / name).read_text()
        assert f" torch=={torch}+cpu" in steps
        for file in re.findall(r"--requirement ([\w/.]+)", steps):
            assert (REPOSITORY / file).is_file()
        assert re.search(r"python:3\.1[1-4]-slim", steps)
