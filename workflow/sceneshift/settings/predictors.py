"""The predictors of a config: any of scoring's kinds, and where their files come from."""

from collections.abc import Sequence

from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.section import file_name
from sceneshift.scoring.kind import PredictorSettings


def with_downloads(
    predictors: Sequence[PredictorSettings], folder: str
) -> tuple[list[PredictorSettings], dict[str, list[str]]]:
    """The predictors with a path in `folder` for each file that they name by URLs; and these URLs by the file's name."""
    local, downloads = [], {}
    for predictor in predictors:
        paths = {}
        for key, urls in predictor.sources().items():
            if isinstance(urls, list):
                name = file_name(urls[0])
                if downloads.setdefault(name, urls) != urls:
                    raise SceneshiftError(
                        f"predictors: two different files to download are called {name}. Give a path."
                    )
                paths[key] = f"{folder}/{name}"
        local.append(predictor.model_copy(update=paths))
    return local, downloads
