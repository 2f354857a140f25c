"""`make gpu` in miniature, on the CPU: every part runs, what is wrong is found, and what was cut is gone on with."""

import json
from pathlib import Path

import pytest
import torch

from tools.gpu import right, run
from tools.gpu.bench import Bench
from tools.gpu.results import Results
from tools.gpu.run import PARTS, Part


@pytest.fixture
def bench(tmp_path):
    results = Results(tmp_path / "results.jsonl", key="here", part="this")
    return Bench(torch.device("cpu"), small=True, folder=tmp_path, out=tmp_path, results=results)


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.full_name)
def test_every_part_runs_and_finds_nothing_wrong(part, bench):
    part.function(bench)
    records = list(bench.results.records())
    assert records
    assert [record["name"] for record in records if record["kind"] == "check" and not record["ok"]] == []


def test_a_network_that_computes_something_else_there_is_found(bench, monkeypatch):
    def broken(network, device):
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.mul_(1.05)
        return network.to(device)

    monkeypatch.setattr(right, "on_device", broken)
    monkeypatch.setattr(right, "_frozen", lambda bench: None)
    right.networks(bench)
    wrong = {r["name"] for r in bench.results.records() if r["kind"] == "check" and not r["ok"]}
    names = right._networks(small=True)
    assert wrong >= {f"{name}, float32" for name in names}
    assert not bench.results.summarise(["this"], bench.out / "summary.md")
    assert "WRONG" in (bench.out / "summary.md").read_text()


def test_a_value_that_is_no_number_is_wrong(bench):
    assert not bench.results.check("loss", float("nan"), at_most=1.0)
    assert bench.results.check("loss", 0.5, at_most=1.0)


def test_without_a_gpu_it_says_so(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert run.main(["--out", str(tmp_path / "out")]) == 2
    assert "No CUDA GPU" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


CHILD = """
import sys, time
name = next(word for word in sys.argv if word.startswith("--part=")).removeprefix("--part=x.")
print(f"{name} begins", file=sys.stderr, flush=True)
if name == "hangs":
    time.sleep(60)
if name == "fails":
    raise ValueError("this broke")
sys.exit(3 if name == "lacks" else 0)
"""


@pytest.fixture
def runs(monkeypatch, tmp_path):
    """Run parts, each a process that hangs, fails, lacks a module or is fine; (exit code, part -> how it ended)."""
    child = tmp_path / "child.py"
    child.write_text(CHILD)
    popen = run.subprocess.Popen
    monkeypatch.setattr(run, "_describe_apart", lambda device: "a machine")
    monkeypatch.setattr(run.subprocess, "Popen", lambda c, **k: popen([c[0], str(child), *c[3:]], **k))

    def run_parts(*names, minutes="9"):
        parts = [Part("x", name, 2 if name == "hangs" else 30) for name in names]
        code = run.main(["--device", "cpu", "--small", "--out", str(tmp_path / "out"), "--minutes", minutes], parts)
        lines = (tmp_path / "out" / "results.jsonl").read_text().splitlines()
        ends = [r for r in map(json.loads, lines) if r["kind"] == "end"]
        return code, {r["part"].removeprefix("x."): (r["name"], r["why"]) for r in ends}

    return run_parts


def test_a_part_that_hangs_or_fails_costs_itself_alone(runs):
    code, ends = runs("hangs", "fails", "lacks", "fine")
    assert code == 1
    assert {name: state for name, (state, _) in ends.items()} == {
        "hangs": "out of time", "fails": "failed", "lacks": "skipped", "fine": "done",
    }  # fmt: skip
    assert ends["fails"][1] == "ValueError: this broke"


def test_the_next_run_goes_on_with_what_is_missing(runs, tmp_path, capsys):
    assert runs("fine")[0] == 0
    code, _ = runs("fine", "other", minutes="0.1")
    said = capsys.readouterr().out
    assert "x.fine: done before" in said
    assert "x.other: no time left" in said
    assert code == 0
    code, ends = runs("fine", "other")
    assert code == 0
    assert set(ends) == {"fine", "other"}
    log = (tmp_path / "out" / "log.txt").read_text()
    assert log.count("fine begins") == 1
    assert "not run yet" not in Path(tmp_path / "out" / "summary.md").read_text()


def test_results_of_other_code_do_not_count(runs, monkeypatch, tmp_path):
    runs("fine")
    monkeypatch.setattr(run, "code_digest", lambda: "other")
    runs("fine")
    assert (tmp_path / "out" / "log.txt").read_text().count("fine begins") == 2
