"""What made a file: recorded inside every file that sceneshift writes."""

import json
import platform
from typing import Any

import sceneshift


def attribution(credit: str | None, licence: str | None) -> str:
    """Credit and licence of photos in one line; empty if there are none."""
    return " · ".join(filter(None, (credit, licence)))


def made_by(**facts: Any) -> dict[str, Any]:
    """Who made a file and from what, for its metadata, in JSON's types. No dates: equal runs give equal bytes."""
    made = {"made_by": f"sceneshift {sceneshift.__version__}", "python": platform.python_version(), **facts}
    return json.loads(json.dumps(made, sort_keys=True, default=str))
