"""Whatever happens to a run, the plain command finishes it, with the boundaries and translators of a calm one.

`make torture` kills a run 60 times; the tests, a few times. test_kills.py has the kills in the middle of a training.
"""

import contextlib
import ctypes
import os
import random
import resource
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest

pytestmark = pytest.mark.slow

CAP_DAC_OVERRIDE, PR_CAPBSET_DROP = 1, 24  # linux/capability.h, linux/prctl.h: root without it heeds permissions


def results(run) -> dict[str, bytes]:
    """What a run is for."""
    paths = [*run.results.glob("boundaries/*.npz"), *run.results.glob("translators/*/translator.safetensors")]
    return {path.relative_to(run.results).as_posix(): path.read_bytes() for path in paths}


def jobs_of(snakemake: psutil.Process) -> list[psutil.Process]:
    """The sceneshift commands that run below it."""
    found = []
    with contextlib.suppress(psutil.Error):
        for child in snakemake.children(recursive=True):
            with contextlib.suppress(psutil.Error):
                if child.cmdline()[1:3] == ["-m", "sceneshift"]:
                    found.append(child)
    return found


def start(run, log, environment) -> subprocess.Popen:
    return subprocess.Popen(
        run.command(run.config()), stdout=log, stderr=subprocess.STDOUT, env=environment, start_new_session=True
    )


def kill_something(process: subprocess.Popen, dice: random.Random) -> str | None:
    """A job, everything, or Snakemake alone; politely or not. Returns what was killed; None if it had ended already."""
    number = dice.choice([signal.SIGKILL, signal.SIGTERM])
    whom = dice.choice(["job", "everything", "snakemake"])
    with contextlib.suppress(ProcessLookupError, psutil.Error):
        if whom == "everything":
            os.killpg(process.pid, number)
        elif whom == "snakemake":
            process.send_signal(number)
        elif jobs := jobs_of(psutil.Process(process.pid)):
            dice.choice(jobs).send_signal(number)
        else:
            return None
        return f"{number.name} to {whom}"
    return None


def damage(path: Path) -> None:
    """Flip a few bytes in the middle; the length stays."""
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 40] = bytes(255 - byte for byte in content[middle : middle + 40])
    path.write_bytes(content)


def some_output(run, dice: random.Random) -> Path | None:
    """A file of the run, of any kind: not a log, and not a snapshot, which nobody but the user may give up."""
    by_kind: dict[str, list[Path]] = {}
    for path in sorted(run.results.rglob("[!.]*")):
        apart = {"logs", "benchmarks"} & set(path.relative_to(run.results).parts)
        if path.is_file() and path.stat().st_size and not apart and path.name not in ("snapshot.pt", "lock"):
            by_kind.setdefault(path.suffix, []).append(path)
    return dice.choice(by_kind[dice.choice(sorted(by_kind))]) if by_kind else None


def test_a_run_killed_again_and_again_ends_as_a_calm_one(run, fresh, pytestconfig, clean_environment):
    wanted, seed = pytestconfig.getoption("--kills"), pytestconfig.getoption("--kills-seed")
    seed = random.randrange(10**6) if seed is None else seed
    print(f"\n--kills {wanted} --kills-seed {seed}", flush=True)
    dice, killed, rounds, began = random.Random(seed), [], 0, time.monotonic()
    process, log = None, fresh.folder / "log"
    while len(killed) < wanted:
        if process is None or process.poll() is not None:
            if process is not None and process.returncode == 0:  # finished between the kills: check it, and start anew
                assert results(fresh) == results(run), killed
                rounds += 1
                fresh.clear()
            process = start(fresh, open(log, "a"), clean_environment)  # noqa: SIM115  (ends with the test)
        deadline = time.monotonic() + dice.uniform(0, 12)
        while process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        if process.poll() is None and (what := kill_something(process, dice)):
            killed.append(what)
            print(f"{time.monotonic() - began:6.0f} s  {what}", flush=True)
            if what.endswith(("everything", "snakemake")):
                process.wait(timeout=300)
                if dice.random() < 0.3 and (victim := some_output(fresh, dice)):
                    damage(victim)
                    print(f"          and damaged {victim.relative_to(fresh.results)}", flush=True)
    if process.poll() is None:
        process.wait(timeout=800)
    fresh.make(fresh.config())
    assert results(fresh) == results(run), killed
    assert fresh.plan(fresh.config()) == {}
    print(f"{len(killed)} kills in {rounds + 1} runs, {time.monotonic() - began:.0f} s: equal bytes", flush=True)


