"""On a real SLURM, with the profile that ships: the whole workflow, and trainings to which all happens that can;
what `sceneshift status` says there; and one training on two nodes.

One file, so that two test workers share the one cluster.
"""

import contextlib
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator

import psutil
import pytest
import torch
import yaml
from safetensors.torch import load_file

from cluster.runs import PROFILE, REPOSITORY, TINY, TRAINED, Run
from cluster.slurm_on_loopback import free_ports, wait_until
from sceneshift.settings import GeneratorSettings, PhotosSettings
from sceneshift.stages.prepare_photos import prepare_photos
from sceneshift.stages.train_generator import train_generator

pytestmark = pytest.mark.slow

WITHOUT_GPU = {
    "prepare_photos",
    "index_synthesis",
    "fit_boundary",
    "rank_attributes",
    "edit",
    "pack_translator",
    "build_explorer",
    "report",
}
TRAININGS = ("warned", "timed out", "cancelled", "requeued")


def test_it_comes_to_its_report(day):
    assert (day.whole.folder / "results/tiny/report.html").is_file()
    assert {job.state for job in day.whole.jobs()} == {"COMPLETED"}


def test_status_says_so(day):
    assert day.whole.status().splitlines()[0].endswith(f"everything is done ({len(day.whole.jobs())} jobs done)")


def test_a_stage_is_submitted_with_what_its_rule_asks_for(day):
    jobs = day.whole.jobs()
    assert {job.rule for job in jobs if not job.gpus} == WITHOUT_GPU
    assert {job.partition for job in jobs if job.rule in WITHOUT_GPU} == {"cpu"}
    assert {(job.partition, job.gpus) for job in jobs if job.rule not in WITHOUT_GPU} == {("gpu", 1)}
    asked = {job.rule: (job.minutes, job.megabytes) for job in jobs}
    assert asked["train_generator"] == (2880, 16000)
    assert asked["rank_attributes"] == (5, 2000)


def test_one_submission_a_job(day):
    counted = Counter(job.rule for job in day.whole.jobs())
    assert counted["synthesize"] == 3
    assert sum(counted.values()) == day.whole.said().count("has been submitted")


def test_shards_run_on_both_nodes_at_once_each_on_its_own_gpu(day):
    most = max(day.shards, key=len)
    assert {sight.node for sight in most} == {"n1", "n2"}
    gpus = [(sight.node, sight.gpu) for sight in most]
    assert set(gpus) <= {(node, gpu) for node in ("n1", "n2") for gpu in ("0", "1")}
    assert len(set(gpus)) == len(gpus) >= 2


def test_the_profile_names_every_stage_with_a_gpu():
    asking = set()
    for path in (REPOSITORY / "workflow" / "rules").glob("*.smk"):
        for rule in re.split(r"^ *(?:rule|checkpoint) ", path.read_text(), flags=re.M)[1:]:
            if re.search(r"^ +gpu=", rule, flags=re.M):
                asking.add(rule.split(":")[0])
    assert set(yaml.safe_load(PROFILE.read_text())["set-resources"]) == asking


@pytest.mark.parametrize("training", TRAININGS)
def test_a_disturbed_training_ends_with_the_same_weights(day, training):
    expected = (day.undisturbed.folder / TRAINED).read_bytes()
    assert (day.trainings[training].folder / TRAINED).read_bytes() == expected


@pytest.mark.parametrize("training", TRAININGS)
def test_it_never_starts_over(day, training):
    """Only a training that starts over draws the sheets of samples again that were there before."""
    sheets, drawn = day.trainings[training].sheets(), day.drawn[training]
    kept = sorted(drawn)[:-1]
    assert {images: sheets[images] for images in kept} == {images: drawn[images] for images in kept}


def test_a_warning_before_the_time_limit_leaves_a_snapshot(day):
    run = day.trainings["warned"]
    assert [job.state for job in run.jobs()] == ["FAILED", "COMPLETED"]
    assert "interrupted: stopped after" in run.slurm_log(day.faults["warned"])


def test_a_time_limit_leaves_a_snapshot_and_the_next_one_is_longer(day):
    run = day.trainings["timed out"]
    first, second = run.jobs()
    assert first.state in ("TIMEOUT", "FAILED")  # FAILED where the training left before SLURM had written down why
    assert second.state == "COMPLETED"
    assert "interrupted: stopped after" in run.slurm_log(day.faults["timed out"])
    assert [(job.minutes, job.megabytes) for job in run.jobs()] == [(1, 16000), (5760, 32000)]  # shortened to 1


def test_lack_of_memory_is_answered_with_more(day):
    run = day.trainings["cancelled"]
    first, second, *_ = run.jobs()
    assert first.state == "FAILED"
    assert "exceeded memory limit" in run.slurm_log(first.number)
    assert (first.megabytes, second.megabytes) == (250, 2000)


