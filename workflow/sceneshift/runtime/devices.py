"""Which device and which arithmetic."""

import contextlib
import os

import torch
from torch import Tensor

from sceneshift.runtime.errors import SceneshiftError


def pick_device(name: str = "auto") -> torch.device:
    """`auto`: the first CUDA GPU if there is one, else the CPU. A device asked for by name and absent is an error."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    device = torch.device(name)
    there = {"cuda": torch.cuda.device_count(), "mps": int(torch.backends.mps.is_available())}.get(device.type, 1)
    if (device.index or 0) >= there:
        kind = {"cuda": "usable CUDA GPU", "mps": "Apple GPU"}[device.type]
        found = f"this machine has {f'only {there}' if there else 'no'} {kind}{'s' * (there > 1)}"
        raise SceneshiftError(f"--device {name}: {found}. Use --device cpu or auto.")
    return device


def has_fast_bfloat16(device: torch.device) -> bool:
    """Whether bf16 convolutions run faster than fp32 ones there: Ampere or newer, or a CPU with AMX or AVX512-BF16."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type == "cpu":
        return torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported()
    return False


def compute_dtype(precision: str, device: torch.device) -> torch.dtype:
    """Arithmetic of the convolutions for `precision` auto, float32 or bfloat16 (weights always stay float32)."""
    if precision == "auto":
        return torch.bfloat16 if has_fast_bfloat16(device) else torch.float32
    return {"float32": torch.float32, "bfloat16": torch.bfloat16}[precision]


def set_up(device: torch.device, precision: str = "auto", deterministic: bool = False) -> str:
    """Set this process's arithmetic for work on pictures of one size; what is used then, in words for the log.

    On a CUDA GPU: TF32 where float32 is left (not with `precision: float32`, which stays exact), cuDNN's algorithms
    picked by trial, or with `deterministic` only those that give the same bits each time.
    """
    dtype = str(compute_dtype(precision, device)).removeprefix("torch.")
    if device.type != "cuda":
        return f"{device}, convolutions in {dtype}"
    tf32 = precision != "float32"
    torch.set_float32_matmul_precision("high" if tf32 else "highest")
    torch.backends.cudnn.allow_tf32 = tf32
    torch.backends.cudnn.benchmark = not deterministic
    if deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read when cuBLAS starts
        torch.use_deterministic_algorithms(True, warn_only=True)
    rest = "TF32 elsewhere" if tf32 and has_fast_bfloat16(device) else "float32 elsewhere"
    algorithms = "deterministic algorithms" if deterministic else "cuDNN's fastest algorithms"
    return f"{device} ({torch.cuda.get_device_name(device)}), convolutions in {dtype}, {rest}, {algorithms}"


def images_a_pass(device: torch.device, on_cpu: int) -> int:
    """How many images go through a frozen network at once: as many as a CPU's caches like, on a GPU by its memory."""
    if device.type != "cuda":
        return on_cpu
    return max(on_cpu, min(512, torch.cuda.get_device_properties(device).total_memory // 2**26))  # 64 MB an image


def to_device(tensor: Tensor, device: torch.device | str) -> Tensor:
    """`tensor` there. A GPU goes on working meanwhile: a copy from ordinary memory would wait until it is idle."""
    if torch.device(device).type == "cuda" and not tensor.is_cuda:
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)


def autocast(dtype: torch.dtype, device: torch.device) -> contextlib.AbstractContextManager:
    """Autocast to `dtype`; float32 means no autocast at all, so that the reference path stays exact."""
    if dtype == torch.float32:
        return contextlib.nullcontext()
    return torch.autocast(device.type, dtype=dtype)
