"""publish: a run's editors as one folder, for a model hub or a web host."""

import json
import shutil
from pathlib import Path

from sceneshift.evaluation.dose import read_responses
from sceneshift.explorer.cards import Card, Table, run_card
from sceneshift.photos.store import PhotoStore
from sceneshift.report.run_files import needed
from sceneshift.runtime.files import atomic_directory
from sceneshift.runtime.tables import read_table
from sceneshift.settings import PhotosSettings
from sceneshift.translator.checkpoints import TranslatorFacts, read_translator
from sceneshift.translator.exporting import write_graph

HEAD = """---
library_name: sceneshift
pipeline_tag: image-to-image
tags: [image-editing, pix2pixhd, stylegan2, street-view]
{licence}---
"""
LICENCE = "license: other\nlicense_name: {}\n"
USE = """## Use

```
pip install sceneshift
sceneshift translate translators/{name}.safetensors photo.jpg edited.jpg --strength 1
```

```python
from sceneshift.translator import load_translator

edited = load_translator("translators/{name}.safetensors")("photo.jpg", strength=1.0)  # a PIL image
```

`onnx/` holds the same editors for other programs: photos float32 [N, 3, H, W] in [0, 1] of any size, and a strength.
`explorer/index.html` runs them in a browser; nothing is uploaded.
"""
LIMITS = """## Limits

These editors have learned from what a generator draws, not from pairs of real photos. They change light, color and
what the generator could vary, in pictures of the kind that they were trained on; of others nothing is known. Figures
hold for the photos named. An edited photo is not a record of a place: say that it is edited wherever it is shown.
"""


def publish(run_folder: Path | str, out: Path | str, settings: PhotosSettings) -> None:
    """Gather a finished run's editors in one folder, to be put on a model hub or a web host as it is.

    run_folder: folder of a run: results/RUN
    out: folder to write: README.md (the model card), generator, translators, onnx, explorer, strips, tables
    settings: what the config says of the photos: licence, credit

    Raises SceneshiftError that names what the run lacks.

    Example: results/streets streets_editors
    """
    run = Path(run_folder)
    ranked = read_table(needed(run / "attributes.csv"), {"attribute": str, "chosen": bool})
    files = {
        row["attribute"]: needed(run / f"translators/{row['attribute']}/translator.safetensors")
        for row in ranked
        if row["chosen"]
    }
    with PhotoStore(needed(run / "photos.h5")) as store:
        kind, shape = "rendered streets" if store.folder is None else "photos", (store.resolution, store.width)
    facts = {name: read_translator(path)[1] for name, path in files.items()}
    cards = {name: run_card(run, name, facts[name], kind, settings.attribution) for name in files}
    with atomic_directory(out) as folder:
        for name in ("translators", "onnx", "evaluation", "strips"):
            (folder / name).mkdir()
        for name, path in files.items():
            shutil.copyfile(path, folder / f"translators/{name}.safetensors")
            write_graph(path, folder / f"onnx/{name}.onnx", "onnx")
            shutil.copyfile(needed(run / f"evaluation/{name}.csv"), folder / f"evaluation/{name}.csv")
            dose = needed(path.with_suffix(".dose.csv"))
            read_responses(dose, path)  # raises for a damaged one
            shutil.copyfile(dose, folder / f"translators/{name}.dose.csv")  # where `translate --effect` looks for it
            if (strip := run / f"edits/{name}.png").is_file():
                shutil.copyfile(strip, folder / f"strips/{name}.png")
        shutil.copyfile(needed(run / "generator/generator.safetensors"), folder / "generator.safetensors")
        shutil.copytree(needed(run / "explorer"), folder / "explorer")
        text = _model_card(run.resolve().name, cards, facts, kind, shape, settings)
        (folder / "README.md").write_text(text, encoding="utf-8")


def _model_card(
    run: str, cards: dict[str, Card], facts: dict[str, TranslatorFacts], kind: str, shape: tuple[int, int],
    settings: PhotosSettings,
) -> str:  # fmt: skip
    licence = LICENCE.format(json.dumps(settings.licence)) if settings.licence else ""
    learned = f"{kind} of {shape[1]} × {shape[0]} pixels"
    if kind == "photos":
        learned += f" ({settings.attribution or 'the config names no licence'})"
    parts = [
        HEAD.format(licence=licence),
        f"# {run}: editors of photos\n",
        f"Feed-forward editors, each for one change at a dose. Made by sceneshift from {learned}, without any paired "
        "photos: a StyleGAN2 (generator.safetensors) was trained on them, directions were found in its latent space, "
        "and each was distilled into a translator.\n",
    ]
    for name, card in cards.items():
        parts.append(f"## {card.title}\n\n`translators/{name}.safetensors`, {facts[name].sizes.head} head.\n")
        parts += [block + "\n" if isinstance(block, str) else _markdown(block) for block in card.blocks]
    return "\n".join([*parts, USE.format(name=next(iter(cards), "NAME")), LIMITS])


def _markdown(table: Table) -> str:
    head, *rows = table
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows)) + "\n"
