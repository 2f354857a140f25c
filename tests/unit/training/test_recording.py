"""What a GPU records can be replayed: a step's work depends on its inputs and its key alone."""

import numpy as np
import pytest
import torch

from sceneshift.generator import augmentation
from sceneshift.generator.defaults import defaults
from sceneshift.generator.state import initial_state
from sceneshift.generator.steps import Losses
from sceneshift.images.pixels import from_uint8
from sceneshift.runtime.randomness import torch_generator
from sceneshift.settings import GeneratorSettings
from sceneshift.training.distributed import ALONE
from sceneshift.training.microbatches import WHOLE, MicroBatches
from sceneshift.training.recording import Work, recorder

CPU = torch.device("cpu")


@pytest.mark.parametrize("p", [0.0, 0.7])
@pytest.mark.parametrize("name", ["generator", "discriminator", "r1", "path_length"])
def test_work_done_with_another_steps_inputs_is_that_steps(name, p, monkeypatch):
    monkeypatch.setattr(augmentation, "_margins", lambda *_: (15, 15))  # as a GPU's, which know two sizes
    settings = GeneratorSettings(z_dim=8, w_dim=8, channel_base=64, channel_max=8, mapping_layers=2, batch=4)
    values = defaults(settings, 16, 16)
    state = initial_state(settings, values, {"resolution": 16, "width": 16}, 0, CPU)
    batches = MicroBatches(ALONE, 4, 4)
    parameters = list((state.g if name in ("generator", "path_length") else state.d).parameters())

    def work(step):
        photos = np.random.default_rng(step).integers(0, 256, (4, 16, 16, 3), np.uint8)
        losses = Losses(state.g, state.d, settings, values.r1_gamma, p, from_uint8(photos, CPU))
        rng = torch_generator(0, "step", step)
        of_path = losses.path_length(torch.tensor(float(step)), batches, rng)
        return (of_path if name == "path_length" else getattr(losses, name))(WHOLE, rng).work(WHOLE)

    def result(run, inputs):
        for parameter in parameters:
            parameter.grad = None
        figures = run(inputs)
        return figures, [parameter.grad for parameter in parameters]

    first, second = work(1), work(2)
    assert first.key == second.key
    of_second = result(second.run, second.inputs)
    torch.testing.assert_close(result(first.run, second.inputs), of_second)
    with pytest.raises(AssertionError):
        torch.testing.assert_close(result(first.run, first.inputs), of_second)


def test_memory_that_runs_out_ends_the_recording():
    weight, done = torch.nn.Parameter(torch.ones(2)), []

    def record(work, parameters):
        done.append("recorded")
        raise torch.OutOfMemoryError("CUDA out of memory")

    def work_of(part):
        def run(inputs):
            done.append(part.count)
            (weight * inputs["x"]).sum().backward()
            return {"loss": torch.zeros([])}

        return Work(run, {"x": torch.ones(2)})

    batches = MicroBatches(ALONE, 8, recorder=record)
    batches.gradients([weight], torch.Generator(), work_of)
    assert done == ["recorded", 2, 2]
    assert weight.grad.tolist() == [2.0, 2.0]


def test_a_cpu_and_deterministic_training_record_nothing():
    assert recorder(CPU, deterministic=False) is None
    assert recorder(torch.device("cuda"), deterministic=True) is None
