"""What jobs ask of the machine."""

from sceneshift.run.resources import doubling, threads_each, training_threads


def test_memory_and_time_double_with_each_retry():
    assert [doubling(60)(None, attempt) for attempt in (1, 2, 3)] == [60, 120, 240]


def test_jobs_that_run_at_once_share_the_cores():
    assert threads_each(4, cores=12, gpus=0) == 3
    assert threads_each(4, cores=12, gpus=2) == 6  # two at once, on two GPUs
    assert threads_each(1, cores=64, gpus=0) == 8
    assert threads_each(100, cores=2, gpus=0) == 1
    assert threads_each(0, cores=2, gpus=0) == 2
    assert threads_each(100, cores=None, gpus=0) == 8  # a cluster's jobs share none


def test_a_training_has_a_thread_for_each_process_that_can_share_its_batches():
    assert training_threads(4) == 4
    assert training_threads(16) == 8
    assert training_threads(4, most=2) == 2
    assert training_threads(1) == 8  # a batch that cannot be shared
