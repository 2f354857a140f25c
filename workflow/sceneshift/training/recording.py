"""A training step's work, and its recording on a GPU.

A step is some thousand small kernels, which the host takes longer to ask for than the GPU to compute: at 64 px four
times as long on an H100. A CUDA graph asks for all of them at once.
"""

import sys
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Work:
    """What adds to gradients: `run` of `inputs` by name adds to `.grad` of the weights and returns figures by name.

    key: what else than the inputs' values and shapes it depends on
    """

    run: Callable[[dict[str, Tensor]], dict[str, Tensor]]
    inputs: dict[str, Tensor]
    key: tuple[Hashable, ...] = ()


@dataclass(frozen=True)
class _Recording:
    """Work as a CUDA graph, with the memory that it reads from and writes to."""

    graph: torch.cuda.CUDAGraph
    inputs: dict[str, Tensor]
    figures: dict[str, Tensor]
    gradients: list[Tensor | None]


class Recorder:
    """Does work on a GPU: the first of a kind as it is, then records it, and from then on replays the recording.

    All happens in one stream of its own, since gradients are added up in the stream where that was done first.
    """

    def __init__(self, device: torch.device) -> None:
        self._stream = torch.cuda.Stream(device)
        self._recordings: dict[Hashable, _Recording | None] = {}
        self._works = True

    def __call__(self, work: Work, parameters: Sequence[Tensor]) -> dict[str, Tensor]:
        """As `work.run(work.inputs)` does, where `.grad` of all `parameters` is None."""
        key = work.key, tuple((name, value.shape, value.dtype) for name, value in work.inputs.items())
        if self._works and key in self._recordings and not self._recordings[key]:
            self._record(key, work, parameters)
        if recording := self._recordings.setdefault(key, None):
            return self._replay(recording, work.inputs, parameters)
        ahead = torch.cuda.current_stream(self._stream.device)
        self._stream.wait_stream(ahead)
        with torch.cuda.stream(self._stream):
            figures = work.run(work.inputs)
        ahead.wait_stream(self._stream)
        return figures

    def _record(self, key: Hashable, work: Work, parameters: Sequence[Tensor]) -> None:
        inputs = {name: value.clone() for name, value in work.inputs.items()}
        pools = [recording.graph.pool() for recording in self._recordings.values() if recording]
        graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(graph, pools[0] if pools else None, self._stream, "thread_local"):
                figures = work.run(inputs)
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as refused:
            self._works = False
            print(f"Steps are not recorded as CUDA graphs: {str(refused).splitlines()[0]}", file=sys.stderr, flush=True)
        else:
            self._recordings[key] = _Recording(graph, inputs, figures, [p.grad for p in parameters])
        for parameter in parameters:
            parameter.grad = None

    def _replay(
        self, recording: _Recording, inputs: dict[str, Tensor], parameters: Sequence[Tensor]
    ) -> dict[str, Tensor]:
        torch._foreach_copy_(list(recording.inputs.values()), list(inputs.values()))
        recording.graph.replay()
        for parameter, gradient in zip(parameters, recording.gradients, strict=True):
            parameter.grad = gradient
        return {name: figure.clone() for name, figure in recording.figures.items()}


def recorder(device: torch.device, deterministic: bool) -> Recorder | None:
    """For a CUDA GPU, if steps need not give the same bits recorded and not."""
    return Recorder(device) if device.type == "cuda" and not deterministic else None
