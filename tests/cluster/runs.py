"""A working directory with Snakemake at work in it, and what can be seen of its jobs on a cluster from outside."""

import contextlib
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import yaml

from cluster.slurm_on_loopback import Cluster, wait_until
from sceneshift.run.status import described, status_of

REPOSITORY = Path(__file__).parents[2]
PROFILE = REPOSITORY / "workflow" / "profiles" / "slurm" / "profile.yaml"
SNAKEMAKE = Path(sys.executable).parent / "snakemake"
TRAINED = "results/tiny/generator/generator.safetensors"
SNAPSHOT = 64  # images

# The whole workflow in as few jobs as show everything: three shards, one boundary, one translator.
TINY: dict[str, Any] = {
    "run": "tiny",
    "photos": {"source": "rendered", "count": 60, "resolution": 16},
    "generator": {
        "images": 128, "batch": 16, "z_dim": 16, "w_dim": 16, "mapping_layers": 2, "channel_base": 256,
        "channel_max": 16, "snapshot_images": SNAPSHOT, "frechet_images": 0,
    },
    "predictors": [{"kind": "photometric"}],
    "synthesis": {"count": 192, "shard_size": 64},
    "boundaries": {"attributes": ["brightness"], "examples": 60},
    "rescoring": {"count": 32},
    "edits": {"top": 0, "attributes": [{"attribute": "brightness", "distance": 2}]},
    "pairs": {"count": 24, "keep": {"source": 1, "edited": 0, "effect": 0, "others": 1000}},
    "translator": {
        "images": 48, "batch": 4, "width": 8, "downsamplings": 1, "blocks": 1, "perceptual": 0, "snapshot_images": 16,
    },
    "evaluation": {"count": 10, "judges": []},
}  # fmt: skip
LONGER = {**TINY, "generator": {**TINY["generator"], "images": 1280}}  # goes on from what TINY trained


@dataclass(frozen=True)
class Job:
    """What SLURM says of a job."""

    number: int
    rule: str
    state: str
    partition: str
    gpus: int
    minutes: int  # time limit
    megabytes: int
    restarts: int


@dataclass(frozen=True)
class Sight:
    """A stage at work, as seen from outside."""

    process: psutil.Process
    stage: str  # the command: synthesize, train-generator, …
    job: str
    node: str
    gpu: str


