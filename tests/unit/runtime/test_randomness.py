"""Random numbers are functions of counters, the same on every machine."""

import numpy as np
import torch

from sceneshift.runtime.randomness import key_of, numpy_generator, torch_generator


def test_the_same_key_gives_the_same_numbers_whatever_ran_before():
    first = numpy_generator(0, "codes", 5).normal(size=4)
    numpy_generator(0, "codes", 4).normal(size=100)
    assert np.array_equal(numpy_generator(0, "codes", 5).normal(size=4), first)
    draw = torch.rand(4, generator=torch_generator(0, "step", 5))
    torch.rand(100)
    assert torch.equal(torch.rand(4, generator=torch_generator(0, "step", 5)), draw)


def test_every_part_of_the_key_counts():
    keys = {
        key_of(*parts) for parts in [(0, "a", 1), (1, "a", 1), (0, "b", 1), (0, "a", 2), (0, "a"), ("0a", 1), (0, "a1")]
    }
    assert len(keys) == 7


def test_numbers_are_those_of_other_machines():
    assert numpy_generator(0, "codes", 0).integers(0, 2**32) == 3207058085
