"""Devices and arithmetic, chosen or asked for."""

from types import SimpleNamespace

import pytest
import torch

from sceneshift.runtime.devices import autocast, compute_dtype, images_a_pass, pick_device, set_up, to_device
from sceneshift.runtime.errors import SceneshiftError


def test_auto_is_a_gpu_where_there_is_one(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert pick_device("auto").type == "cuda"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert pick_device("auto").type == "cpu"


def test_an_absent_gpu_asked_for_is_an_error(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SceneshiftError, match="--device cuda:1"):
        pick_device("cuda:1")


def test_float32_is_exact_and_bfloat16_is_not(monkeypatch):
    device = torch.device("cpu")
    assert compute_dtype("float32", device) == torch.float32
    for fast in (True, False):
        monkeypatch.setattr("sceneshift.runtime.devices.has_fast_bfloat16", lambda _, fast=fast: fast)
        assert compute_dtype("auto", device) == (torch.bfloat16 if fast else torch.float32)
    a = torch.randn(8, 8, generator=torch.Generator().manual_seed(0))
    with autocast(torch.float32, device):
        assert (a @ a).dtype == torch.float32
    with autocast(torch.bfloat16, device):
        assert (a @ a).dtype == torch.bfloat16


@pytest.fixture
def pretended_gpu(monkeypatch):
    monkeypatch.setattr("sceneshift.runtime.devices.has_fast_bfloat16", lambda _: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "A100")
    for name in ("benchmark", "allow_tf32"):
        monkeypatch.setattr(torch.backends.cudnn, name, getattr(torch.backends.cudnn, name))
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", "")
    precision = torch.get_float32_matmul_precision()
    yield torch.device("cuda:0")
    torch.set_float32_matmul_precision(precision)
    torch.use_deterministic_algorithms(False)


def test_what_a_gpu_computes_with_is_said(pretended_gpu):
    said = set_up(pretended_gpu)
    assert said == "cuda:0 (A100), convolutions in bfloat16, TF32 elsewhere, cuDNN's fastest algorithms"
    assert torch.backends.cudnn.benchmark
    assert torch.get_float32_matmul_precision() == "high"


def test_exact_and_deterministic_arithmetic_is_an_option(pretended_gpu):
    said = set_up(pretended_gpu, "float32", deterministic=True)
    assert said == "cuda:0 (A100), convolutions in float32, float32 elsewhere, deterministic algorithms"
    assert torch.are_deterministic_algorithms_enabled()
    assert not torch.backends.cudnn.benchmark
    assert not torch.backends.cudnn.allow_tf32
    assert torch.get_float32_matmul_precision() == "highest"


def test_a_gpu_takes_images_by_its_memory(monkeypatch):
    for gibibytes, images in ((4, 64), (16, 256), (80, 512)):
        facts = SimpleNamespace(total_memory=gibibytes * 2**30)
        monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _, facts=facts: facts)
        assert images_a_pass(torch.device("cuda"), on_cpu=32) == images
    assert images_a_pass(torch.device("cpu"), on_cpu=32) == 32


def test_what_goes_to_a_gpu_is_not_waited_for(monkeypatch):
    sent = []
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda tensor: sent.append("pinned") or tensor)
    monkeypatch.setattr(torch.Tensor, "to", lambda tensor, *_, **how: sent.append(how) or tensor)
    to_device(torch.zeros(3), "cuda:0")
    assert sent == ["pinned", {"non_blocking": True}]
