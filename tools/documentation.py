"""`make docs`: the option tables of config/README.md and the JSON schema, both made from the settings models."""

import json
import sys
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from tools.reruns import key_table, rule_table

from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.files import atomic_file
from sceneshift.scoring.kinds import KINDS
from sceneshift.settings import (
    EditSettings,
    ImportedBoundary,
    KeepSettings,
    Section,
    SefaSettings,
    Settings,
)

RERUNS = """\
## What a change reruns

A rule reruns when the meaning of a key changes that its result depends on; writing the same differently (order, 1 for
1.0, a default spelled out) is no change. What follows from a new result reruns too. Put a value back, and there is
nothing to do as long as the files are still those."""
MODULES = """\
A rule reruns, too, when the code changes that it runs: the module below, or one that it imports. Comments, docstrings
and white space do not count. `python -m tools.reruns` lists every module with its rules."""

BEGIN, END = "<!-- generated from the settings: begin -->", "<!-- generated from the settings: end -->"

# Sections that stand in a list or inside another section, behind the one they belong to.
WITHIN: dict[str, dict[str, type[Section]]] = {
    "predictors": {f"predictors, `kind: {kind}`": section for kind, section in KINDS.items()},
    "boundaries": {"boundaries.import, each": ImportedBoundary, "boundaries.sefa": SefaSettings},
    "edits": {"edits.attributes, each": EditSettings},
    "pairs": {"pairs.keep": KeepSettings},
}


def option_tables() -> str:
    """Markdown: one table a section of the config, with every option's default and meaning; and what changes rerun."""
    parts = [_heading("top level"), _table(Settings, skip_sections=True)]
    for name, field in Settings.model_fields.items():
        section = field.annotation
        if isinstance(section, type) and issubclass(section, BaseModel):
            parts += [_heading(name), section.__doc__ or "", _table(section)]
        for title, inner in WITHIN.get(name, {}).items():
            parts += [_heading(title), inner.__doc__ or "", _table(inner)]
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


def write_documentation(repository: Path) -> None:
    """Write config/README.md and workflow/schemas/config.schema.yaml."""
    readme = repository / "config" / "README.md"
    texts = {
        readme: with_tables(readme.read_text(encoding="utf-8")),
        repository / "workflow" / "schemas" / "config.schema.yaml": schema(),
    }
    for path, text in texts.items():
        with atomic_file(path) as temporary:
            temporary.write_text(text, encoding="utf-8")


def _heading(name: str) -> str:
    return f"### {name}"


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
    write_documentation(Path(sys.argv[1]))
