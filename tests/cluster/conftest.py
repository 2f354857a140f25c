"""A day on a small cluster, made once: a whole run, and trainings to which all happens that happens to jobs."""

import shutil
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from cluster.runs import LONGER, TINY, TRAINED, Run, Sight, hold_until
from cluster.slurm_on_loopback import Cluster, PackagesUnavailable, cache_folder, unpacked_packages, wait_until

OPTIONS = "--signal=USR1@120 --open-mode=append"  # as in the profile


@dataclass
class Day:
    """What was made, and what was seen on the cluster."""

    whole: Run  # of the whole workflow
    shards: list[list[Sight]]  # at work, at every moment until all were there
    shards_done: threading.Event
    trainings: dict[str, Run]
    faults: dict[str, int]  # the numbers of the jobs that they happened to
    drawn: dict[str, dict[int, int]]  # each training's sheets of samples when its first fault happened
    undisturbed: Run  # the same training, without a cluster


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    try:
        root = unpacked_packages(cache_folder())
    except PackagesUnavailable as reason:
        pytest.skip(f"no SLURM to test on: {reason}")
    with Cluster(root, tmp_path_factory.mktemp("slurm") / "c") as running:
        yield running


@pytest.fixture(scope="session")
def day(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Day:
    """All at the same time: the whole workflow, and four trainings that are disturbed."""
    started = Run(tmp_path_factory.mktemp("started"), TINY)
    started.start(TRAINED)
    started.finish()

    def goes_on(name: str, on: Cluster | None, node: str = "n1", **resources: Any) -> Run:
        folder = tmp_path_factory.mktemp("trainings") / name
        shutil.copytree(started.folder, folder)
        resources = {"gpu": 0, "slurm_partition": "cpu", "slurm_extra": f"'{OPTIONS} --nodelist={node}'", **resources}
        return Run(folder, LONGER, on, resources, first_look=3)

    trainings = {
        "warned": goes_on("warned", cluster),
        "timed out": goes_on("timed_out", cluster),
        "cancelled": goes_on("cancelled", cluster, mem_mb="250 * 8 ** (attempt - 1)"),
        "requeued": goes_on("requeued", cluster, "n2", slurm_partition="scavenge", mem_mb=300000),
    }
    whole = Run(tmp_path_factory.mktemp("whole"), TINY, cluster)
    day = Day(whole, [], threading.Event(), trainings, {}, {}, goes_on("undisturbed", None))
    with ThreadPoolExecutor() as threads:
        whole.start()
        work = [threads.submit(faults, day) for faults in (warn, time_out, cancel, requeue)]
        watch_shards(day)
        day.undisturbed.start(TRAINED)
        for run in (whole, day.undisturbed):
            run.finish()
        for faults in work:
            faults.result()
    return day


def watch_shards(day: Day) -> None:
    while day.whole.process.poll() is None and not (day.whole.folder / "results/tiny/synthesis.h5").exists():
        day.shards.append([sight for sight in day.whole.at_work() if sight.stage == "synthesize"])
        time.sleep(0.2)
    day.shards_done.set()


def warn(day: Day) -> None:
    """SLURM's warning before the time limit."""
    _shorten(day, "warned", 2, signal.SIGUSR1)


def time_out(day: Day) -> None:
    """The time limit itself, for a training too busy to hear the warning."""
    _shorten(day, "timed out", 1, signal.SIGTERM)


def _shorten(day: Day, name: str, minutes: int, number: int) -> None:
    run = day.trainings[name]
    run.start(TRAINED)
    training = run.train_on()
    day.drawn[name], day.faults[name] = run.sheets(), run.running()
    run.cluster.run("scontrol", "update", f"JobId={day.faults[name]}", f"TimeLimit={minutes}")
    hold_until(training, number)
    run.finish()


def cancel(day: Day) -> None:
    """Killed for memory, by the little that its first attempt asks for; then cancelled."""
    run = day.trainings["cancelled"]
    run.start(TRAINED)
    run.train_on()
    day.drawn["cancelled"] = run.sheets()
    day.faults["cancelled"] = run.running()
    run.cluster.run("scancel", str(day.faults["cancelled"]))
    run.finish()


def requeue(day: Day) -> None:
    """Preempted by a job of another partition; its node goes down and comes back; the controller is gone for 30 s."""
    run, cluster = day.trainings["requeued"], day.whole.cluster
    run.start(TRAINED)
    training = run.train_on()
    day.drawn["requeued"] = run.sheets()
    day.faults["requeued"] = number = run.running()
    urgent = ["--partition=urgent", "--nodelist=n2", "--mem=300000", "--output=/dev/null", "--wrap=true"]
    cluster.run("sbatch", *urgent)
    hold_until(training, signal.SIGTERM)
    run.train_on().suspend()
    day.shards_done.wait()
    cluster.kill_node("n2")
    wait_until(lambda: run.job(number).state == "PENDING", 60, "SLURM to notice")
    cluster.start_node("n2")
    run.train_on()
    cluster.kill_controller()
    time.sleep(30)
    cluster.start_controller()
    run.finish()
