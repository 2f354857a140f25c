"""Results come in order; what waits stays few."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from sceneshift.runtime.parallel import Budget, in_order


def test_results_come_in_the_order_of_the_items():
    with ThreadPoolExecutor(3) as pool:
        assert list(in_order(pool, lambda x: x * x, range(50), waiting=4)) == [x * x for x in range(50)]
        with pytest.raises(ZeroDivisionError):
            list(in_order(pool, lambda x: 1 / x, [1, 0, 1], waiting=4))


def test_items_are_taken_only_as_results_are():
    """Memory does not grow with the number of photos."""
    taken = []
    with ThreadPoolExecutor(2) as pool:
        results = in_order(pool, str, (taken.append(x) or x for x in range(1000)), waiting=3)
        next(results)
        assert len(taken) == 4
        next(results)
        assert len(taken) == 5
        results.close()


def test_a_budget_is_never_overdrawn():
    budget, lock, used, most = Budget(10), threading.Lock(), 0, 0

    def work(amount):
        nonlocal used, most
        with budget.taken(amount):
            with lock:
                used += amount
                most = max(most, used)
            time.sleep(0.001)
            with lock:
                used -= amount

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, [3, 9, 1, 10, 4, 4, 4, 2] * 8))
    assert 4 < most <= 10
