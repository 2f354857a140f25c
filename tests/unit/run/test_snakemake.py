"""What the workflow asks of Snakemake, apart from whole runs (tests/workflow)."""

import collections
import os
import signal
import threading
from types import SimpleNamespace

import pytest
from snakemake.exceptions import format_exception_to_string
from snakemake.settings.types import DeploymentMethod
from snakemake_interface_executor_plugins.settings import ExecMode

from sceneshift.run.snakemake import (
    ConfigError,
    Machine,
    checked,
    handle_sigterm_in_a_thread,
    machine_of,
    retries,
    set_up_container,
    set_up_jobs,
)
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.shipped import PACKAGE, ROOT


def workflow(mode=ExecMode.DEFAULT, nodes=None, resources=()):
    given = dict(resources)
    settings = SimpleNamespace(cores=12, nodes=nodes)
    return SimpleNamespace(
        exec_mode=mode, resource_settings=settings, global_resources=given, register_resource=given.__setitem__
    )


def test_a_config_error_is_shown_as_its_own_text():
    def read():
        raise SceneshiftError("photos.folder: nowhere does not exist.")

    with pytest.raises(ConfigError) as caught:
        checked(read)
    lines = {__file__: collections.defaultdict(int)}  # as if this were a Snakefile
    assert format_exception_to_string(caught.value, lines) == "ConfigError:\nphotos.folder: nowhere does not exist."


@pytest.mark.parametrize("name", ["a:b", "{a}"])
def test_a_checkout_that_python_or_snakemake_cannot_read_is_named(tmp_path, name):
    with pytest.raises(ConfigError, match="of another name"):
        set_up_jobs(workflow(), tmp_path / name)


def in_containers(args):
    settings = SimpleNamespace(deployment_method={DeploymentMethod.APPTAINER}, apptainer_args=args)
    return SimpleNamespace(deployment_settings=settings)


def test_containers_see_the_workflow_beside_what_the_command_line_binds():
    command = in_containers("--nv")
    set_up_container(command, "docker://ghcr.io/owner/sceneshift:0.1.0")
    args = command.deployment_settings.apptainer_args
    assert args == f"--nv --bind {ROOT} --bind {PACKAGE}"
    job = in_containers(args)
    set_up_container(job, str(ROOT))  # an image may be a folder
    assert job.deployment_settings.apptainer_args == args


def test_an_image_that_is_not_there_is_named_before_any_job(tmp_path):
    with pytest.raises(ConfigError, match=r"no\.sif does not exist\. `apptainer build"):
        set_up_container(in_containers(""), str(tmp_path / "no.sif"))


def test_gpus_are_counted_on_one_machine_unless_the_command_line_does(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    here = workflow()
    assert machine_of(here) == Machine(cores=12, gpus=2)
    assert here.global_resources == {"gpu": 2}
    told = workflow(resources={"gpu": 1})
    machine_of(told)
    assert told.global_resources == {"gpu": 1}
    for elsewhere in (workflow(nodes=4), workflow(ExecMode.REMOTE)):
        assert machine_of(elsewhere) == Machine(cores=None, gpus=0)
        assert elsewhere.global_resources == {}


def test_a_clusters_job_is_not_tried_again_within_itself():
    assert retries(workflow(), 5) == 5
    assert retries(workflow(ExecMode.REMOTE), 5) == 0


def test_sigterm_is_heeded_also_while_the_lock_that_its_handler_takes_is_held():
    """Snakemake holds it in the main thread while it chooses jobs; a command told to end then hung for ever."""
    lock, heeded = threading.Lock(), threading.Event()

    def handler(*_):
        with lock:
            heeded.set()

    before = signal.signal(signal.SIGTERM, handler)
    try:
        handle_sigterm_in_a_thread()
        with lock:
            os.kill(os.getpid(), signal.SIGTERM)
        assert heeded.wait(60)
    finally:
        signal.signal(signal.SIGTERM, before)
