"""What made a file: recorded inside every file that sceneshift writes."""

import json
import platform
from typing import Any

import sceneshift


def made_by(**facts: Any) -> str:
    """JSON of who made a file and from what, for its metadata. No dates: equal runs give equal bytes."""
    return json.dumps(
        {"made_by": f"sceneshift {sceneshift.__version__}", "python": platform.python_version(), **facts},
        sort_keys=True,
        default=str,
    )
