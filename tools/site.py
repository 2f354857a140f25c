"""A hook of mkdocs: links out of docs/, right in the repository, are made right on the site; notebooks become pages."""

import json
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

REPOSITORY = Path(__file__).parents[1]
PICTURES = "resources/pictures"


def on_files(files: Files, config: Any) -> Files:
    """Bring the pictures along, and a page for each notebook."""
    for picture in sorted((REPOSITORY / PICTURES).iterdir()):
        files.append(File.generated(config, f"pictures/{picture.name}", abs_src_path=str(picture)))
    for notebook in sorted((REPOSITORY / "docs").glob("*.ipynb")):
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
        page = f"[This page as a notebook]({notebook.name})\n\n" + "\n\n".join(map(_markdown, cells))
        files.append(File.generated(config, f"{notebook.stem}.md", content=page))
    return files


def _markdown(cell: dict[str, Any]) -> str:
    """A notebook's cell with what it printed and drew."""
    text = "".join(cell["source"])
    if cell["cell_type"] == "markdown":
        return text
    parts = [f"```python\n{text}\n```"]
    for shown in (output["data"] for output in cell["outputs"] if "data" in output):
        plain = "".join(shown["text/plain"])
        picture = "".join(shown.get("image/png", "")).replace("\n", "")
        parts.append(f"![](data:image/png;base64,{picture})" if picture else f"```\n{plain}\n```")
    return "\n\n".join(parts)


def on_page_markdown(markdown: str, page: Any, config: Any, **_: Any) -> str:
    """Pictures to where they are now, config/README.md to its page, the rest to the repository's host."""
    markdown = markdown.replace(f"](../{PICTURES}/", "](pictures/").replace("](../config/README.md", "](options.md")
    return re.sub(r"\]\(\.\./([^)]+)\)", rf"]({config.repo_url}/blob/main/\1)", markdown)
