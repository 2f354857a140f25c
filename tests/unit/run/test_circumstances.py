import pytest

from sceneshift.run import circumstances as module


@pytest.mark.parametrize(
    "command", [("no-such-program",), ("sleep", "9"), ("false",), ("sh", "-c", "echo half; exit 1")], ids=" ".join
)
def test_a_program_that_does_not_answer_stops_no_run(command, monkeypatch):
    monkeypatch.setattr(module, "SECONDS", 0.2)
    assert module._said_by(*command) == ""


def test_what_a_program_prints_is_taken():
    assert module._said_by("echo", "there") == "there\n"
