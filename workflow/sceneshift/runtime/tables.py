"""Tables (CSV, UTF-8): every table that the package writes, and the reading of tables that may be damaged."""

import contextlib
import csv
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import NoneType
from typing import Any, get_args

from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.files import atomic_file

EXPECTED = {float: "a number", int: "a whole number", bool: "True or False"}
Row = Mapping[str, Any] | Sequence[Any]


class TableWriter:
    """Rows of a table whose columns are fixed."""

    def __init__(self, file: Any, columns: Sequence[str]) -> None:
        self._columns, self._rows = list(columns), csv.writer(file, lineterminator="\n")
        self._rows.writerow(columns)

    def append(self, row: Row) -> None:
        """One cell a column, or a mapping by column, in which some may be missing.

        Floats are written with six significant digits; None and what is missing, as empty cells.
        """
        if isinstance(row, Mapping):
            if unknown := row.keys() - set(self._columns):
                raise ValueError(f"no such columns: {unknown}")
            row = [row.get(column) for column in self._columns]
        if len(row) != len(self._columns):
            raise ValueError(f"{len(row)} cells for the columns {self._columns}")
        self._rows.writerow([_cell(value) for value in row])


@contextlib.contextmanager
def new_table(path: Path | str, columns: Sequence[str]) -> Iterator[TableWriter]:
    """A table that appears at `path` when the block ends without an error: `table.append(row)`."""
    with (
        atomic_file(path) as temporary,
        # names of files need not be UTF-8: what came in goes out
        open(temporary, "w", encoding="utf-8", errors="surrogateescape", newline="") as file,
    ):
        yield TableWriter(file, columns)


def write_table(path: Path | str, columns: Sequence[str], rows: Iterable[Row]) -> None:
    """All rows of a table at once, as `TableWriter.append` takes them."""
    with new_table(path, columns) as table:
        for row in rows:
            table.append(row)


def read_table(
    path: Path | str, columns: Mapping[str, Any], remedy: str = "If a run made it, delete it and start the run again."
) -> list[Row]:
    """The rows of a table that `write_table` wrote, as dicts of text; those of `columns` as the types given there.

    columns: name -> str, int, float, bool, or one of them `| None`, whose empty cells are None. A text that reads NA
    or nan is a text. Raises SceneshiftError that names file and line if columns are missing, a row is cut, or a cell is
    of another type (of a number: not finite).
    """
    header: list[str] = []
    rows = []
    for line, cells in read_rows(path, remedy, errors="surrogateescape"):
        if not header:
            header = cells
            if lacking := [name for name in columns if header.count(name) != 1]:
                found = ", ".join(map(ascii, header))
                raise SceneshiftError(f"{path}: expected one column {', '.join(lacking)}; found {found:.300}. {remedy}")
            continue
        if len(cells) != len(header):
            raise SceneshiftError(f"{path}, line {line}: {len(cells)} cells, expected {len(header)}. {remedy}")
        row: dict[str, Any] = dict(zip(header, cells, strict=True))
        for name, kind in columns.items():
            try:
                row[name] = _value(row[name], kind)
            except (ValueError, KeyError):
                expected = EXPECTED[_plain(kind)]
                raise SceneshiftError(
                    f"{path}, line {line}: {name} is {row[name]!r:.80}, expected {expected}. {remedy}"
                ) from None
        rows.append(row)
    with open(path, "rb") as file:
        if file.read()[-1:] not in (b"\n", b""):
            raise SceneshiftError(f"{path} is cut: its last line does not end. {remedy}")
    if not header:
        raise SceneshiftError(f"{path} is empty; expected a table with {', '.join(columns)}. {remedy}")
    return rows


def read_rows(path: Path | str, remedy: str, errors: str = "strict") -> Iterator[tuple[int, list[str]]]:
    """(line, cells) of each row of a CSV that is not blank, the header's first, read as it is asked for.

    errors: of decoding, as of `open`. Raises SceneshiftError that names the file and the line if the file does not
    exist, is not UTF-8 (or UTF-16 that begins with its mark) or no CSV.
    """
    if not Path(path).is_file():
        raise SceneshiftError(f"There is no table {path}. {remedy}")
    line = 0
    try:
        with open(path, encoding=encoding_of(path), errors=errors, newline="") as file:
            rows = csv.reader(file)
            for cells in rows:
                line = rows.line_num
                if cells:
                    yield line, cells
    except UnicodeDecodeError as error:
        raw = Path(path).read_bytes().split(b"\n")  # decoding runs ahead: the line is not the reader's
        line = next((i for i, text in enumerate(raw, start=1) if text.decode(errors="ignore").encode() != text), 1)
        raise SceneshiftError(
            f"{path} is not UTF-8 text in line {line} ({error.reason}). Save it as a CSV in UTF-8. {remedy}"
        ) from error
    except (csv.Error, OSError) as error:
        raise SceneshiftError(f"{path} cannot be read as a table behind line {line}: {error}. {remedy}") from error


def encoding_of(path: Path | str) -> str:
    """How a table's text is encoded: UTF-16 where it begins with its mark, as spreadsheets write it, else UTF-8."""
    with open(path, "rb") as file:
        return "utf-16" if file.read(2) in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    # NumPy's float32 is not a float, but has its dtype
    return f"{value:.6g}" if isinstance(value, float) or getattr(value, "dtype", None) == "float32" else str(value)


def _plain(kind: Any) -> type:
    """`float` of `float | None`."""
    return next((one for one in get_args(kind) if one is not NoneType), kind)


def _value(cell: str, kind: Any) -> Any:
    if not cell and NoneType in get_args(kind):
        return None
    plain = _plain(kind)
    if plain is bool:
        return {"True": True, "False": False}[cell]
    value = plain(cell)
    if plain is float and not math.isfinite(value):
        raise ValueError
    return value
