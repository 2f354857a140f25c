"""What a change makes anew: tables for config/README.md. A test plans the workflow once a key and holds them to it."""

import re
from pathlib import Path

from sceneshift.runtime.code_version import modules_behind

# Key, or all keys of a section that are not named themselves -> the rules that rerun when it changes. What follows from
# their results reruns too, as far as these differ. No rules: the results do not depend on it.
RERUNS: dict[str, tuple[str, ...]] = {
    "run": ("everything, in a folder of its own",),
    "seed": (
        "prepare_photos", "train_generator", "fit_predictor", "synthesize", "index_synthesis", "fit_boundary",
        "synthesize_unedited", "rescore_boundary", "edit", "make_pairs", "train_translator", "fit_judge",
        "evaluate_translator",
    ),
    "photos.*": ("prepare_photos",),
    "photos.resolution": ("prepare_photos", "fit_predictor", "fit_judge"),
    "photos.width": ("prepare_photos", "fit_predictor", "fit_judge"),
    "photos.mirror": ("train_generator",),
    "photos.max_skipped": (),
    "generator.*": ("train_generator",),
    "generator.import": ("import_generator",),
    "generator.gpus": (),
    "generator.snapshot_images": (),
    "generator.frechet_images": (),
    "predictors": ("fit_predictor",),
    "synthesis.count": ("synthesize", "index_synthesis", "fit_boundary"),
    "synthesis.shard_size": ("synthesize", "index_synthesis", "fit_boundary"),
    "synthesis.truncation_psi": ("synthesize", "index_synthesis", "synthesize_unedited"),
    "synthesis.keep_images": ("synthesize",),
    "synthesis.batch": ("synthesize", "synthesize_unedited"),
    "boundaries.*": ("fit_boundary",),
    "boundaries.attributes": ("fit_boundary", "rescore_boundary", "rank_attributes", "report"),
    "boundaries.import": ("import_boundary",),
    "boundaries.sefa.*": ("factorize_generator", "rescore_boundary", "rank_attributes", "report"),
    "rescoring.count": ("synthesize_unedited",),
    "rescoring.distance": ("rescore_boundary",),
    "edits.top": ("rank_attributes",),
    "edits.attributes": ("rank_attributes", "make_pairs"),
    "edits.attributes.*": ("make_pairs",),
    "edits.attributes.attribute": ("rank_attributes", "make_pairs"),
    "edits.attributes.pairs": ("make_pairs", "import_pairs"),
    "edits.attributes.direction": ("rank_attributes", "make_pairs"),
    "pairs.*": ("make_pairs",),
    "pairs.truncation_psi": ("edit", "make_pairs"),
    "translator.*": ("train_translator",),
    "translator.gpus": (),
    "translator.head": ("train_translator", "translate"),
    "translator.snapshot_images": (),
    "translate.folder": ("translate", "report"),
    "translate.strength": ("translate", "evaluate_translator"),
    "evaluation.*": ("evaluate_translator",),
    "evaluation.judge": ("fit_judge", "evaluate_translator", "report"),
}  # fmt: skip


def rules_of_key(key: str) -> tuple[str, ...] | None:
    """The rules that rerun when this key changes; None if the table does not know it."""
    parts = key.split(".")
    sections = (".".join(parts[:count]) + ".*" for count in range(len(parts) - 1, 0, -1))
    return next((RERUNS[name] for name in (key, *sections) if name in RERUNS), None)


def key_table() -> str:
    """Markdown: which rules rerun when a key of the config changes."""
    rows = ["| change | made anew, with what follows from it |", "|---|---|"]
    for key, rules in RERUNS.items():
        named = ", ".join(f"`{rule}`" if rule.isidentifier() else rule for rule in rules)
        rows.append(f"| `{key}` | {named or 'nothing'} |")
    return "\n".join(rows)


def rule_table() -> str:
    """Markdown: the module that each rule runs."""
    rows = ["| rule | module |", "|---|---|"]
    for rule, modules in _modules_of_rules():
        rows.append(f"| `{rule}` | {', '.join(f'`{module}`' for module in modules)} |")
    return "\n".join(rows)


def rules_of_modules() -> dict[str, list[str]]:
    """Module -> the rules that rerun when it changes; comments, docstrings and white space do not count."""
    rules: dict[str, list[str]] = {}
    for rule, named in _modules_of_rules():
        for module in modules_behind(*named):
            rules.setdefault(module, []).append(rule)
    return dict(sorted(rules.items()))


def _modules_of_rules() -> list[tuple[str, list[str]]]:
    """(rule, the modules that its code_version names) in the workflow's order."""
    workflow = Path(__file__).parents[1] / "workflow"
    snakefile = (workflow / "Snakefile").read_text(encoding="utf-8")
    found = []
    for name in re.findall(r'^include: "(rules/\w+\.smk)"', snakefile, flags=re.M):
        rules = re.split(r"^ *(?:rule|checkpoint) (\w+):$", (workflow / name).read_text(encoding="utf-8"), flags=re.M)
        for rule, body in zip(rules[1::2], rules[2::2], strict=True):
            if named := re.search(r"code_version\((.*)\)", body):
                found.append((rule, re.findall(r'"([\w.]+)"', named[1])))
    return found


if __name__ == "__main__":
    for module, rules in rules_of_modules().items():
        print(f"{module}: {', '.join(rules)}")
