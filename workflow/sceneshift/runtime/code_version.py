"""A hash of the code that a stage runs, so that changed formulas rerun it and changed comments do not."""

import ast
import functools
import hashlib
import importlib.util
from pathlib import Path

PACKAGE = "sceneshift"

# Modules and packages that cannot change a result: what they show or say, or what reaches a rule as a parameter anyway.
WITHOUT_EFFECT = frozenset(
    {"sceneshift.settings", "sceneshift.runtime.section", "sceneshift.runtime.errors", "sceneshift.runtime.progress"}
    | {"sceneshift.runtime.provenance", "sceneshift.runtime.code_version", "sceneshift.runtime.interruption"}
    | {"sceneshift.runtime.memory", "sceneshift.runtime.files"}
)


def code_version(*modules: str) -> str:
    """Digest of the syntax trees of `modules` and every sceneshift module that they import, without descriptions.

    And of what lies beside these modules: templates, style sheets, scripts.
    """
    behind = sorted(modules_behind(*modules))
    lines = [f"{module} {_tree(module)[0]}" for module in behind]
    for folder in sorted({_path(module).parent for module in behind}):
        lines += _data_in(folder)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def modules_behind(*modules: str) -> set[str]:
    """`modules` and every sceneshift module that they import, without those that cannot change a result."""
    pending, seen = list(modules), set()
    while pending:
        module = pending.pop()
        package = module.rpartition(".")[0]
        if module not in seen and not {module, package} & WITHOUT_EFFECT:
            seen.add(module)
            pending.extend(_tree(module)[1])
    return seen


@functools.cache
def _tree(module: str) -> tuple[str, tuple[str, ...]]:
    """(digest of the module's syntax tree, sceneshift modules that it imports)."""
    path = _path(module)
    if path is None:
        raise ModuleNotFoundError(f"no module {module} to compute a code version of")
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported = []
    for node in ast.walk(tree):
        _drop_what_only_describes(node)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == PACKAGE:
            for alias in node.names:
                submodule = f"{node.module}.{alias.name}"
                imported.append(submodule if _path(submodule) else _home(node.module, alias.name))
        elif isinstance(node, ast.Import):
            imported.extend(alias.name for alias in node.names if alias.name.split(".")[0] == PACKAGE)
        elif isinstance(node, ast.Name) and node.id == "__path__":  # a package that imports every module in it
            imported.extend(f"{module}.{file.stem}" for file in sorted(path.parent.glob("[a-z]*.py")))
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest(), tuple(imported)


def _home(module: str, name: str) -> str:
    """Where `from module import name` has it from: packages pass names on, and their other modules do not count."""
    path = _path(module)
    if path is not None and path.name == "__init__.py":
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ImportFrom) and any((alias.asname or alias.name) == name for alias in node.names):
                return node.module or module
    return module


@functools.cache
def _data_in(folder: Path) -> list[str]:
    """Name and digest of each file in a folder that is not a module."""
    files = sorted(path for path in folder.glob("[!.]*") if path.is_file() and path.suffix not in (".py", ".pyc"))
    return [f"{path.name} {hashlib.sha256(path.read_bytes()).hexdigest()}" for path in files]


@functools.cache
def _path(module: str) -> Path | None:
    root = Path(importlib.util.find_spec(PACKAGE).submodule_search_locations[0]).parent
    base = root.joinpath(*module.split("."))
    return next((p for p in (base.with_suffix(".py"), base / "__init__.py") if p.is_file()), None)


def _drop_what_only_describes(node: ast.AST) -> None:
    """Docstrings, options' descriptions, and imports that only type checkers follow."""
    if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.body:
        first = node.body[0]
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
            node.body = node.body[1:] or [ast.Pass()]
    elif isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
        node.body = [ast.Pass()]
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Field":
        node.keywords = [keyword for keyword in node.keywords if keyword.arg != "description"]
