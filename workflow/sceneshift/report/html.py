"""From a template and facts to one HTML file with everything in it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd

import sceneshift
from sceneshift.report.text import figure, sentence, signed, spoken
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.files import atomic_file

HERE = Path(__file__).parent
LARGEST = 15_000_000  # bytes; mail and browsers take a page of this size


def environment(folder: Path) -> jinja2.Environment:
    """For the templates in a folder, and those here that they include. What is filled in is escaped."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader([folder, HERE]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"spoken": spoken, "figure": figure, "signed": signed, "sentence": sentence}
    made.filters["as_json"] = lambda facts: json.dumps(facts, indent=2, ensure_ascii=False)
    made.tests["number_known"] = pd.notna
    return made


def write_html(out: Path | str, template: Path | str, facts: Mapping[str, Any]) -> None:
    """Fill in a template, with the pages' style and script, and write it.

    template: a name in this folder, or the path of one elsewhere. Raises SceneshiftError if the page gets too large.
    """
    path = HERE / template
    own = {
        name: (HERE / f"page.{end}").read_text(encoding="utf-8") for name, end in (("style", "css"), ("script", "js"))
    }
    own["version"] = sceneshift.__version__
    page = (
        environment(path.parent).get_template(path.name).render(own | dict(facts)).encode("utf-8", "replace")
    )  # odd file names
    if len(page) > LARGEST:
        raise SceneshiftError(f"{out} would have {len(page) / 1e6:.1f} MB, more than {LARGEST / 1e6:.0f} MB.")
    with atomic_file(out) as temporary:
        temporary.write_bytes(page)
