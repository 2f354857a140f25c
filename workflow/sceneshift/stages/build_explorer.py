"""build_explorer: the page where anyone edits a photo of their own."""

from collections.abc import Sequence
from pathlib import Path

from sceneshift.explorer.cards import Card, plain_card, run_card, shipped_card
from sceneshift.explorer.examples import run_examples, shipped_examples
from sceneshift.explorer.packing import as_script, packed, why_left_out
from sceneshift.explorer.page import Editor, page_text
from sceneshift.photos.store import PhotoStore
from sceneshift.report.run_files import needed
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.files import atomic_file
from sceneshift.runtime.shipped import EDITORS, translator_file
from sceneshift.runtime.tables import read_table
from sceneshift.settings import PhotosSettings
from sceneshift.translator.checkpoints import TranslatorFacts


def build_explorer(
    out: Path | str,
    settings: PhotosSettings,
    *,
    run_folder: Path | str | None = None,
    translators: Sequence[Path] = (),
    single: bool = False,
) -> None:
    """Build a page where anyone edits photos of their own in the browser: nothing is uploaded.

    out: page to write (.html); its translators go to the folder models beside it
    settings: what the config says of the photos: show, licence, credit
    run_folder: folder of a run, results/RUN, whose editors are on the page
    translators: translators (.safetensors) that are on it too, or shipped editors' names
    single: hold the translators inside the page: one file, to send by mail

    Open it by double click, or put it on any web host. Translators that a page cannot run are named there.

    Example: explorer/index.html --translators night snow fog
    """
    if run_folder is None and not translators:
        raise SceneshiftError("No editor is named: give --translators night snow, or --run-folder results/RUN.")
    run = None if run_folder is None else Path(run_folder)
    files = {} if run is None else _chosen(run)
    for path in map(translator_file, translators):
        name = path.parent.name if path.stem == "translator" else path.stem
        if run is not None and path.parent == EDITORS:
            name = f"shipped-{name}"  # an edit of the run may have the same
        if name in files:
            raise SceneshiftError(f"{files[name]} and {path} would both be called {name} on the page. Rename one file.")
        files[name] = path
    editors, left_out, weights = [], [], {}
    for name, path in files.items():
        text, facts = packed(path)
        if reason := why_left_out(facts.sizes):
            left_out.append((name, reason))
            continue
        editors.append(Editor(name, facts.resolution, _card(name, path, facts, run, settings.attribution)))
        if single:
            weights[name] = text
        else:
            _renew(Path(out).parent / "models" / f"{name}.js", as_script(name, text, facts))
    examples = [] if run is None else run_examples(run, settings)
    if translators:
        examples += shipped_examples()
    title = "sceneshift" if run is None else run.resolve().name
    with atomic_file(out) as temporary:
        temporary.write_text(page_text(title, editors, examples, left_out, weights), encoding="utf-8")


def _chosen(run: Path) -> dict[str, Path]:
    """Name -> translator of every edit of a run."""
    ranked = read_table(needed(run / "attributes.csv"), {"attribute": str, "chosen": bool})
    return {
        row["attribute"]: run / f"translators/{row['attribute']}/translator.safetensors"
        for row in ranked
        if row["chosen"]
    }


def _card(name: str, path: Path, facts: TranslatorFacts, run: Path | None, attribution: str) -> Card:
    if run is not None and path.is_relative_to(run):
        with PhotoStore(run / "photos.h5") as store:
            kind = "rendered streets" if store.folder is None else "photos"
        return run_card(run, name, facts, kind, attribution)
    if path.parent == EDITORS:
        return shipped_card(path.stem, path.with_suffix(".md").read_text(encoding="utf-8"))
    return plain_card(name, facts)


def _renew(path: Path, text: str) -> None:
    """Write a file unless it holds this text: in a run, pack-translator has made it."""
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        with atomic_file(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
