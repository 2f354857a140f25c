"""A stack machine that runs other people's pickles as data: it builds containers, tensors and inert state, and no more.

A pickle is a program. Only the instructions that build containers are run here, and of the globals that it may name a
few are known, each with a constructor of this module's own: nothing that a file names is ever imported or called.
What is made on the way is at most four times as large as the file and 16 MB more (`Budget`), and so is what comes out,
with all that it refers to counted once for every place that refers to it (`weigh`): whoever copies it then, place by
place, does not fill the memory either. So small files cannot ask for much memory or time.
"""

import math
import pickle
import pickletools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import IO, Any

import numpy as np
import torch

MOST_STEPS = 500_000  # instructions, and places in the result: a checkpoint with its optimizers has some 50,000
COPIES, ROOM = 4, 2**24  # what may be made, in lengths of the file, and in bytes beyond that
OBJECT = 64  # bytes that a container, a place in one, or a view is counted as
KEYS = str | bytes | int | float | bool | None  # of dicts and sets: hashing nested tuples can take for ever
LARGEST_KEY = 2**61 - 2  # whole numbers up to here hash differently; a dict of keys that hash alike takes for ever

STORAGES = {
    f"{module}.{name}Storage": dtype
    for module in ("torch", "torch.cuda")
    for name, dtype in {
        "Float": torch.float32, "Double": torch.float64, "Half": torch.float16, "BFloat16": torch.bfloat16,
        "Long": torch.int64, "Int": torch.int32, "Short": torch.int16, "Char": torch.int8, "Byte": torch.uint8,
        "Bool": torch.bool,
    }.items()
}  # fmt: skip
DICTS = {"collections.OrderedDict", "collections.Counter", "dnnlib.util.EasyDict", "easydict.EasyDict"}
STATES = {"argparse.Namespace", "dnnlib.tflib.network.Network", "tfutil.Network"}
NAMED_ONLY = {"numpy.ndarray", *STORAGES, *map(str, STORAGES.values())}  # arguments, never called

# their arguments are values; pickletools decodes Python 2's byte strings as latin1
VALUES = {
    "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT", "STRING",
    "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "BINBYTES",
    "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8",
}  # fmt: skip
CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
EMPTY = {"EMPTY_LIST": list, "EMPTY_DICT": dict, "EMPTY_SET": set}


@dataclass
class State:
    """An object of a class that only its own code base could build: the class's name and its attributes."""

    class_name: str
    fields: dict[str, Any] = field(default_factory=dict)


@dataclass
class Storage:
    """The values that tensors are views of. Its memory may be filled after the tensors are made."""

    memory: bytearray
    values: torch.Tensor  # [numel], sharing that memory


class Budget:
    """What may still be made of a file of `size` bytes: memory, and steps that cost time."""

    def __init__(self, size: int) -> None:
        self.size, self.left, self.steps = size, COPIES * size + ROOM, MOST_STEPS

    def spend(self, amount: int) -> None:
        """Count `amount` bytes."""
        self.left -= amount
        require(self.left >= 0, "it asks for much more memory than the file is long")

    def step(self, count: int = 1) -> None:
        """Count `count` instructions or places."""
        self.steps -= count
        require(self.steps >= 0, f"it has more than {MOST_STEPS:,} instructions, or places in what it describes")


