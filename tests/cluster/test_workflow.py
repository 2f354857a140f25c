"""The whole workflow on a real SLURM, with the profile that ships."""

import re
from collections import Counter

import pytest
import yaml

from cluster.runs import PROFILE, REPOSITORY

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("cluster")]  # one cluster for all

WITHOUT_GPU = {
    "prepare_photos", "index_synthesis", "fit_boundary", "rank_attributes", "draw_edits", "build_report",
}  # fmt: skip


def test_it_comes_to_its_report(day):
    assert (day.whole.folder / "results/tiny/report.html").is_file()
    assert {job.state for job in day.whole.jobs()} == {"COMPLETED"}


def test_a_stage_is_submitted_with_what_its_rule_asks_for(day):
    jobs = day.whole.jobs()
    assert {job.rule for job in jobs if not job.gpus} == WITHOUT_GPU
    assert {job.partition for job in jobs if job.rule in WITHOUT_GPU} == {"cpu"}
    assert {(job.partition, job.gpus) for job in jobs if job.rule not in WITHOUT_GPU} == {("gpu", 1)}
    asked = {job.rule: (job.minutes, job.megabytes) for job in jobs}
    assert asked["train_generator"] == (2880, 16000)
    assert asked["rank_attributes"] == (5, 1000)


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
