"""A batch in parts: over processes, and within one over time when it does not fit into memory.

Parts are strided: part k of n holds the images k, k + n, k + 2n, … of the batch. The groups of minibatch deviation in a
batch of N are i, i + N/4, i + N/2, i + 3N/4, so strided parts of a multiple of four images hold whole groups, and a
network sees in each part what it would see of it in the whole. Random numbers are drawn for the whole batch and each
part takes its own, so that the sum over parts is the batch's gradient to rounding, however many parts there are.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
import torch
from torch import Tensor

from sceneshift.runtime.errors import OUT_OF_GPU_MEMORY, SceneshiftError
from sceneshift.training.distributed import World
from sceneshift.training.recording import Recorder, Work

Result = TypeVar("Result")
Rows = TypeVar("Rows", Tensor, np.ndarray, range)


@dataclass(frozen=True)
class Part:
    """Part `index` of `count` of a batch that `ranks` processes share."""

    index: int = 0
    count: int = 1
    ranks: int = 1

    def of(self, whole: Rows, axis: int = 0) -> Rows:
        """Its images, from an array of the whole batch's along `axis`."""
        return whole[(slice(None),) * axis + (slice(self.index, None, self.count),)]

    def of_own(self, held: Rows) -> Rows:
        """Its images, from an array of what its process holds of the batch."""
        return held[self.index // self.ranks :: self.count // self.ranks]


WHOLE = Part()


class MicroBatches:
    """This process's part of a batch, worked on in as many parts as memory asks for: one until it is exceeded."""

    def __init__(self, world: World, batch: int, group: int = 1, recorder: Recorder | None = None) -> None:
        """`group`: the number of images in each part is a multiple of it; `recorder`: works on a part that is all."""
        self.world, self.batch, self.group, self.parts = world, batch, group, 1
        self._recorder = recorder

    @property
    def own(self) -> Part:
        """The part of this process."""
        return Part(self.world.rank, self.world.size, self.world.size)

    def each(
        self, rng: torch.Generator, work: Callable[[Part], Result], restart: Callable[[], None] = lambda: None
    ) -> list[Result]:
        """`work` of each part of this process's, each with `rng` as it is now.

        When memory runs out, all is done again in parts of half the size, after `restart`. Raises SceneshiftError if
        there is no half.
        """
        state = rng.get_state()
        while True:
            restart()
            ranks, results = self.world.size, []
            try:
                for part in [Part(self.world.rank + ranks * k, ranks * self.parts, ranks) for k in range(self.parts)]:
                    rng.set_state(state)
                    results.append(work(part))
                return results
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
                exceeded = str(error)
            results.clear()  # outside of the handler, which keeps the failed attempt's tensors alive
            self._halve(exceeded)

    def gradients(
        self, parameters: Sequence[Tensor], rng: torch.Generator, work_of: Callable[[Part], Work]
    ) -> dict[str, Tensor]:
        """Set `.grad` of the parameters (of any shapes) to that of the whole batch, in all processes.

        A part's work adds its share of the gradient and returns its share of figures (float32), whose sums over the
        whole batch are returned.
        """

        def forget() -> None:
            for parameter in parameters:
                parameter.grad = None

        def work(part: Part) -> dict[str, Tensor]:
            work = work_of(part)
            return self._recorder(work, parameters) if self._recorder else work.run(work.inputs)

        shares = self.each(rng, work, forget)
        figures = {name: sum(share[name] for share in shares) for name in shares[0]}
        self.world.add_up([*(p.grad for p in parameters if p.grad is not None), *figures.values()])
        return figures

    def _halve(self, exceeded: str) -> None:
        images = self.batch // (self.world.size * self.parts)
        if images % (2 * self.group):
            raise SceneshiftError(
                f"Out of memory with {images} images at a time, and a batch is not split further. Train smaller "
                f"networks or a lower resolution, or use a GPU with more memory ({exceeded.splitlines()[0]})."
            )
        self.parts *= 2
        self._recorder = None  # what is recorded keeps memory
        print(
            f"Out of memory with {images} images at a time: going on with {images // 2}, {self.parts} times a step, "
            "which gives the same gradients.",
            file=sys.stderr,
            flush=True,
        )
        free_memory()


class InHalves(Generic[Rows, Result]):
    """`function` of an item that can be cut (a range, an array), in halves where memory runs out."""

    def __init__(self, function: Callable[[Rows], Result]) -> None:
        self.function, self.most = function, None  # the most rows known to fit

    def __call__(self, item: Rows) -> list[Result]:
        """Results of the item's pieces, in order: one if all of it fits."""
        if not self.most or len(item) <= self.most:
            try:
                return [self.function(item)]
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
                exceeded = str(error).splitlines()[0]
            if len(item) == 1:
                raise SceneshiftError(f"Out of memory with a single image. Use a GPU with more memory ({exceeded}).")
            self.most = len(item) // 2
            print(f"Out of memory with {len(item)} images at a time: going on with {self.most}.", file=sys.stderr)
            free_memory()
        middle = len(item) // 2
        return [*self(item[:middle]), *self(item[middle:])]


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether a GPU's memory was not enough, which cuDNN and cuBLAS say in words of their own."""
    return isinstance(error, torch.OutOfMemoryError) or any(words in str(error) for words in OUT_OF_GPU_MEMORY)


def free_memory() -> None:
    """Give the GPU memory that is kept for the next tensor back."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
