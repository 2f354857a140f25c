"""A paragraph for a paper's methods section, from what the run did, and how to cite the software."""

from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, metadata
from typing import Any

import sceneshift
from sceneshift.report.edits import Edit
from sceneshift.report.text import figure, listed, spoken


def methods(
    subject: dict[str, Any] | None,
    generator: dict[str, Any] | None,
    codes: int | None,
    edits: Sequence[Edit],
    config: dict[str, Any],
) -> str:
    """What the run did, as far as it has come, step by step; the config's share only where it is known."""
    parts = [_generator(subject, generator, config.get("generator", {}))] if subject and generator else []
    if codes is not None:
        psi = config.get("synthesis", {}).get("truncation_psi")
        parts.append(
            f"{codes:,} images were synthesized{f' with truncation ψ = {psi:g}' if psi is not None else ''} and scored"
            " by attribute predictors of the form s = f·Wᵀ; linear support vector machines separated their codes in W"
            " by attribute, and the attributes were ranked by re-scoring (Yang et al., arXiv 1911.09267; Shen et al.,"
            " arXiv 1907.10786)."
        )
    parts += [_edit(edit) for edit in edits if edit.pairs]
    shown = config.get("translator", {}).get("images")
    if made := [edit for edit in edits if edit.measured]:
        parts.append(
            "On the pairs of each edit a pix2pixHD translator (Wang et al., arXiv 1711.11585) was trained"
            f"{f' for {shown:,} pairs shown' if shown else ''}, as in StyleGAN2 Distillation (Viazovetskyi et al.,"
            f" arXiv 2003.03581), and evaluated on {made[0].measured.own.photos:,} held-out {subject['kind']};"
            " intervals are 95 % bootstrap intervals over photos."
        )
    return " ".join([*parts, f"All with sceneshift {sceneshift.__version__}."])


def _generator(subject: dict[str, Any], generator: dict[str, Any], config: dict[str, Any]) -> str:
    if not generator["images"]:
        return f"A generator of images of {subject['size']} px was made elsewhere and imported."
    augmented = " with adaptive discriminator augmentation (arXiv 2006.06676)" if config.get("augment") == "ada" else ""
    before = generator["seen_before"]
    return (
        f"A StyleGAN2 generator (Karras et al., arXiv 1912.04958) of images of {subject['size']} px was trained"
        f"{augmented} for {generator['images']:,} images on {subject['trained']:,} {subject['kind']}"
        f"{f', from one that had seen {before:,} images' if before else ''}; {subject['held_out']:,} were held out."
    )


def _edit(edit: Edit) -> str:
    record = edit.pairs.record
    if record.distance is None:
        return f"The pairs for {edit.title} were made elsewhere."
    held = f", orthogonal to {listed([spoken(name) for name in record.condition_on])}" if record.condition_on else ""
    steps = [f"{figure(step, 2)} of that along the one of {spoken(name)}" for name, step in record.also.items()]
    also = f", and {listed(steps)}" if steps else ""
    return (
        f"For {edit.title}, codes moved by {figure(record.distance, 2)} in {record.space.upper()} along the"
        f" normal{held}{also} ({record.level} layers; {figure(record.deviations, 1)} standard deviations of the codes),"
        f" and {record.kept:,} of {record.tried:,} candidate pairs were kept, on whose attribute the predictor agreed."
    )


def bibtex() -> str:
    """An entry for this version of the software."""
    try:
        addresses = metadata("sceneshift").get_all("Project-URL") or []
    except PackageNotFoundError:  # used from a checkout that is not installed
        addresses = []
    url = next((line.partition(", ")[2] for line in addresses if line.startswith("Repository")), "")
    fields = {
        "title": "{sceneshift}: photo editors from a folder of scene photos, without paired photos",
        "author": "{The sceneshift authors}",
        "version": sceneshift.__version__,
        "url": url,
        "license": "Apache-2.0",
    }
    return (
        "@software{sceneshift,\n"
        + "".join(f"  {name} = {{{value}}},\n" for name, value in fields.items() if value)
        + "}"
    )
