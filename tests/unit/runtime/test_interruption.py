"""A training asked to stop finishes its step."""

import os
import signal
import threading

import pytest

from sceneshift.runtime.interruption import stop_requested


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
