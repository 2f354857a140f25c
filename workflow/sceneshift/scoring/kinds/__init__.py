"""The kinds of predictors: a file here is a kind, called as the file is. Nothing else lists them."""

import importlib
import pkgutil
from typing import Annotated, Union

from pydantic import Field

from sceneshift.scoring.kind import PredictorSettings


def _settings_of(kind: str) -> type[PredictorSettings]:
    module = importlib.import_module(f"{__name__}.{kind}")
    own = [one for one in vars(module).values() if getattr(one, "__module__", None) == module.__name__]
    (settings,) = (one for one in own if isinstance(one, type) and issubclass(one, PredictorSettings))
    return settings


KINDS = {module.name: _settings_of(module.name) for module in pkgutil.iter_modules(__path__)}
AnyPredictor = Annotated[Union[tuple(KINDS.values())], Field(discriminator="kind")]  # noqa: UP007  (made, not written)
