"""What tests of several stages share."""

import multiprocessing
import os
import shutil
import signal
import socket
from collections.abc import Callable

import pytest
import torch

from sceneshift.runtime.randomness import torch_generator
from sceneshift.settings import TranslatorSettings
from sceneshift.training import distributed
from sceneshift.translator.architecture import architecture
from sceneshift.translator.checkpoints import TranslatorFacts, save_translator
from sceneshift.translator.state import new_networks


@pytest.fixture(autouse=True)
def as_if_first():
    """Every test begins as the first one: the same random numbers, and SIGTERM ends the process.

    Snakemake, in a test or a fixture before this one, leaves a handler behind that only sets a flag: a process forked
    later would never end by SIGTERM.
    """
    torch.manual_seed(0)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


@pytest.fixture
def in_processes() -> Callable[[int, Callable], None]:
    """Call `work(world, device)` in so many processes at once, on the CPU, as torchrun's workers would."""

    def run(count, work):
        with socket.socket() as free:
            free.bind(("localhost", 0))
            port = free.getsockname()[1]

        def worker(rank):
            torch.set_num_threads(1)  # the pool of the process that was forked is not here
            os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(count)}
            os.environ |= {"MASTER_ADDR": "localhost", "MASTER_PORT": str(port)}
            assert distributed.is_worker()
            with distributed.worker("cpu") as (world, device):
                work(world, device)

        workers = [multiprocessing.get_context("fork").Process(target=worker, args=(rank,)) for rank in range(count)]
        for process in workers:
            process.start()
        for process in workers:
            process.join(120)
        assert [process.exitcode for process in workers] == [0] * count

    return run


@pytest.fixture
def make_translator(tmp_path):
    """Save an untrained translator whose last layer is random; return its path."""

    def make(head="edit", resolution=16, **changes):
        settings = TranslatorSettings(head=head, width=4, downsamplings=2, blocks=1, **changes)
        sizes = architecture(settings, resolution)
        network, _ = new_networks(sizes, seed=0)
        torch.nn.init.normal_(network.network.out.weight, std=0.1, generator=torch_generator(0, "last layer"))
        path = tmp_path / "models" / f"{head}.safetensors"
        save_translator(network, path, TranslatorFacts(sizes, resolution, 0, "", {}))
        return path

    return make


@pytest.fixture(scope="module")
def browser():
    """Headless Chromium, Debian's package, closed with the module: as long as it is open, Playwright runs an event loop
    in the main thread, and Snakemake plans nothing beside one."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if (chromium := shutil.which("chromium")) is None:
        pytest.skip("there is no chromium (apt-get install chromium)")
    with playwright.sync_playwright() as tools:
        browser = tools.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()
