"""import_translator: a generator of pix2pixHD becomes a translator."""

from pathlib import Path

from sceneshift.runtime.files import sha256_of
from sceneshift.translator.checkpoints import TranslatorFacts, save_translator
from sceneshift.translator.pix2pixhd import read_pix2pixhd


def import_translator(checkpoint: Path | str, out: Path | str) -> None:
    """Take over a generator of pix2pixHD, global or local, that takes photos.

    checkpoint: pix2pixHD's latest_net_G.pth
    out: translator to write (.safetensors)

    Raises SceneshiftError that names the file and the tensor if it is not such a generator.

    Example: latest_net_G.pth translator.safetensors
    """
    network = read_pix2pixhd(checkpoint)
    digest = f"pix2pixHD {sha256_of(checkpoint)}"
    save_translator(network, out, TranslatorFacts(network.sizes, 0, 0, digest, {}))
