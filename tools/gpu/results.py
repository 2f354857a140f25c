"""What the parts find out: a line of JSON each, written as it comes, and a summary made of all of them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Record = dict[str, Any]
BAD = ("failed", "crashed", "out of time")  # how a part must not end


@dataclass(frozen=True)
class Results:
    """The file of results, to which one part adds.

    key: which machine, code and sizes they are of; those of others do not count. A record is a check (a value that must
    not be above its limit), a figure, a note, or how a part ended.
    """

    path: Path
    key: str
    part: str = ""

    def begin(self) -> None:
        """This part starts: what it found before no longer counts."""
        self._add(kind="begin", name=self.part)

    def check(self, name: str, value: float, at_most: float) -> bool:
        """Whether `value` is a number not above `at_most`."""
        value = float(value)
        self._add(kind="check", name=name, value=value, at_most=at_most, ok=value <= at_most)
        return value <= at_most

    def figure(self, name: str, value: float, unit: str) -> None:
        """A measurement that nothing is demanded of."""
        self._add(kind="figure", name=name, value=float(value), unit=unit)

    def note(self, text: str) -> None:
        """What was left out and why, or whatever else there is to say."""
        self._add(kind="note", name=text)

    def end(self, state: str, seconds: float, why: str = "") -> None:
        """How this part ended: done, skipped, failed, crashed, out of time."""
        self._add(kind="end", name=state, value=seconds, why=why)

    def _add(self, **record: Any) -> None:
        record = {"part": self.part, "key": self.key} | record
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")
        print(_in_words(record), flush=True)

    def records(self) -> Iterator[Record]:
        """Those of this machine, code and sizes; of a part that ran again, the last run's."""
        if not self.path.exists():
            return
        last: dict[str, list[Record]] = {}
        for record in map(json.loads, self.path.read_text(encoding="utf-8").splitlines()):
            if record["key"] != self.key:
                continue
            records = last.setdefault(record["part"], [])
            if record["kind"] == "begin":
                records.clear()
            else:
                records.append(record)
        for records in last.values():
            yield from records

    def ends(self) -> dict[str, str]:
        """Part -> how it ended. What was cut has no end."""
        return {record["part"]: record["name"] for record in self.records() if record["kind"] == "end"}

    def summarise(self, parts: list[str], path: Path) -> bool:
        """Write what there is to read to `path`; whether all that ran is right."""
        records, ends = list(self.records()), self.ends()
        wrong = [r for r in records if r["kind"] == "check" and not r["ok"]]
        bad = [part for part in parts if ends.get(part) in BAD]
        missing = [part for part in parts if part not in ends]
        checks = [r for r in records if r["kind"] == "check"]
        lines = [self.key, "", f"{len(checks) - len(wrong)} of {len(checks)} checks passed."]
        lines += [f"WRONG: {_in_words(r)}" for r in wrong]
        lines += [f"{ends[part].upper()}: {part}" for part in bad]
        lines += [f"not run yet: {', '.join(missing)}"] * bool(missing)
        for part in parts:
            lines += ["", f"## {part}", *(f"- {_in_words(r)}" for r in records if r["part"] == part)]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return not wrong and not bad


def _in_words(record: Record) -> str:
    match record["kind"]:
        case "check":
            verdict = "ok" if record["ok"] else "WRONG"
            return f"{verdict:<5} {record['name']}: {record['value']:.3g} (at most {record['at_most']:g})"
        case "figure":
            return f"{record['name']}: {record['value']:.4g} {record['unit']}"
        case "begin":
            return f"\n{record['name']}"
        case "end":
            why = f": {record['why']}" if record["why"] else ""
            return f"{record['part']} {record['name']} after {record['value']:.0f} s{why}"
    return record["name"]
