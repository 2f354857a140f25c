"""A training asked to stop finishes its step."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor

import pytest

from sceneshift.runtime.interruption import be_a_worker, stop_requested


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1, signal.SIGINT])
def test_a_signal_is_noted_and_the_old_handler_comes_back(number):
    former = signal.getsignal(number)
    with stop_requested() as stop:
        assert not stop.is_set()
        os.kill(os.getpid(), number)
        assert stop.wait(1)
    assert signal.getsignal(number) == former


def test_it_works_in_other_threads_too():
    seen = []

    def work():
        with stop_requested() as stop:
            seen.append(stop.is_set())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [False]


def test_a_pools_processes_end_with_a_killed_parent():
    code = (
        "import multiprocessing, os, time; from concurrent.futures import ProcessPoolExecutor\n"
        "from sceneshift.runtime.interruption import be_a_worker\n"
        "with ProcessPoolExecutor(1, multiprocessing.get_context('spawn'), be_a_worker) as pool:\n"
        "    print(pool.submit(os.getpid).result(), flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], text=True, stdout=subprocess.PIPE) as parent:
        assert int(parent.stdout.readline()) != parent.pid
        parent.kill()
        began = time.monotonic()
        parent.stdout.read()  # ends when nobody holds the pipe any more
    assert time.monotonic() - began < 10


def test_ctrl_c_is_left_to_the_process_that_has_the_pool():
    """All processes of a terminal get it."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), be_a_worker) as pool:
        os.kill(pool.submit(os.getpid).result(), signal.SIGINT)
        assert pool.submit(sum, (1, 2)).result() == 3
