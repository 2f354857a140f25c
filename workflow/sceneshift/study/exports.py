"""A study in the forms that other survey tools take."""

from collections.abc import Mapping, Sequence
from typing import Any

# Label Studio, whose tasks are the rows of pairs.csv
LABEL_STUDIO = """\
<View>
  <Header value="$question"/>
  <Pairwise name="winner" toName="left,right"/>
  <View style="display: grid; grid-template-columns: 1fr 1fr; column-gap: 8px">
    <Image name="left" value="$left"/>
    <Image name="right" value="$right"/>
  </View>
</View>
"""


def sp_survey(study: str, number: int, trials: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """One rater's list as a project of NUS's SP-Survey (Streetscape-Perception-Survey), a SurveyJS model in JSON.

    trials: rows with `question`, `left`, `right` (names of pictures) and `expected`. Pictures are looked for in
    `images/` of the site that shows the survey. An answer is the name of the picture chosen; to call both equal is not
    among its question types.
    """
    pages = [
        {
            "name": f"page_{place}",
            "elements": [
                {
                    "type": "imagepicker",
                    "name": f"pair_{place}",
                    "title": asked(trial),
                    "isRequired": True,
                    "imageFit": "contain",
                    "choices": [
                        {"value": trial[side], "imageLink": f"images/{trial[side]}", "imageName": trial[side]}
                        for side in ("left", "right")
                    ],
                }
            ],
        }
        for place, trial in enumerate(trials)
    ]
    name = f"sceneshift study {study}, list {number}"
    return {
        "id": f"sceneshift-{study}-{number}",
        "name": name,
        "config": {"title": name, "showProgressBar": "aboveheader", "progressBarType": "questions", "pages": pages},
    }


def asked(trial: Mapping[str, Any]) -> str:
    """What a rater reads above the two pictures."""
    if trial["expected"]:
        return f"To see that you are there: please choose the {trial['expected']} picture."
    return str(trial["question"])
