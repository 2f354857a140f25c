"""Shared by all tests: few threads, and the mark of those that take minutes."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: takes minutes (whole workflows); leave out with -m 'not slow'")
