"""A translator as a script that a page loads: its .safetensors file with weights in float16, in base64.

float16 changes no pixel of an edited photo by more than one level, and halves what the page has to load.
"""

import base64
import json
import math
from pathlib import Path

from safetensors.torch import save

from sceneshift.runtime.errors import SceneshiftError
from sceneshift.translator.architecture import Architecture, network_shapes
from sceneshift.translator.checkpoints import FORMAT, TranslatorFacts, read_translator

MOST_PARAMETERS = 20_000_000  # 53 MB in the page; a photo takes seconds


def why_left_out(sizes: Architecture) -> str | None:
    """Why the page cannot run such a translator, to follow its name; None if it can."""
    if sizes.head == "image":
        return "whose head predicts an image: the whole photo would have to go through the network at its own size"
    if sizes.local_enhancer:
        return "which has pix2pixHD's local enhancer: the page runs the global generator alone"
    parameters = sum(math.prod(shape) for shape in network_shapes(sizes).values())
    if parameters > MOST_PARAMETERS:
        return f"whose {parameters / 1e6:,.0f} million parameters are too many for a page"
    return None


def packed(path: Path | str) -> tuple[str, TranslatorFacts]:
    """A translator's file in base64, weights in float16, and its facts; an empty text if a page cannot run it.

    Raises SceneshiftError as `read_translator`, and for weights beyond float16.
    """
    network, facts = read_translator(path)
    if why_left_out(facts.sizes):
        return "", facts
    values, _ = FORMAT.load(path)
    weights = {name: tensor.half() for name, tensor in network.state_dict().items()}
    for name, tensor in weights.items():
        if not tensor.isfinite().all():
            raise SceneshiftError(f"{path}: weights of {name} are beyond float16, which pages hold them in.")
    file = save(weights, {FORMAT.key: json.dumps(values, sort_keys=True)})
    return base64.b64encode(file).decode("ascii"), facts


def as_script(name: str, base64_text: str, facts: TranslatorFacts) -> str:
    """What models/NAME.js holds."""
    if reason := why_left_out(facts.sizes):
        return f"// {name} is left out, {reason}.\n"
    return f"translatorWeights({json.dumps(name)}, {json.dumps(base64_text)});\n"