def test_a_shard_that_is_cut_or_lost_is_made_anew_and_no_other(run, tmp_path):
    broken, store = run.copy(tmp_path / "run"), "results/tiny/synthesis.h5"
    shard, index = broken.results / "synthesis" / "0001.h5", (broken.folder / store).read_bytes()
    whole = shard.read_bytes()
    for damage_it in (lambda: shard.write_bytes(whole[: len(whole) // 2]), shard.unlink):
        damage_it()
        assert dict(broken.made(broken.config(), store)) == {"synthesize": 1, "index_synthesis": 1}
        assert shard.read_bytes() == whole
        assert (broken.folder / store).read_bytes() == index


def test_damaged_intermediates_are_made_anew(run, tmp_path):
    broken = run.copy(tmp_path / "run")
    damage(broken.results / "boundaries/snow.npz")
    damage(min((broken.results / "pairs" / "greenery").glob("train_B/*.png")))
    damage(broken.results / "pairs" / "greenery" / "edit.json")
    made = broken.made(broken.config())
    again = ("import_boundary", "rescore_boundary", "rank_attributes", "make_pairs", "train_translator")
    assert {rule: made[rule] for rule in again} == dict.fromkeys(again, 1)
    assert not {"train_generator", "fit_predictor", "synthesize"} & set(made)
    assert results(broken) == results(run)


def test_a_damaged_plan_blocks_nothing(run, tmp_path):
    """Alone: which other files were damaged since is told by the plan."""
    broken = run.copy(tmp_path / "run")
    damage(broken.results / "plan.json")
    broken.make(broken.config())
    assert results(broken) == results(run)


def test_a_damaged_ranking_is_made_again(run, tmp_path):
    """Even where nothing tells of it: its time is that of its job, as on a disk that rots, or the plan is lost too."""
    broken = run.copy(tmp_path / "run")
    ranking = broken.results / "attributes.csv"
    whole, seen = ranking.read_bytes(), ranking.stat()
    ranking.write_bytes(whole[: len(whole) // 2])
    os.utime(ranking, ns=(seen.st_atime_ns, seen.st_mtime_ns))
    assert broken.plan(broken.config())["rank_attributes"] == 1
    (broken.results / "plan.json").write_text("{")
    assert broken.made(broken.config(), "results/tiny/attributes.csv") == {"rank_attributes": 1}
    assert ranking.read_bytes() == whole


def test_a_full_disk_fails_the_job_and_costs_nothing_else(run, tmp_path, clean_environment):
    full, target = run.copy(tmp_path / "run"), "results/tiny/photos.h5"
    (full.folder / target).unlink()

    def no_large_files():
        resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))

    done = subprocess.run(
        [*full.command(full.config()), target],
        env=clean_environment,
        preexec_fn=no_large_files,
        capture_output=True,
        text=True,
    )
    assert done.returncode != 0
    assert "Cannot write results/tiny/photos" in done.stdout + done.stderr
    full.make(full.config(), target)
    assert (full.folder / target).read_bytes() == (run.folder / target).read_bytes()


def test_a_folder_that_may_not_be_written_is_named(run, tmp_path, clean_environment):
    closed = run.copy(tmp_path / "run")
    folder = closed.results / "boundaries"
    target = "results/tiny/boundaries/snow.npz"
    (closed.folder / target).unlink()
    folder.chmod(0o555)

    def heed_permissions():
        ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, 0, 0, 0)

    done = subprocess.run(
        [*closed.command(closed.config()), target],
        env=clean_environment,
        preexec_fn=heed_permissions,
        capture_output=True,
        text=True,
    )
    folder.chmod(0o755)
    assert done.returncode != 0
    assert "ermission" in done.stdout + done.stderr
    closed.make(closed.config(), target)
    assert results(closed) == results(run)
