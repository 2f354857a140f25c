"""Pickles are read as data: whole files give what is in them, hostile ones run nothing and name what they asked for."""

import argparse
import io
import os
import pickle
import resource
import struct
import sys
import time
import types
import zipfile
from collections import OrderedDict

import numpy as np
import pytest
import torch

from sceneshift.foreign.pickles import State, read_npy, read_pickle, read_torch
from sceneshift.runtime.errors import SceneshiftError


@pytest.fixture
def path(tmp_path):
    return tmp_path / "file.pkl"


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_plain_containers_and_arrays_come_back(path, protocol):
    array = np.arange(6, dtype=np.float64).reshape(2, 3)
    plain = {
        "none": None,
        "list": [1, 2.5, -(2**70), True, "ü\n", b"\xff"],
        "tuple": (),
        "dict": {1: {"a": "b"}},
        "set": {3},
        "ordered": OrderedDict(a=1),
        "shared": array,
    }
    plain["again"] = plain["list"]
    if protocol == 5:
        plain.pop("shared")  # its arrays are pickled in another way, which no checkpoint uses
    path.write_bytes(pickle.dumps(plain | {"number": np.float32(1.5)}, protocol))
    found = read_pickle(path)
    assert found.pop("number") == np.float32(1.5)
    np.testing.assert_array_equal(found.pop("shared", array), array)
    assert found.pop("again") is found["list"]
    assert found == {name: value for name, value in plain.items() if name in found}
    assert len(found) == 6


@pytest.mark.parametrize("zipped", [True, False])
def test_what_torch_saves_comes_back(path, zipped):
    weight = torch.randn(3, 4)
    saved = {
        "state": OrderedDict(
            weight=torch.nn.Parameter(weight), transposed=weight.T, half=weight.half(), part=weight[1:, 2]
        ),
        "long": torch.arange(5),
        "empty": torch.zeros(0, 3),
        "scalar": torch.tensor(2.5),
        "flags": torch.tensor([True]),
        "args": argparse.Namespace(size=64),
        "dtype": torch.float16,
        "size": weight.shape,
        "buffers": torch.nn.BatchNorm1d(2).state_dict(),
        "optimizer": torch.optim.Adam([weight]).state_dict(),
    }
    torch.save(saved, path, _use_new_zipfile_serialization=zipped)
    found = read_torch(path)
    for name, tensor in saved["state"].items():
        assert torch.equal(found["state"][name], tensor)
        assert found["state"][name].dtype == tensor.dtype
    for name in ("long", "empty", "scalar", "flags"):
        assert torch.equal(found[name], saved[name])
    assert found["args"] == State("argparse.Namespace", {"size": 64})
    assert found["buffers"].keys() == saved["buffers"].keys()
    assert found["optimizer"] == saved["optimizer"]
    found["state"]["weight"][0, 0] = 7  # not read-only, and still shared
    assert found["state"]["transposed"][0, 0] == 7


def test_python_2_pickles_are_read_as_latin1(path):
    pickled = b"\x80\x02}q\x00U\x05colorq\x01U\x02\xfcxs."  # {'color': '\xfcx'} of Python 2
    path.write_bytes(pickled)
    assert read_pickle(path) == {"color": "üx"}


def persisted(module, source):
    """A module as torch_utils.persistence pickles it: a call of its function with state and source."""

    class Persisted:
        def __reduce__(self):
            meta = {"type": "class", "version": 6, "module_src": source, "class_name": type(module).__name__}
            return reconstruct, (meta | {"state": vars(module)},)

    return Persisted()


def reconstruct(meta):
    raise AssertionError("this is what must not be called")


@pytest.fixture
def torch_utils(monkeypatch):
    """The name under which NVIDIA's pickles ask for their function."""
    package, persistence = types.ModuleType("torch_utils"), types.ModuleType("torch_utils.persistence")
    persistence._reconstruct_persistent_obj = reconstruct
    monkeypatch.setitem(sys.modules, "torch_utils", package)
    monkeypatch.setitem(sys.modules, "torch_utils.persistence", persistence)
    monkeypatch.setattr(reconstruct, "__module__", "torch_utils.persistence")
    monkeypatch.setattr(reconstruct, "__qualname__", "_reconstruct_persistent_obj")
    monkeypatch.setattr(reconstruct, "__name__", "_reconstruct_persistent_obj")


