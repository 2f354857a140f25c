"""A run kept on object storage, `--default-storage-provider s3`: on a server of the tests' own, on loopback."""

import os
import signal
import subprocess
import time

import boto3
import pytest
from moto.server import ThreadedMotoServer

pytestmark = pytest.mark.slow

BUCKET, PREFIX = "bucket", "kept/here"
KEYS = {"aws_access_key_id": "anyone", "aws_secret_access_key": "anything", "region_name": "us-east-1"}


@pytest.fixture
def storage():
    """A bucket, and the options of Snakemake that keep a run in it."""
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    address = "http://{}:{}".format(*server.get_host_and_port())
    bucket = boto3.resource("s3", endpoint_url=address, **KEYS).create_bucket(Bucket=BUCKET)
    bucket.objects.delete()  # servers of one process share what they hold
    yield bucket, [
        "--default-storage-provider", "s3", "--default-storage-prefix", f"s3://{BUCKET}/{PREFIX}",
        "--storage-s3-endpoint-url", address, "--storage-s3-region", KEYS["region_name"],
        "--storage-s3-access-key", "anyone", "--storage-s3-secret-key", "anything",
    ]  # fmt: skip
    server.stop()


def test_a_whole_run_on_object_storage(fresh, storage):
    bucket, options = storage
    fresh.make(fresh.config(), *options)
    assert bucket.Object(f"{PREFIX}/results/tiny/report.html").content_length > 100_000
    assert fresh.plan(fresh.config(), *options) == {}


def test_a_training_on_object_storage_goes_on_after_a_kill(fresh, storage, clean_environment):
    bucket, options = storage
    network = "results/tiny/generator/generator.safetensors"
    copy = fresh.folder / ".snakemake" / "storage" / "s3" / BUCKET / PREFIX / network
    process = subprocess.Popen(
        fresh.command(fresh.config(), network, *options),
        env=clean_environment, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    deadline = time.monotonic() + 800
    while not (copy.parent / "training" / "snapshot.pt").exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert "Going on at" in fresh.make(fresh.config(), network, *options)
    assert bucket.Object(f"{PREFIX}/{network}").content_length > 10_000
