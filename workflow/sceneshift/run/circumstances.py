"""When, on what and with what a run's last command was started: for plan.json, and through it for the report."""

import os
import platform
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import sceneshift
from sceneshift.run.plan import Circumstances
from sceneshift.settings import Settings

SECONDS = 20  # that a program may take to answer


def circumstances(settings: Settings) -> Circumstances:
    """Those of the command that runs now."""
    return Circumstances(
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        machine=_machine(),
        commit=_commit(Path(sceneshift.__file__).parents[2]),
        config=settings.model_dump(mode="json", by_alias=True),
    )


def _machine() -> str:
    """`Intel Xeon, 2 logical cores, 8 GB, Linux 6.1`, and its GPUs."""
    cpu = platform.processor() or platform.machine()
    if (info := Path("/proc/cpuinfo")).exists() and (found := re.search(r"model name\s*: (.+)", info.read_text())):
        cpu = found[1]
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    gpus = re.findall(r"^GPU \d+: (.+?) \(", _said_by("nvidia-smi", "-L"), re.MULTILINE)
    system = f"{platform.system()} {platform.release()}"
    return ", ".join([cpu, f"{os.cpu_count()} logical cores", f"{memory / 2**30:.0f} GB", *gpus, system])


def _commit(checkout: Path) -> str:
    if not (checkout / ".git").exists():  # installed from a wheel: what lies around it is another project's
        return ""
    commit = _said_by("git", "-C", str(checkout), "rev-parse", "HEAD").strip()
    return commit + " + changes" * bool(commit and _said_by("git", "-C", str(checkout), "status", "--porcelain"))


def _said_by(*command: str) -> str:
    """What a program prints; nothing if it is not there, fails or hangs: a run starts without it."""
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return ""
