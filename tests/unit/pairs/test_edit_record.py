"""edit.json is read back as it was written, and refused by name where it is damaged."""

import json

import pytest

from sceneshift.pairs.distance import Point
from sceneshift.pairs.edit_record import EditRecord
from sceneshift.runtime.errors import SceneshiftError


@pytest.fixture
def record(tmp_path):
    point = Point(2.0, 1.5, 1.1, 0.8)
    made = EditRecord(
        attribute="snow", direction="less", level="all", measured_by="snow", distance=2.0, curve=[point], kept=3,
        tried=7, refused_by={"effect": 4},
    )  # fmt: skip
    made.write(tmp_path)
    return made


def test_what_is_written_is_read_back_without_what_was_not_given(record, tmp_path):
    assert EditRecord.read(tmp_path / "edit.json") == record
    text = (tmp_path / "edit.json").read_text()
    assert list(json.loads(text)) == [
        "attribute", "direction", "level", "measured_by", "distance", "curve", "kept", "tried", "refused_by",
    ]  # fmt: skip
    assert EditRecord.read(tmp_path / "edit.json").facts() == json.loads(text)


def test_a_file_that_is_cut_anywhere_is_refused_by_name(record, tmp_path):
    whole = (tmp_path / "edit.json").read_bytes()
    for length in range(len(whole) - 1):
        (tmp_path / "edit.json").write_bytes(whole[:length])
        with pytest.raises(SceneshiftError, match=r"edit\.json is damaged, or no record of an edit"):
            EditRecord.read(tmp_path / "edit.json")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"direction": "up"}, "direction: Input should be 'more' or 'less'"),
        ({"curve": [{"distance": 1}]}, r"curve\.0\.deviations: Field required"),
        ({"distance": float("nan")}, "distance: Input should be a finite number"),
        ({"snow": 1}, "snow: Extra inputs are not permitted"),
    ],
)
def test_what_is_wrong_is_named(record, tmp_path, change, says):
    (tmp_path / "edit.json").write_text(json.dumps(record.facts() | change))
    with pytest.raises(SceneshiftError, match=says):
        EditRecord.read(tmp_path / "edit.json")


def test_a_missing_record_is_named(tmp_path):
    with pytest.raises(SceneshiftError, match=r"Cannot read .*none\.json: No such file"):
        EditRecord.read(tmp_path / "none.json")
