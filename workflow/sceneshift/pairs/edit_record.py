"""edit.json, beside a folder of pairs: which edit they are for, how it was made, and how many candidates were kept."""

import json
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, FiniteFloat, NonNegativeInt, ValidationError

from sceneshift.pairs.distance import Point
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.settings import Level, Space

NAME = "edit.json"


class EditRecord(BaseModel):
    """The entries of edit.json; those after `measured_by` may be missing, as pairs made elsewhere have no move."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    attribute: str
    direction: Literal["more", "less"]
    level: Level | None = None  # layers moved
    condition_on: list[str] = []
    also: dict[str, FiniteFloat] = {}  # attribute -> step along its normal for each along the edit's own
    measured_by: str  # the scored attribute that tells whether the edit works
    reversed: bool = False  # whether the boundary's normal was
    space: Space = "w"  # of the boundary: z, w or w+
    absolute: bool = False  # whether the distance is from the boundary
    distance: FiniteFloat | None = None  # units of the space
    deviations: FiniteFloat | None = None  # the same in standard deviations of the codes along the normal
    effect: FiniteFloat | None = None  # standard deviations of the score
    structure: FiniteFloat | None = None
    reason: str = ""  # what ended the search of the distance: target, structure, reach; given, imported
    target_effect: FiniteFloat | None = None
    truncation_psi: FiniteFloat | None = None
    curve: list[Point] = []  # every step tried
    kept: NonNegativeInt = 0
    tried: NonNegativeInt = 0
    refused_by: dict[str, int] = {}
    provenance: dict[str, Any] = {}

    @classmethod
    def read(cls, path: Path | str) -> Self:
        """Raises SceneshiftError that names the file and the entry if it is missing, damaged, or something else."""
        try:
            return cls.model_validate_json(Path(path).read_bytes())
        except OSError as error:
            raise SceneshiftError(f"Cannot read {path}: {error.strerror}. make-pairs writes it.") from error
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise SceneshiftError(
                f"{path} is damaged, or no record of an edit: {where + ': ' if where else ''}{first['msg']}."
                " Run make-pairs again."
            ) from error

    def write(self, folder: Path) -> None:
        """Write the entries that were given to `folder`/edit.json."""
        (folder / NAME).write_text(json.dumps(self.facts(), indent=1) + "\n", encoding="utf-8")

    def facts(self) -> dict[str, Any]:
        """The entries that were given."""
        return self.model_dump(exclude_unset=True)
