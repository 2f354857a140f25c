"""A real SLURM on loopback, from Debian's packages unpacked without installing them and without root.

Two nodes with two fake GPUs each, on one machine. CPUs, memory and GPUs are only counted; memory limits and time limits
are enforced. For looking around by hand, a shell inside such a cluster, which stops when the shell is left:

    python tests/cluster/slurm_on_loopback.py
"""

import contextlib
import os
import platform
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil

PACKAGES = ["slurmctld", "slurmd", "slurm-client", "slurm-wlm-basic-plugins", "munge", "libmunge2", "libhwloc15"]
# Without accounting there is nothing to ask sacct, and Snakemake's plugin asks it where it is there: no sacct.
COMMANDS = ["sacctmgr", "sbatch", "scancel", "scontrol", "sinfo", "squeue", "srun", "sshare"]
NODES = ("n1", "n2")
GPUS = 2  # a node
MARK = "SCENESHIFT_TEST_CLUSTER"  # in the environment of every process of a cluster

CONFIGURATION = """\
ClusterName=loopback
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
CredType=cred/munge
# a requeued job starts again when its old credential has expired
AuthInfo=socket={folder}/munge.socket,cred_expire=10
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
PluginDir={plugins}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.%n.pid
SlurmctldLogFile={folder}/log/slurmctld.log
SlurmdLogFile={folder}/log/slurmd.%n.log
MailProg=/bin/true
# no cgroups, no binding
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SlurmdParameters=config_overrides
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
GresTypes=gpu
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
# impatient: a silent node is down after 10 s, a job has 10 s between SIGTERM and SIGKILL
SlurmdTimeout=10
MessageTimeout=5
KillWait=10
ReturnToService=2
MinJobAge=900
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=2,sched_min_interval=0,bf_interval=2,batch_sched_delay=0
NodeName=DEFAULT CPUs=64 RealMemory=512000 Gres=gpu:fake:{gpus}
NodeName=n[1-2] NodeAddr=127.0.0.1 NodeHostname={host} Port=[{node_ports}]
PartitionName=cpu Nodes=ALL Default=YES PriorityTier=10 PreemptMode=OFF
PartitionName=gpu Nodes=ALL PriorityTier=10 PreemptMode=OFF
PartitionName=scavenge Nodes=ALL PriorityTier=1
PartitionName=urgent Nodes=ALL PriorityTier=100 PreemptMode=OFF
"""


class PackagesUnavailable(Exception):  # noqa: N818  (a reason to skip)
    """SLURM's packages cannot be had on this machine."""


def unpacked_packages(cache: Path) -> Path:
    """The folder below `cache` with SLURM's packages and the libraries that they need here; made if it is not there."""
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        raise PackagesUnavailable("SLURM's packages come through apt-get and dpkg-deb, which are not on this machine")
    system = platform.freedesktop_os_release()
    root = cache / f"slurm-{system['ID']}-{system.get('VERSION_ID', 'rolling')}-{platform.machine()}"
    if root.exists():
        return root
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as temporary:
        debs, new = Path(temporary, "debs"), Path(temporary, "root")
        debs.mkdir()
        try:
            _download(debs, [])
        except PackagesUnavailable:  # no package lists on this machine, or old ones: fetch some, not the system's
            for name in ("lists/partial", "cache/archives/partial"):
                Path(temporary, name).mkdir(parents=True)
            own = ["-o", f"Dir::State::Lists={temporary}/lists", "-o", f"Dir::Cache={temporary}/cache"]
            _apt([*own, "update"], debs)
            _download(debs, own)
        for deb in debs.glob("*.deb"):
            subprocess.run(["dpkg-deb", "-x", deb, new], check=True)
        for daemon in ("slurmctld", "slurmd", "slurmstepd"):  # GPUs are read only by a daemon of the plain name
            if (new / "usr/sbin" / f"{daemon}-wlm").exists():
                (new / "usr/sbin" / daemon).symlink_to(f"{daemon}-wlm")
        new.rename(root)
    return root


def _download(folder: Path, options: list[str]) -> None:
    planned = _apt([*options, "install", "--simulate", "--no-install-recommends", *PACKAGES], folder)
    lacking = {line.split()[1] for line in planned.splitlines() if line.startswith("Inst")}
    _apt([*options, "download", *sorted({*PACKAGES, *lacking})], folder)


def _apt(arguments: list[str], folder: Path) -> str:
    done = subprocess.run(["apt-get", "-q", *arguments], cwd=folder, capture_output=True, text=True)
    if done.returncode != 0:
        reasons = [line for line in done.stderr.splitlines() if line.startswith("E:")]
        raise PackagesUnavailable(f"apt-get {arguments[-1]}: {'; '.join(reasons) or done.stderr}")
    return done.stdout