@dataclass
class Run:
    """A working directory, and Snakemake in it: on the cluster, or without one on this machine."""

    folder: Path
    config: dict[str, Any]
    cluster: Cluster | None = None
    resources: dict[str, Any] = field(default_factory=dict)  # of the training, other than the profile's
    first_look: int = 12  # seconds after a submission; most jobs are over by then
    profile: dict[str, Any] = field(default_factory=dict)  # other than in the one that ships
    process: subprocess.Popen | None = None

    def start(self, *targets: str) -> None:
        (self.folder / "config.yaml").write_text(yaml.safe_dump(self.config))
        where = ["--snakefile", REPOSITORY / "Snakefile", "--directory", self.folder]
        where += ["--workflow-profile", self._profile()] if self.cluster else ["--cores", "1"]
        with open(self.folder / "said.txt", "ab") as said:
            self.process = subprocess.Popen(
                [SNAKEMAKE, *targets, *where, "--configfile", self.folder / "config.yaml"],
                env=self.cluster.environment() if self.cluster else None,
                stdout=said,
                stderr=said,
            )

    def _profile(self) -> Path:
        """The profile that ships, but asking more often, since everything here takes seconds; and for single cores."""
        profile = yaml.safe_load(PROFILE.read_text())
        profile |= {"slurm-init-seconds-before-status-checks": self.first_look, "max-threads": 1}
        profile["set-resources"]["train_generator"] |= self.resources
        profile |= self.profile
        folder = self.folder / "profile"
        folder.mkdir()
        (folder / "profile.yaml").write_text(yaml.safe_dump(profile))
        return folder

    def finish(self) -> None:
        assert self.process.wait(600) == 0, self.said()

    def said(self) -> str:
        return (self.folder / "said.txt").read_text()

    def states(self) -> dict[str, list[str]]:
        """By stage, what `sceneshift status` says of its jobs."""
        stages = status_of(self.folder / "results" / "tiny").stages
        return {stage.rule: [job.state for job in stage.jobs] for stage in stages if stage.jobs}

    def status(self) -> str:
        """What `sceneshift status` prints."""
        return described(status_of(self.folder / "results" / "tiny"))

    def training(self) -> Path:
        return (self.folder / TRAINED).parent / "training"

    def sheets(self) -> dict[int, int]:
        """When each snapshot's sheet of samples was drawn, by images seen."""
        sheets = self.training().glob("samples-*.png")
        return {int(path.stem.removeprefix("samples-")): path.stat().st_mtime_ns for path in sheets}

    def train_on(self) -> psutil.Process:
        """Wait until the training has made another snapshot. Returns its process."""
        before = max(self.sheets())
        wait_until(lambda: self.process.poll() is not None or max(self.sheets()) > before, 300, "a snapshot")
        (training,) = self.trainings()
        return training

    def slurm_log(self, number: int) -> str:
        """What a job said."""
        (log,) = (self.folder / ".snakemake" / "slurm_logs").rglob(f"{number}.log")
        return log.read_text()

    def jobs(self) -> list[Job]:
        """All jobs of this working directory, those that are done too."""
        listed = self.cluster.run(
            "squeue",
            "--states=all",
            "--noheader",
            "--sort=i",
            "-O",
            "JobID:|,Comment:|,State:|,Partition:|,tres-per-job:|,TimeLimit:|,MinMemory:|,RestartCnt:|,WorkDir:|",
        )
        rows = [line.split("|") for line in listed.splitlines()]
        return [
            Job(
                int(number),
                re.sub("_wildcards_.*", "", comment.removeprefix("rule_")),
                state,
                partition,
                int(gpus.split(":")[-1]) if "gpu" in gpus else 0,
                _minutes(limit),
                _megabytes(memory),
                int(restarts),
            )
            for number, comment, state, partition, gpus, limit, memory, restarts, folder, _ in rows
            if Path(folder) == self.folder
        ]

    def job(self, number: int) -> Job:
        return next(job for job in self.jobs() if job.number == number)

    def running(self) -> int:
        """The number of the only job that runs now."""
        (job,) = [job for job in self.jobs() if job.state == "RUNNING"]
        return job.number

    def at_work(self) -> list[Sight]:
        """The processes of stages that run now, in any of this working directory's jobs."""
        sights = []
        for process, node in self.cluster.processes():
            with contextlib.suppress(psutil.Error):
                command, environment = process.cmdline(), process.environ()
                if command[1:3] == ["-m", "sceneshift"] and process.cwd() == str(self.folder):
                    gpu = environment.get("CUDA_VISIBLE_DEVICES", "")
                    sights.append(Sight(process, command[3], environment["SLURM_JOB_ID"], node, gpu))
        return sights

    def trainings(self) -> list[psutil.Process]:
        return [sight.process for sight in self.at_work() if sight.stage == "train-generator"]


def _minutes(limit: str) -> int:
    """`2-00:00:00` or `30:00`."""
    days, _, clock = limit.rpartition("-")
    hours, minutes, _ = [0, *map(int, clock.split(":"))][-3:]
    return int(days or 0) * 1440 + hours * 60 + minutes


def _megabytes(memory: str) -> int:
    return int(float(memory[:-1]) * {"M": 1, "G": 1024}[memory[-1]])


def hold_until(process: psutil.Process, number: int) -> None:
    """Stop the process until a signal waits for it, then let it go on and end: slow work that costs no core's time."""
    with contextlib.suppress(psutil.NoSuchProcess):
        process.suspend()
        wait_until(lambda: process.status() == psutil.STATUS_STOPPED, 10, "it to stop")
        wait_until(lambda: process.status() != psutil.STATUS_STOPPED or _pending(process, number), 150, "a signal")
        process.resume()
        process.wait(60)


def _pending(process: psutil.Process, number: int) -> bool:
    status = Path(f"/proc/{process.pid}/status").read_text()
    pending = int(re.search(r"^ShdPnd:\t(\w+)", status, flags=re.M)[1], 16)
    return bool(pending >> (number - 1) & 1)
