"""`make docs`: what follows from elsewhere in the repository.

The option tables of config/README.md and the JSON schema, from the settings models; the repository's address and the
version wherever they stand, from pyproject.toml and the package; the conda environment, from what pip's is locked to.
"""

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel

import sceneshift
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.files import atomic_file
from sceneshift.settings import Section, Settings
from sceneshift.settings.reading import sections_in
from tools.reruns import key_table, rule_table

REPOSITORY = Path(__file__).parents[1]
README, SCHEMA = REPOSITORY / "config" / "README.md", REPOSITORY / "workflow" / "schemas" / "config.schema.yaml"
ENVIRONMENT = REPOSITORY / "envs" / "sceneshift.yaml"
RERUNS = """\
## What a change reruns

A rule reruns when the meaning of a key changes that its result depends on; writing the same differently (order, 1 for
1.0, a default spelled out) is not a change. What follows from a new result reruns too. Put a value back, and there is
nothing to do as long as the files are still those."""
MODULES = """\
A rule reruns, too, when a file or folder changes that the config names. Of a folder (`photos.folder`,
`translate.folder`, an edit's `pairs`, a predictor's `labels` or `photos`) its photos count, with those in subfolders:
names, sizes and times, listed at each command (100,000 take a second). What ships in resources/ is compared by its
bytes, so that a run goes on with another clone: copy results/ and .snakemake/ with `cp -a`.

And a rule reruns when the code changes that it runs: the module below, one that it imports, or what lies beside these
(templates, style sheets, scripts). Comments, docstrings and white space do not count. `python -m tools.reruns` lists
every module with its rules."""

BEGIN, END = "<!-- generated from the settings: begin -->", "<!-- generated from the settings: end -->"


def option_tables() -> str:
    """Markdown: one table per section of the config, with each option's default and meaning; and what changes rerun."""
    parts = ["### top level", _table(Settings, skip_sections=True)]
    for title, section in _titled(Settings):
        parts += [f"### {title}", section.__doc__ or "", _table(section)]
    return "\n\n".join([*parts, RERUNS, key_table(), MODULES, rule_table()])


def schema() -> str:
    """The JSON schema of the config; JSON is YAML, so that editors read it under either name."""
    described = {"$schema": "https://json-schema.org/draft/2020-12/schema", **Settings.model_json_schema()}
    return json.dumps(described, indent=2, ensure_ascii=False) + "\n"


def with_tables(readme: str) -> str:
    """`readme` with the part between the two marks rewritten."""
    if BEGIN not in readme or END not in readme:
        raise SceneshiftError(f"config/README.md: the lines {BEGIN!r} and {END!r} are missing.")
    before, after = readme.split(BEGIN)[0], readme.split(END)[1]
    return f"{before}{BEGIN}\n\n{option_tables()}\n\n{END}{after}"


def environment() -> str:
    """The conda environment of the jobs: Python from conda-forge, the dependencies as `make lock` pinned them."""
    locks = "".join((REPOSITORY / "envs" / name).read_text() for name in ("requirements.txt", "torch.txt"))
    pinned = dict(re.findall(r"^([\w.-]+)==([^ ]+)", locks, re.M))
    names = [re.split("[<>=]", wanted)[0].lower().replace("_", "-") for wanted in _project()["dependencies"]]
    pins = "\n".join(f"      - {name} =={pinned[name]}" for name in names if name not in ("snakemake", "rich"))
    return f"""\
# Made by `make docs`. For `snakemake --sdm conda`: Python by conda, the rest in the versions of `make setup`.
# The rules run this checkout's own code inside it.
channels:
  - conda-forge
  - nodefaults
dependencies:
  - python =3.13
  - pip
  - pip:
{pins}
"""


def _project() -> dict[str, Any]:
    return tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def named_files() -> dict[Path, str]:
    """Files that name the repository or the version -> their text with both as they are now."""
    files = [REPOSITORY / "README.md", REPOSITORY / "CITATION.cff", *sorted((REPOSITORY / "docs").glob("*.md"))]
    files += [REPOSITORY / name for name in ("mkdocs.yml", "workflow/sceneshift/settings/config.py", "envs/Dockerfile")]
    return {path: _named(path.read_text(encoding="utf-8"), _project()["urls"]["Repository"]) for path in files}


def _named(text: str, repository: str) -> str:
    name, version = repository.removeprefix("https://github.com/"), sceneshift.__version__
    text = re.sub(r"https://github\.com/[\w.-]+/sceneshift", repository, text)
    text = re.sub(r'github\("[\w.-]+/sceneshift"', f'github("{name}"', text)
    text = re.sub(r"ghcr\.io/[\w.-]+/sceneshift:[\d.]+", f"ghcr.io/{name.lower()}:{version}", text)
    text = re.sub(r'(tag="v|--tag v)[\d.]+', rf"\g<1>{version}", text)
    return re.sub(r"^version: .*$", f"version: {version}", text, flags=re.M)


def write_documentation() -> None:
    """Write config/README.md, the schema and the conda environment, and renew addresses and versions."""
    texts = {
        README: with_tables(README.read_text(encoding="utf-8")),
        SCHEMA: schema(),
        ENVIRONMENT: environment(),
        **named_files(),
    }
    for path, text in texts.items():
        with atomic_file(path) as temporary:
            temporary.write_text(text, encoding="utf-8")


def _titled(section: type[Section], before: str = "") -> Iterator[tuple[str, type[Section]]]:
    """The sections within a section, and those within them, each with its heading; judges are written as predictors."""
    for name, field in section.model_fields.items():
        key = before + (field.alias or name)
        for inner in sections_in(field.annotation) if name != "judges" else ():
            title = f"{key}, each" if get_origin(field.annotation) is list else key
            if kind := inner.model_fields.get("kind"):
                title = f"{key}, `kind: {get_args(kind.annotation)[0]}`"
            yield title, inner
            yield from _titled(inner, f"{key}.")


def _table(section: type[BaseModel], skip_sections: bool = False) -> str:
    rows = ["| option | default | meaning |", "|---|---|---|"]
    for name, field in section.model_fields.items():
        is_section = isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
        if not (skip_sections and is_section):
            meaning = (field.description or "").replace("|", "\\|")
            rows.append(f"| `{field.alias or name}` | {_shown(field)} | {meaning} |")
    return "\n".join(rows)


def _shown(field: Any) -> str:
    if field.is_required():
        return "must be given"
    return f"`{json.dumps(_plain(field.get_default()), ensure_ascii=False)}`"


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(by_alias=True)
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


if __name__ == "__main__":
    write_documentation()
