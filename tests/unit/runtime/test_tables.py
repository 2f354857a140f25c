"""Tables: written alike everywhere, read with types, refused by file and line."""

import numpy as np
import pytest

from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.tables import read_rows, read_table, write_table

COLUMNS = {"name": str, "count": int, "kept": bool, "effect": float | None}


@pytest.fixture
def table(tmp_path):
    write_table(tmp_path / "t.csv", list(COLUMNS), [["a", 3, True, 1 / 3], {"name": "b, c", "count": 4, "kept": False}])
    return tmp_path / "t.csv"


def test_what_is_written_is_read(table):
    assert table.read_bytes() == b'name,count,kept,effect\na,3,True,0.333333\n"b, c",4,False,\n'
    assert read_table(table, COLUMNS) == [
        {"name": "a", "count": 3, "kept": True, "effect": 0.333333},
        {"name": "b, c", "count": 4, "kept": False, "effect": None},
    ]


def test_numbers_of_numpy_are_written_as_python_writes_them(tmp_path):
    row = [np.float32(0.1), np.float64(0.1), np.int64(7), np.bool_(True)]
    write_table(tmp_path / "t.csv", "abcd", [row])
    assert (tmp_path / "t.csv").read_text() == "a,b,c,d\n0.1,0.1,7,True\n"


@pytest.mark.parametrize("name", ["None", "NA", "null", "nan", "", "#N/A", "ünï", 'with "quotes"\nand lines'])
def test_a_text_is_that_text(tmp_path, name):
    write_table(tmp_path / "t.csv", ["attribute", "x"], [[name, 1]])
    assert read_table(tmp_path / "t.csv", {"attribute": str}) == [{"attribute": name, "x": "1"}]


def test_names_of_files_that_are_no_utf8_come_back(tmp_path):
    name = b"caf\xe9.jpg".decode("utf-8", "surrogateescape")
    write_table(tmp_path / "t.csv", ["file"], [[name]])
    assert read_table(tmp_path / "t.csv", {"file": str}) == [{"file": name}]


def test_a_failure_leaves_no_table(tmp_path):
    with pytest.raises(ZeroDivisionError):
        write_table(tmp_path / "t.csv", ["a"], ([1 / number] for number in (1, 0)))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("row", [[1], [1, 2, 3], {"c": 1}])
def test_a_row_of_other_cells_is_a_mistake_of_ours(tmp_path, row):
    with pytest.raises(ValueError, match=r"cells|no such columns"):
        write_table(tmp_path / "t.csv", ["a", "b"], [row])


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"name,count\na,1\n", "expected one column kept, effect; found 'name', 'count'"),
        (b"name,count,kept,kept,effect\n", "expected one column kept"),
        (b"name,count,kept,effect\na,1,True\n", "line 2: 3 cells, expected 4"),
        (b"name,count,kept,effect\na,1,True,\nb,2,True,0.", "is cut"),
        (b"name,count,kept,effect\na,x,True,\n", "line 2: count is 'x', expected a whole number"),
        (b"name,count,kept,effect\na,1,yes,\n", "line 2: kept is 'yes', expected True or False"),
        (b"name,count,kept,effect\na,1,True,nan\n", "line 2: effect is 'nan', expected a number"),
        (b"\x00\xff\xfe\x80binary\n", "expected one column name"),
        (b"name,count,kept,effect\n" + b"a" * 200_000, "behind line 1: field larger"),
    ],
)
def test_damage_is_named_by_file_and_line(tmp_path, content, says):
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(SceneshiftError, match=says) as refusal:
        read_table(tmp_path / "t.csv", COLUMNS, "Make it again.")
    assert str(tmp_path / "t.csv") in str(refusal.value)
    assert str(refusal.value).endswith("Make it again.")


def test_a_missing_table_and_one_in_another_encoding_are_named(tmp_path):
    with pytest.raises(SceneshiftError, match=r"There is no table .*t\.csv\. Look"):
        list(read_rows(tmp_path / "t.csv", "Look."))
    (tmp_path / "t.csv").write_bytes("file,grün\n".encode("latin1"))
    with pytest.raises(SceneshiftError, match=r"t\.csv is not UTF-8 text"):
        list(read_rows(tmp_path / "t.csv", "Look."))


def test_rows_come_with_their_lines(tmp_path):
    (tmp_path / "t.csv").write_bytes('\ufeffa,b\r\n\r\n"x\ny",2\r\nz\r\n'.encode())
    assert list(read_rows(tmp_path / "t.csv", "")) == [(1, ["a", "b"]), (4, ["x\ny", "2"]), (5, ["z"])]