def test_a_cancelled_job_is_submitted_again(day):
    run, number = day.trainings["cancelled"], day.faults["cancelled"]
    assert run.job(number).state == "CANCELLED"
    assert "interrupted: stopped after" in run.slurm_log(number)
    assert [job.state for job in run.jobs()] == ["FAILED", "CANCELLED", "COMPLETED"]


def test_preemption_a_dead_node_and_an_absent_controller_cost_no_submission(day):
    """SLURM itself puts the job back into its queue; Snakemake waits for it, and for the controller."""
    (job,) = day.trainings["requeued"].jobs()
    assert job.number == day.faults["requeued"]
    assert (job.state, job.restarts) == ("COMPLETED", 2)


@pytest.fixture
def held(cluster, tmp_path) -> Iterator[Run]:
    """A run whose first job waits in SLURM's queue until it is released, and so does its only retry."""
    config = {**TINY, "photos": {**TINY["photos"], "count": 5000}}
    profile = {"retries": 1, "set-resources": {"prepare_photos": {"slurm_extra": "'--hold'"}}}
    run = Run(tmp_path, config, cluster, first_look=2, profile=profile)
    run.start(TRAINED)
    yield run
    run.process.kill()  # leaves nothing in the queue
    run.process.wait()


def in_queue(run: Run) -> str:
    """Wait for a job in the queue. Returns its number."""
    wait_until(lambda: "PENDING" in [job.state for job in run.jobs()], 90, "a job in the queue")
    return str(run.jobs()[-1].number)


def test_status_tells_waiting_running_and_failed_apart(held):
    first = in_queue(held)
    assert held.states() == {"prepare_photos": ["waiting"], "train_generator": ["waiting"]}
    held.cluster.run("scontrol", "release", first)
    far = r" running +[1-9][\d,]* of 5,000 images, [1-9][\d.,]* images/s, \d+ \w+ left\n"
    wait_until(lambda: re.search(far, held.status()), 60, "progress")
    assert held.states() == {"prepare_photos": ["running"], "train_generator": ["waiting"]}
    (stage,) = held.at_work()
    for process in (stage.process, *stage.process.children(recursive=True)):
        process.kill()  # outright: it cannot say so
    second = in_queue(held)
    assert held.states() == {"prepare_photos": ["waiting"], "train_generator": ["waiting"]}
    held.cluster.run("scancel", second)
    wait_until(lambda: held.states() == {"prepare_photos": ["failed"], "train_generator": ["waiting"]}, 90, "failed")
    words = held.status().split("| error: ")
    assert f"SLURM-job '{first}' failed, SLURM status is: 'FAILED'" in words[1]
    assert f"SLURM-job '{second}' failed, SLURM status is: 'CANCELLED'" in words[2]


def test_the_readmes_job_script_trains_on_two_nodes_as_one_process_does(cluster, tmp_path):
    photos, out = tmp_path / "results/RUN/photos.h5", tmp_path / "results/RUN/generator/generator.safetensors"
    photos.parent.mkdir(parents=True)
    prepare_photos(None, photos, PhotosSettings(count=40, resolution=16))
    sizes = {"z_dim": 8, "w_dim": 8, "mapping_layers": 2, "channel_base": 64, "channel_max": 8}
    sizes |= {"batch": 8, "images": 160, "snapshot_images": 80, "precision": "float32", "frechet_images": 0}
    (tmp_path / "s.json").write_text(json.dumps(sizes))
    (tmp_path / ".venv").symlink_to(sys.prefix)
    script = re.search(r"^#!/bin/bash\n.*?(?=^```)", (REPOSITORY / "docs" / "gpus.md").read_text(), flags=re.M | re.S)[
        0
    ]
    (port,) = free_ports(1)
    first = f"${{first/n1/localhost}}:{port}"  # the names of this cluster's nodes are not known to the system
    here = {"-node=4": "-node=1", "$first:29500": first, "@s.json": "@s.json --device cpu"}
    for written, instead in here.items():
        assert written in script
        script = script.replace(written, instead)
    (tmp_path / "train.sh").write_text(script)
    log, nodes = tmp_path / "log", set()
    options = ["--parsable", f"--chdir={tmp_path}", f"--output={log}"]
    number = cluster.run("sbatch", *options, str(tmp_path / "train.sh")).strip()

    def state():
        for process, node in cluster.processes():
            with contextlib.suppress(psutil.Error):
                nodes.update([node] if "train-generator" in process.cmdline() else [])
        return cluster.run("squeue", "--noheader", "--states=all", "--format=%T", f"--jobs={number}").strip()

    wait_until(lambda: state() not in ("PENDING", "RUNNING", "COMPLETING"), 180, "the training")
    assert state() == "COMPLETED", log.read_text()
    assert "2 processes with 4 images of a batch each" in log.read_text()
    assert nodes == {"n1", "n2"}
    train_generator(photos, tmp_path / "one.safetensors", GeneratorSettings(**sizes))
    weights, others = load_file(out), load_file(tmp_path / "one.safetensors")
    for name in others:
        torch.testing.assert_close(weights[name], others[name], atol=1e-4, rtol=1e-4, msg=name)
