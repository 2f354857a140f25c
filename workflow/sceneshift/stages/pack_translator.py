"""pack_translator: a translator as a script that the explorer's page loads."""

from pathlib import Path

from sceneshift.explorer.packing import as_script, packed
from sceneshift.runtime.files import atomic_file


def pack_translator(translator: Path | str, out: Path | str) -> None:
    """Pack a translator for a page that build-explorer makes: weights in float16, as base64.

    translator: translator (.safetensors), or a shipped editor's name
    out: script to write (.js), in the folder models beside the page; its name is the translator's on the page

    Of a translator that a page cannot run (head: image, over 20 million parameters) it holds the reason.

    Example: results/streets/translators/vegetation/translator.safetensors explorer/models/vegetation.js
    """
    text, facts = packed(translator)
    with atomic_file(out) as temporary:
        temporary.write_text(as_script(Path(out).stem, text, facts), encoding="utf-8")