class Cluster:
    """A running cluster: `with Cluster(root, folder) as cluster`. It ends what it started, and nothing else."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.root, self.folder = root, folder
        self.daemons: dict[str, subprocess.Popen] = {}
        self.library = next((root / "usr/lib").glob("*-linux-*"))  # Debian's name of the architecture
        self.ports = free_ports(1 + len(NODES))

    def __enter__(self) -> "Cluster":
        self.former_handler = signal.signal(signal.SIGTERM, self._leave)
        for name in ("state", "log", "bin", "gpu", *(f"spool/{node}" for node in NODES)):
            (self.folder / name).mkdir(parents=True)
        self.folder.chmod(0o755)
        self._write_files()
        try:
            self._start(
                "munged",
                "--foreground",
                "--force",
                f"--key-file={self.folder}/munge.key",
                f"--socket={self.folder}/munge.socket",
                f"--pid-file={self.folder}/munge.pid",
                f"--log-file={self.folder}/log/munged.log",
                f"--seed-file={self.folder}/munge.seed",
            )
            wait_until(lambda: (self.folder / "munge.socket").exists(), 10, "munged")
            self.start_controller()
            for node in NODES:
                self.start_node(node)
            wait_until(lambda: len(self.idle_nodes()) == len(NODES), 30, f"the nodes (logs: {self.folder}/log)")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for daemon in self.daemons:
            self._kill(daemon)
        for process, _ in self.processes():
            process.kill()
        signal.signal(signal.SIGTERM, self.former_handler)

    def _leave(self, *_: object) -> None:
        self.__exit__()
        raise SystemExit(143)

    def start_controller(self) -> None:
        self._start("slurmctld", "-D", "-f", self.folder / "slurm.conf")

    def start_node(self, node: str) -> None:
        stepd = self.root / "usr/sbin/slurmstepd"
        self._start("slurmd", "-D", "-N", node, "-f", self.folder / "slurm.conf", "-d", stepd, name=node)

    def kill_controller(self) -> None:
        self._kill("slurmctld")

    def kill_node(self, node: str) -> None:
        """As a power cut: the node's daemon and all of its jobs, before any of them can tell the controller."""
        lost = [process for process, its_node in self.processes() if its_node == node]
        for process in lost:
            process.suspend()
        self._kill(node)
        for process in lost:
            process.kill()

    def environment(self) -> dict[str, str]:
        """For processes that are to find this cluster."""
        return {
            **os.environ,
            MARK: str(self.folder),
            "PATH": f"{self.folder}/bin{os.pathsep}{os.environ['PATH']}",
        }

    def run(self, *command: str, check: bool = True) -> str:
        """A command such as squeue; what it said."""
        done = subprocess.run(command, env=self.environment(), capture_output=True, text=True, timeout=60)
        assert not check or done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    def idle_nodes(self) -> list[str]:
        return self.run("sinfo", "-h", "-N", "-p", "cpu", "-t", "idle", "-o", "%N", check=False).split()

    def processes(self) -> list[tuple[psutil.Process, str]]:
        """All processes that found this cluster through `environment` or run in its jobs, with their node or "".

        Neither the daemons nor this process are among them.
        """
        mine = {os.getpid(), *(daemon.pid for daemon in self.daemons.values())}
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):  # gone, or somebody else's
                environment = process.environ()
                if environment.get(MARK) == str(self.folder):
                    found.append((process, environment.get("SLURMD_NODENAME", "")))
                elif process.name().startswith("slurmstepd"):  # has lost its environment, but has its node's log open
                    files = {file.path for file in process.open_files()}
                    nodes = [node for node in NODES if f"{self.folder}/log/slurmd.{node}.log" in files]
                    found += [(process, node) for node in nodes]
        return [(process, node) for process, node in found if process.pid not in mine]

    def _start(self, program: str, *arguments: object, name: str | None = None) -> None:
        name = name or program
        with open(self.folder / "log" / f"{name}.out", "ab") as log:
            self.daemons[name] = subprocess.Popen(
                [self.root / "usr/sbin" / program, *map(str, arguments)],
                env={**self.environment(), "LD_LIBRARY_PATH": self._libraries()},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _kill(self, name: str) -> None:
        self.daemons[name].kill()
        self.daemons[name].wait()

    def _libraries(self) -> str:
        return f"{self.library}:{self.library}/slurm-wlm"

    def _write_files(self) -> None:
        host, user = socket.gethostname().split(".")[0], psutil.Process().username()
        text = CONFIGURATION.format(
            host=host,
            user=user,
            folder=self.folder,
            plugins=self.library / "slurm-wlm",
            gpus=GPUS,
            port=self.ports[0],
            node_ports=",".join(map(str, self.ports[1:])),
        )
        (self.folder / "slurm.conf").write_text(text)
        for number in range(GPUS):  # a GPU needs a device file with a number
            (self.folder / "gpu" / f"fake{number}").symlink_to("/dev/null")
        devices = f"{self.folder}/gpu/fake[0-{GPUS - 1}]"
        (self.folder / "gres.conf").write_text(f"NodeName=n[1-2] Name=gpu Type=fake File={devices}\n")
        (self.folder / "cgroup.conf").write_text("CgroupPlugin=autodetect\n")
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o400)
        # Not through the environment: what Snakemake starts inside a job no longer has SLURM_CONF.
        for name in COMMANDS:
            script = self.folder / "bin" / name
            script.write_text(
                f"#!/bin/sh\nexport SLURM_CONF='{self.folder}/slurm.conf' LD_LIBRARY_PATH='{self._libraries()}'\n"
                f"exec '{self.root}/usr/bin/{name}' \"$@\"\n"
            )
            script.chmod(0o755)


def wait_until(condition: Callable[[], object], seconds: float, what: str) -> None:
    """Ask again ten times a second; TimeoutError after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds} s for {what}")
        time.sleep(0.1)


def free_ports(count: int) -> list[int]:
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = sorted(listener.getsockname()[1] for listener in listeners)
    for listener in listeners:
        listener.close()
    return ports


def cache_folder() -> Path:
    """Where unpacked packages are kept between runs."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sceneshift-tests"


if __name__ == "__main__":
    with (
        tempfile.TemporaryDirectory() as temporary,
        Cluster(unpacked_packages(cache_folder()), Path(temporary)) as loopback,
    ):
        subprocess.run([os.environ.get("SHELL", "/bin/sh")], env=loopback.environment())
