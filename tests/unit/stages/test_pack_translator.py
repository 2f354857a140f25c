import base64
import json
import re

import pytest
import torch
from safetensors.torch import load

from sceneshift.explorer import packing
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.stages.pack_translator import pack_translator
from sceneshift.translator.checkpoints import FORMAT, read_translator


def test_the_script_holds_the_file_with_weights_in_float16(make_translator, tmp_path):
    path, out = make_translator(), tmp_path / "models/night.js"
    pack_translator(path, out)
    name, text = re.fullmatch(r'translatorWeights\("(.*)", "(.*)"\);\n', out.read_text()).groups()
    assert name == "night"
    packed = base64.b64decode(text)
    network, _ = read_translator(path)
    weights = load(packed)
    assert weights.keys() == network.state_dict().keys()
    for name, tensor in network.state_dict().items():
        assert weights[name].dtype == torch.float16
        torch.testing.assert_close(weights[name].float(), tensor, rtol=2**-11, atol=2**-24)
    length = int.from_bytes(packed[:8], "little")
    assert json.loads(json.loads(packed[8 : 8 + length])["__metadata__"]["sceneshift"]) == FORMAT.facts(path)
    again = tmp_path / "again/night.js"
    pack_translator(path, again)
    assert again.read_bytes() == out.read_bytes()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [({"head": "image"}, "predicts an image"), ({"local_enhancer": True}, "local enhancer")],
)
def test_what_a_page_cannot_run_is_left_out_with_the_reason(make_translator, tmp_path, changes, reason):
    pack_translator(make_translator(**changes), tmp_path / "night.js")
    assert re.fullmatch(rf"// night is left out, .*{reason}.*\n", (tmp_path / "night.js").read_text())


def test_so_are_large_networks(make_translator, tmp_path, monkeypatch):
    monkeypatch.setattr(packing, "MOST_PARAMETERS", 1000)
    pack_translator(make_translator(), tmp_path / "night.js")
    assert "million parameters are too many" in (tmp_path / "night.js").read_text()


def test_weights_beyond_float16_are_an_error(make_translator, tmp_path):
    path = make_translator()
    facts, weights = FORMAT.load(path)
    weights["network.out.bias"][0] = 1e5
    FORMAT.save(path, weights, {k: v for k, v in facts.items() if not k.startswith("format")})
    with pytest.raises(SceneshiftError, match=r"out\.bias are beyond float16"):
        pack_translator(path, tmp_path / "night.js")