def test_persisted_modules_are_state_and_their_source_is_not_run(path, tmp_path, torch_utils):
    inner = torch.nn.Linear(2, 3)
    path.write_bytes(pickle.dumps({"G": persisted(inner, f"import os; os.mkdir({str(tmp_path / 'ran')!r})")}))
    state = read_pickle(path)["G"]
    assert state.class_name == "Linear"
    assert torch.equal(state.fields["_parameters"]["weight"], inner.weight)
    assert not (tmp_path / "ran").exists()


# Hostile files.


def calls(function, *arguments):
    class Call:
        def __reduce__(self):
            return function, arguments

    return Call()


def ran(folder):
    return folder / "ran"


LOAD = torch.storage._load_from_bytes

HOSTILE = {
    "os.system": (lambda f: pickle.dumps(calls(os.system, f"touch {ran(f)}")), r"`posix.system`"),
    "eval": (lambda f: pickle.dumps(calls(eval, f"open({str(ran(f))!r}, 'w')")), r"`builtins.eval`"),
    "open": (lambda f: pickle.dumps(calls(open, str(ran(f)), "w")), r"`_?io.open`"),
    "nested": (lambda f: pickle.dumps({"a": [(OrderedDict(x=calls(os.mkdir, str(ran(f)))),)]}), r"`posix.mkdir`"),
    "in a state": (
        lambda f: pickle.dumps(argparse.Namespace(x=calls(os.mkdir, str(ran(f))))),
        r"`posix.mkdir`",
    ),
    "getattr": (lambda f: pickle.dumps(calls(getattr, "", "join")), r"`builtins.getattr`"),
    "instance": (lambda f: f"(S'touch {ran(f)}'\nios\nsystem\n.".encode(), r"INST \(os system\)"),
    "by string": (lambda f: b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x04true\x85R.", r"`os.system`"),
    "dotted": (lambda f: b"\x80\x04\x8c\x05torch\x8c\x0dserialization\x93.", r"`torch.serialization`"),
    "extension": (lambda f: b"\x80\x02\x82\x01.", "EXT1"),
    "a value called": (lambda f: b"\x80\x02ctorch\nFloatStorage\n)R.", r"calls `torch.FloatStorage`"),
    "attributes of constructors": (lambda f: b"\x80\x02ccollections\nOrderedDict\n}b.", "_Global, which is refused"),
    "a pickle within a storage": (
        lambda f: pickle.dumps(calls(LOAD, pickle.dumps(calls(os.mkdir, str(ran(f)))))),
        r"`posix.mkdir`",
    ),
    "storages within storages": (
        lambda f: pickle.dumps(calls(LOAD, pickle.dumps(calls(LOAD, b"")))),
        r"`torch.storage._load_from_bytes`",
    ),
    "a key that hashes for ever": (lambda f: b"\x80\x02}" + b")" + b"2\x86" * 200 + b"K\x01s.", "tuple where only"),
    "a huge memo": (lambda f: b"\x80\x02]r\xff\xff\xff\x7f.", None),
    "huge bytes": (lambda f: b"\x80\x05\x96" + struct.pack("<Q", 2**45) + b".", "damaged"),
    "huge array": (
        lambda f: pickle.dumps(np.zeros(3), 2).replace(b"K\x03\x85", b"J\xff\xff\xff\x7f\x85"),
        "expected 171798691",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_pickles_run_nothing_and_are_named(path, tmp_path, name):
    make, words = HOSTILE[name]
    path.write_bytes(make(tmp_path))
    if words is None:
        assert read_pickle(path) == []
    else:
        with pytest.raises(SceneshiftError, match=words) as error:
            read_pickle(path)
        assert str(path) in str(error.value)
    torch.save({"x": 1}, path)  # the same inside a file of torch
    repack(path, {"data.pkl": make(tmp_path)})
    if words is not None:
        with pytest.raises(SceneshiftError):
            read_torch(path)
    np.save(tmp_path / "d.npy", {}, allow_pickle=True)
    header = (tmp_path / "d.npy").read_bytes()[:128]
    (tmp_path / "d.npy").write_bytes(header + make(tmp_path))
    with pytest.raises(SceneshiftError):
        read_npy(tmp_path / "d.npy")
    assert not ran(tmp_path).exists()


def repack(path, change, compression=zipfile.ZIP_STORED):
    """The file of torch with some of its records changed."""
    with zipfile.ZipFile(path) as archive:
        records = {info.filename: archive.read(info) for info in archive.infolist()}
    folder = next(iter(records)).split("/")[0]
    records |= {name if name.startswith("/") else f"{folder}/{name}": raw for name, raw in change.items()}
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, raw in records.items():
            archive.writestr(name, raw)


def changed_program(path, old, new):
    torch.save({"w": torch.zeros(4)}, path)
    with zipfile.ZipFile(path) as archive:
        program = next(archive.read(name) for name in archive.namelist() if name.endswith("data.pkl"))
    assert old in program
    repack(path, {"data.pkl": program.replace(old, new)})


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (b"K\x04\x85", b"J\xff\xff\xff\x7f\x85", "storage of 4 values"),  # a larger tensor than its storage
        (b"K\x01\x85", b"J\xff\xff\xff\x7f\x85", "storage of 4 values"),  # a stride that leaves it
        (b"K\x01\x85", b"J\xff\xff\xff\xff\x85", "impossible sizes"),  # one that goes back
        (b"K\x00K\x04\x85", b"K\x01K\x04\x85", "storage of 4 values"),  # an offset
        (b"K\x04tq", b"J\xff\xff\xff\x7ftq", "has 16 bytes, expected 8589934588"),  # a larger storage than its record
        (b"FloatStorage", b"DoubleStorage", "has 16 bytes, expected 32"),
        (b"X\x01\x00\x00\x000", b"X\x0b\x00\x00\x00/etc/passwd", "damaged.*no item"),  # a path instead of a key
        (b"X\x07\x00\x00\x00storage", b"X\x06\x00\x00\x00module", "something else than a whole storage"),
    ],
)
def test_tensors_that_lie_about_their_storage_are_refused(path, old, new, words):
    changed_program(path, old, new)
    with pytest.raises(SceneshiftError, match=words):
        read_torch(path)


def test_zip_bombs_and_foreign_zips_are_refused_before_they_are_read(path):
    torch.save({"w": torch.zeros(4)}, path)
    repack(path, {"data/0": bytes(50_000_000)}, zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 100_000
    with pytest.raises(SceneshiftError, match="compressed, which torch never does"):
        read_torch(path)
    torch.save({"w": torch.zeros(4)}, path)
    raw = path.read_bytes()
    directory = raw.index(b"PK\x01\x02")
    path.write_bytes(raw[: directory + 24] + struct.pack("<I", 2**31) + raw[directory + 28 :])  # claims 2 GB
    with pytest.raises(SceneshiftError, match="claim 2,147,48"):
        read_torch(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("/etc/data.txt", b"x")
    with pytest.raises(SceneshiftError, match=r"no record data\.pkl"):
        read_torch(path)


@pytest.mark.filterwarnings("ignore:TypedStorage")
def test_storages_pickled_again_and_again_cannot_fill_the_memory(path):
    """One blob of 1 MB, a hundred storages made of it: more than the file holds."""
    blob = io.BytesIO()
    torch.save(torch.zeros(2**18).storage(), blob, _use_new_zipfile_serialization=False)
    loads = b"ctorch.storage\n_load_from_bytes\nq\x00"
    raw = b"B" + struct.pack("<I", len(blob.getvalue())) + blob.getvalue() + b"q\x01\x85R"
    path.write_bytes(b"\x80\x03]" + loads + raw + b"a" + b"h\x00h\x01\x85Ra" * 100 + b".")
    with pytest.raises(SceneshiftError, match="much more memory than the file is long"):
        read_pickle(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 4e6  # kilobytes


VIEW = b"ctorch._utils\n_rebuild_tensor_v2\nq\x01"


def storage_then(program, path, kilobytes=256):
    """A file of torch with one storage, at memo 2, and a pickle that goes on from there."""
    torch.save({"w": torch.zeros(kilobytes * 256)}, path)
    name = b"X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuJ"
    first = b"\x80\x02" + VIEW + b"0(" + name + struct.pack("<i", kilobytes * 256) + b"tQq\x020"
    repack(path, {"data.pkl": first + program + b"."})


def tensor_of(numel):
    """An instruction that makes a view of the storage at memo 2."""
    return b"h\x01(h\x02K\x00J" + struct.pack("<i", numel) + b"\x85K\x01\x85tR"


def entry(k):
    return b"X\x04\x00\x00\x00" + b"%04d" % k


def nested_modules(path):
    """A module within itself, under a name of 100,000 letters."""
    state = b"cargparse\nNamespace\n)Rq\x05}X\x08\x00\x00\x00_modules}X" + struct.pack("<I", 10**5) + b"m" * 10**5
    path.write_bytes(b"\x80\x02" + state + b"h\x05ssb.")


def memoised_dict_built_again_and_again(path):
    items = b"".join(entry(k) + b"N" for k in range(5000))
    path.write_bytes(b"\x80\x02}(" + items + b"uq\x05]" + b"cargparse\nNamespace\n)Rh\x05ba" * 5000 + b".")


def colliding_keys(path):
    keys = b"".join(b"\x8a\x0b" + (k * (2**61 - 1)).to_bytes(11, "little") + b"N" for k in range(1, 50_000))
    path.write_bytes(b"\x80\x02}(" + keys + b"u.")


def colliding_memo(path):
    puts = b"".join(b"p%d\n" % (k * (2**61 - 1)) for k in range(1, 50_000))
    path.write_bytes(b"\x80\x02]" + puts + b".")


def programs_within(path):
    """A thousand times the same pickle of four thousand instructions, within the file."""
    file = io.BytesIO()
    torch.save(torch.zeros(1).storage(), file, _use_new_zipfile_serialization=False)
    blob = b"\x80\x02" + b"N0" * 2000 + file.getvalue()[2:]
    raw = b"B" + struct.pack("<I", len(blob)) + blob + b"q\x01"
    path.write_bytes(
        b"\x80\x03ctorch.storage\n_load_from_bytes\nq\x00" + raw + b"00]" + b"h\x00h\x01\x85Ra" * 1000 + b"."
    )


GREEDY = {
    "views of one storage": lambda path: storage_then(
        b"}(" + b"".join(entry(k) + tensor_of(65536) for k in range(5000)) + b"u", path
    ),
    "one tensor under many names": lambda path: storage_then(
        tensor_of(65536) + b"q\x030}(" + b"".join(entry(k) + b"h\x03" for k in range(5000)) + b"u", path
    ),
    "a module within itself": nested_modules,
    "one dict given again and again": memoised_dict_built_again_and_again,
    "keys that hash alike": colliding_keys,
    "places that hash alike": colliding_memo,
    "lists of lists of lists": lambda path: path.write_bytes(
        b"\x80\x02]q\x00" + b"".join(b"](h%ch%ceq%c" % (k, k, k + 1) for k in range(60)) + b"."
    ),
    "a scalar as large as the file, many times": lambda path: path.write_bytes(
        b"\x80\x03cnumpy.core.multiarray\nscalar\nq\x00cnumpy\ndtype\nX\x07\x00\x00\x00S100000\x85Rq\x01"
        b"B\xa0\x86\x01\x00" + b"x" * 10**5 + b"q\x02]" + b"h\x00h\x01h\x02\x86Ra" * 5000 + b"."
    ),
    "programs within the program": programs_within,
}


@pytest.mark.parametrize("name", GREEDY)
@pytest.mark.filterwarnings("ignore:TypedStorage")
def test_small_files_do_not_ask_for_much_memory_or_time(path, name):
    GREEDY[name](path)
    assert path.stat().st_size < 2e6
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    with pytest.raises(SceneshiftError, match=str(path)):
        read_torch(path) if path.read_bytes()[:2] == b"PK" else read_pickle(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 120_000  # kilobytes
    assert time.process_time() - start < 10


def test_tensors_that_share_their_memory_are_read(path):
    weight = torch.randn(64, 64)
    torch.save({"model": {"w": weight}, "again": {"w": weight.T, "part": weight[3]}}, path)
    assert torch.equal(read_torch(path)["again"]["w"], weight.T)


def test_npy_arrays_and_dicts(tmp_path):
    path = tmp_path / "b.npy"
    array = np.asfortranarray(np.random.default_rng(0).normal(size=(1, 8)))
    np.save(path, array)
    np.testing.assert_array_equal(read_npy(path), array)
    np.save(path, {"boundary": array, "meta_data": {"manipulate_layers": "6-11"}}, allow_pickle=True)
    found = read_npy(path)
    np.testing.assert_array_equal(found["boundary"], array)
    assert found["meta_data"] == {"manipulate_layers": "6-11"}
    np.save(path, array)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(SceneshiftError, match=r"63 bytes, expected 64"):
        read_npy(path)


def test_missing_empty_and_foreign_files_are_named(tmp_path):
    for read in (read_pickle, read_torch, read_npy):
        with pytest.raises(SceneshiftError, match=r"nowhere.*No such file"):
            read(tmp_path / "nowhere")
        for content in (b"", b"\x89PNG\r\n\x1a\n", b"PK\x03\x04", b"{}", bytes(100)):
            (tmp_path / "f").write_bytes(content)
            with pytest.raises(SceneshiftError, match=str(tmp_path / "f")):
                read(tmp_path / "f")
