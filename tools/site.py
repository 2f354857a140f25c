"""A hook of mkdocs: links out of docs/, right in the repository, are made right on the site."""

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

REPOSITORY = Path(__file__).parents[1]
PICTURES = "resources/pictures"


def on_files(files: Files, config: Any) -> Files:
    """Bring the pictures along."""
    for picture in sorted((REPOSITORY / PICTURES).iterdir()):
        files.append(File.generated(config, f"pictures/{picture.name}", abs_src_path=str(picture)))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, **_: Any) -> str:
    """Pictures to where they are now, config/README.md to its page, the rest to the repository's host."""
    markdown = markdown.replace(f"](../{PICTURES}/", "](pictures/").replace("](../config/README.md", "](options.md")
    return re.sub(r"\]\(\.\./([^)]+)\)", rf"]({config.repo_url}/blob/main/\1)", markdown)
