"""Shared by all tests: few threads, and the mark of those that take minutes."""

import os

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_addoption(parser):
    parser.addoption("--kills", type=int, default=2, help="how often test_faults.py kills a run (make torture: 60)")
    parser.addoption("--mutations", type=int, default=4000, help="damaged files in all (make fuzz: 10,000)")
    parser.addoption("--mutations-seed", type=int, default=0, help="which ones (make fuzz: others each time, printed)")
    parser.addoption("--kills-seed", type=int, help="when and what it kills (default: another each time, printed)")


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: takes minutes (whole workflows); leave out with -m 'not slow'")


@pytest.fixture(scope="session")
def places365_files(tmp_path_factory):
    """Random weights in the formats that Places365 publishes; see places365_weights.Places365Files."""
    from places365_weights import write_places365

    return write_places365(tmp_path_factory.mktemp("places365"))
