"""What happens to jobs on clusters happens to trainings; each goes on, and ends with an undisturbed run's bytes."""

import pytest

from cluster.runs import TRAINED

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("cluster")]  # one cluster for all

TRAININGS = ("warned", "timed out", "cancelled", "requeued")


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
    assert [job.state for job in run.jobs()] == ["TIMEOUT", "COMPLETED"]
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