def weigh(content: Any, budget: Budget) -> None:
    """Count what a pickle described, once for every place that refers to it: what is within itself has no end.

    Keys count with all those above them, as names are put together from them.
    """
    pending = [(content, 0)]
    while pending:
        value, path = pending.pop()
        budget.spend(OBJECT)
        match value:
            case torch.Tensor():
                budget.spend(value.numel() * value.element_size())
            case np.ndarray() if value.dtype.hasobject:
                budget.step(value.size)
                pending += [(inner, path) for inner in value.reshape(-1)]
            case np.ndarray() | np.generic():
                budget.spend(value.nbytes)
            case Storage():
                budget.spend(len(value.memory))
            case State():
                pending.append((value.fields, path + len(value.class_name)))
            case str() | bytes() | bytearray():
                budget.spend(len(value))
            case int():
                budget.spend(value.bit_length() // 8)
            case dict():
                budget.step(len(value))
                for key, inner in value.items():
                    length = path + (len(key) if isinstance(key, str | bytes) else OBJECT)
                    budget.spend(length)
                    pending.append((inner, length))
            case list() | tuple() | set():
                budget.step(len(value))
                pending += [(inner, path) for inner in value]


def new_storage(dtype: torch.dtype, numel: int, budget: Budget) -> Storage:
    """Memory for `numel` values, within the budget."""
    budget.spend(numel * dtype.itemsize)
    memory = bytearray(numel * dtype.itemsize)
    return Storage(memory, torch.frombuffer(memory, dtype=dtype) if numel else torch.empty(0, dtype=dtype))


def require(condition: bool, otherwise: str) -> None:
    """Raise UnpicklingError, to which the reader adds the file's name."""
    if not condition:
        raise pickle.UnpicklingError(otherwise)


def checked(value: Any, kind: Any) -> Any:
    """`value`, if it is of that type."""
    if not isinstance(value, kind):
        wanted = getattr(kind, "__name__", kind)
        raise pickle.UnpicklingError(f"it uses a {type(value).__name__} where only {wanted} is allowed")
    return value


def product(sizes: tuple[int, ...]) -> int:
    """The product of sizes, which must be plain counts: none below zero, no huge numbers."""
    plain = len(checked(sizes, tuple)) <= 8 and all(type(size) is int and 0 <= size < 2**40 for size in sizes)
    require(plain, "impossible sizes")
    return math.prod(sizes)


class Machine:
    """Runs one pickle from `file`, and leaves `file` at the end of it.

    `storage(dtype, key, numel)` gives the storages that a file of torch refers to; `storage_of(bytes)` reads one that
    was pickled whole, as a file within the file.
    """

    def __init__(
        self,
        file: IO[bytes],
        budget: Budget,
        storage: Callable[[torch.dtype, str, int], Storage] | None = None,
        storage_of: Callable[[bytes], Storage] | None = None,
    ) -> None:
        self.file, self.budget, self.storage = file, budget, storage
        self.stack: list[Any] = []
        self.marked: list[list[Any]] = []
        self.memo: dict[int, Any] = {}
        self.constructors: dict[str, Callable[..., Any]] = {
            "builtins.set": self._set,
            "__builtin__.set": self._set,
            "_codecs.encode": self._encoded,
            "torch.Size": lambda sizes: checked(sizes, tuple),
            "torch.device": lambda *_: None,  # everything is read to the CPU
            "torch._utils._rebuild_tensor": self._tensor,
            "torch._utils._rebuild_tensor_v2": self._tensor,
            "torch._utils._rebuild_parameter": lambda tensor, *_: checked(tensor, torch.Tensor),
            "torch_utils.persistence._reconstruct_persistent_obj": _persisted,
            "numpy.dtype": lambda code, *_: _DType(checked(code, str)),
            **dict.fromkeys(DICTS, self._dict),
            **{name: (lambda name=name: State(name)) for name in STATES},
        }
        for core in ("numpy.core.multiarray", "numpy._core.multiarray"):
            self.constructors[f"{core}._reconstruct"] = lambda *_: np.zeros(0, np.uint8)
            self.constructors[f"{core}.scalar"] = self._scalar
        if storage_of:
            self.constructors["torch.storage._load_from_bytes"] = storage_of

    def run(self) -> Any:
        """The object that the pickle describes."""
        for opcode, argument, _ in pickletools.genops(self.file):
            self.budget.step()
            if opcode.name != "STOP":
                self._step(opcode.name, argument)
        return self.stack.pop()

    def _step(self, name: str, argument: Any) -> None:
        stack = self.stack
        match name:
            case "PROTO" | "FRAME":
                pass
            case _ if name in VALUES:
                stack.append(argument)
            case _ if name in CONSTANTS:
                stack.append(CONSTANTS[name])
            case _ if name in EMPTY:
                self.budget.spend(OBJECT)
                stack.append(EMPTY[name]())
            case "MARK":
                self.marked.append(stack)
                self.stack = []
            case "POP":
                stack.pop()
            case "POP_MARK":
                self._since_mark()
            case "DUP":
                stack.append(stack[-1])
            case "LIST" | "TUPLE" | "DICT":
                items = self._since_mark()
                self.budget.spend(OBJECT * (1 + len(items)))
                made = _filled({}, items) if name == "DICT" else tuple(items) if name == "TUPLE" else items
                self.stack.append(made)
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                parts = [stack.pop() for _ in range(int(name[-1]))]
                stack.append(tuple(reversed(parts)))
            case "APPEND":
                value = stack.pop()
                checked(stack[-1], list).append(value)
            case "SETITEM":
                value, key = stack.pop(), stack.pop()
                _filled(checked(stack[-1], dict), [key, value])
            case "APPENDS":
                items = self._since_mark()
                checked(self.stack[-1], list).extend(items)
            case "SETITEMS":
                items = self._since_mark()
                _filled(checked(self.stack[-1], dict), items)
            case "ADDITEMS":
                items = self._since_mark()
                checked(self.stack[-1], set).update(map(_key, items))
            case "PUT" | "BINPUT" | "LONG_BINPUT":
                require(argument <= LARGEST_KEY, "impossible places in its memo")
                self.memo[argument] = stack[-1]
            case "MEMOIZE":
                self.memo[len(self.memo)] = stack[-1]
            case "GET" | "BINGET" | "LONG_BINGET":
                stack.append(self.memo[argument])
            case "GLOBAL":
                stack.append(self._global(argument.replace(" ", ".", 1)))
            case "STACK_GLOBAL":
                attribute, module = stack.pop(), stack.pop()
                stack.append(self._global(f"{checked(module, str)}.{checked(attribute, str)}"))
            case "REDUCE" | "NEWOBJ":
                arguments, made_by = checked(stack.pop(), tuple), checked(stack.pop(), _Global).name
                require(made_by in self.constructors, f"it calls `{made_by}`, which is refused")
                stack.append(self.constructors[made_by](*arguments))
            case "BUILD":
                state = stack.pop()
                self._build(stack[-1], state)
            case "BINPERSID":
                stack.append(self._persistent(stack.pop()))
            case _:
                raise pickle.UnpicklingError(f"its instruction {name} ({argument!s:.80}) is refused")

    def _since_mark(self) -> list[Any]:
        items, self.stack = self.stack, self.marked.pop()
        return items

    def _global(self, name: str) -> "_Global":
        require(
            name in self.constructors or name in NAMED_ONLY,
            f"it asks for `{name:.100}`, which is refused: only plain containers, arrays, tensors and the state of"
            " modules are read from pickles, and nothing in them is run",
        )
        return _Global(name)

    def _build(self, target: Any, state: Any) -> None:
        match target:
            case State():
                self.budget.spend(OBJECT * len(checked(state, dict)))
                target.fields.update(state)
            case _DType():
                _, target.order, *structure = state[:5]
                require(structure == [None, None, None], "structured arrays are not read")
            case np.ndarray():
                self._fill_array(target, *state)
            case dict():
                pass  # attributes of an OrderedDict: torch's `_metadata`
            case _:
                raise pickle.UnpicklingError(f"it changes an object of type {type(target).__name__}, which is refused")

    def _fill_array(self, array: np.ndarray, _: int, shape: tuple, dtype: "_DType", fortran: bool, raw: Any) -> None:
        """Give an empty array its `shape`, [...], and its values."""
        made, count = checked(dtype, _DType).made(), product(shape)
        raw = checked(raw, list) if made.hasobject else _bytes(raw)
        found, wanted = len(raw), count if made.hasobject else count * made.itemsize
        require(found == wanted, f"an array of shape {shape}, {made}, has {found} bytes, expected {wanted}")
        self.budget.spend(found)
        array.__setstate__((1, shape, made, bool(fortran), raw))

    def _scalar(self, dtype: "_DType", raw: Any) -> np.generic:
        made, raw = checked(dtype, _DType).made(), _bytes(raw)
        self.budget.spend(len(raw))
        require(not made.hasobject and len(raw) == made.itemsize > 0, f"a number, {made}, has {len(raw)} bytes")
        return np.frombuffer(raw, made)[0]

    def _dict(self, items: Any = ()) -> dict:
        self.budget.spend(OBJECT * (1 + len(items)))
        pairs = items.items() if isinstance(items, dict) else items
        return _filled({}, [part for key, value in pairs for part in (key, value)])

    def _set(self, items: Any = ()) -> set:
        self.budget.spend(OBJECT * (1 + len(items)))
        return set(map(_key, items))

    def _encoded(self, text: str, encoding: str = "latin1") -> bytes:
        require(encoding in ("latin1", "latin-1"), "it encodes text in other ways than latin1")
        self.budget.spend(len(checked(text, str)))
        return text.encode("latin1")

    def _persistent(self, identifier: Any) -> Storage:
        require(self.storage is not None, "it refers to storages that lie elsewhere")
        kind, dtype, key, _, numel, *view = checked(identifier, tuple)
        require(kind == "storage" and view in ([], [None]), "it refers to something else than a whole storage")
        require(checked(dtype, _Global).name in STORAGES, f"{dtype.name} is not a storage")
        product((numel,))
        return self.storage(STORAGES[dtype.name], checked(key, str), numel)

    def _tensor(self, storage: Storage, offset: int, size: tuple, stride: tuple, *_: Any) -> torch.Tensor:
        values, numel = checked(storage, Storage).values, product(size)
        self.budget.spend(OBJECT)
        product((offset,))
        product(stride)
        require(len(size) == len(stride), f"a tensor has {len(size)} sizes and {len(stride)} strides")
        if numel == 0:
            return values.new_empty(size)
        last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
        require(max(numel - 1, last) < len(values), f"a tensor of shape {size} has a storage of {len(values)} values")
        return values.as_strided(size, stride, offset)


@dataclass(frozen=True)
class _Global:
    """The name of something that a pickle refers to: a constructor, or the argument of one."""

    name: str


@dataclass
class _DType:
    """A numpy dtype being built: its code, and the byte order that comes later."""

    code: str
    order: str = "="

    def made(self) -> np.dtype:
        require(len(self.code) < 16, "an array of an unusual dtype")
        dtype = np.dtype(self.order.replace("|", "=") + self.code)
        require(dtype.kind in "biufcSUO" and dtype.subdtype is None, "an array of an unusual dtype")
        return dtype


def _persisted(meta: dict[str, Any]) -> State:
    """A module by torch_utils.persistence: its state. The source that it brings stays text."""
    return State(checked(meta["class_name"], str), checked(meta["state"], dict))


def _filled(target: dict, items: list[Any]) -> dict:
    for key, value in zip(items[::2], items[1::2], strict=True):
        target[_key(key)] = value
    return target


def _key(value: Any) -> Any:
    """A value that may stand in a dict or a set."""
    require(not isinstance(checked(value, KEYS), int) or abs(value) <= LARGEST_KEY, "huge numbers as keys")
    return value


def _bytes(raw: Any) -> bytes:
    return raw.encode("latin1") if isinstance(raw, str) else checked(raw, bytes)  # str: from Python 2
