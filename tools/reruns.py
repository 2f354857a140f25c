"""What a change reruns: tables for config/README.md. A test plans the workflow once a key and holds them to it."""

import re
from pathlib import Path

from sceneshift.runtime.code_version import modules_behind
from sceneshift.runtime.section import Section
from sceneshift.settings import Settings
from sceneshift.settings.reading import sections_in


def reruns(section: type[Section] = Settings, before: str = "") -> dict[str, tuple[str, ...]]:
    """Key, or `photos.*` for the keys of a section not named themselves -> the rules that rerun when it changes.

    What follows from their results reruns too, if these differ. No rules: the results do not depend on the key.
    """
    rules = {f"{before}*": section.shapes.reruns} if section.shapes else {}
    for name, field in section.model_fields.items():
        key, mark = before + (field.alias or name), section.shapes_of(name)
        if mark and mark.reruns != rules.get(f"{before}*"):
            rules[key] = mark.reruns
        for inner in sections_in(field.annotation):
            rules |= reruns(inner, f"{key}.")
    return rules


def rules_of_key(key: str) -> tuple[str, ...] | None:
    """The rules that rerun when this key changes; None if no mark says so."""
    table, parts = reruns(), key.split(".")
    names = [key]
    for count in range(len(parts) - 1, 0, -1):
        section = ".".join(parts[:count])
        names += [f"{section}.*", section]
    return next((table[name] for name in names if name in table), None)


def key_table() -> str:
    """Markdown: which rules rerun when a key of the config changes."""
    rows = ["| change | reruns, with what follows from it |", "|---|---|"]
    for key, rules in reruns().items():
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
