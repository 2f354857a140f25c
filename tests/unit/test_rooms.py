"""The package's rooms: which folder imports which, and that the plan of a run needs no torch."""

import ast
import subprocess
import sys
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "workflow" / "sceneshift"


def rooms_imported() -> dict[str, set[str]]:
    """Folder -> the folders that its files import."""
    found: dict[str, set[str]] = {}
    for path in PACKAGE.rglob("*.py"):
        room, *inside = path.relative_to(PACKAGE).parts
        if not inside:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            imported = {name.split(".")[1] for name in names if name.startswith("sceneshift.")}
            found.setdefault(room, set()).update(imported - {room})
    return found


def test_no_folder_imports_one_that_imports_it():
    left = rooms_imported()
    while left:
        lowest = {room for room, imported in left.items() if not imported & left.keys()}
        assert lowest, f"these import each other in a circle: {left}"
        left = {room: imported for room, imported in left.items() if room not in lowest}


def test_stages_import_no_stages_and_are_imported_by_the_command_line_alone():
    imported = rooms_imported()
    assert {room for room in imported if "stages" in imported[room]} <= {"cli"}
    for path in (PACKAGE / "stages").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                assert not (node.module or "").startswith("sceneshift.stages"), path


def test_one_module_imports_snakemake():
    importing = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if any(name.startswith("snakemake") for name in names):
                importing.add(path.relative_to(PACKAGE).as_posix())
    assert importing == {"run/snakemake.py"}


def test_the_plan_of_a_run_needs_no_torch():
    code = (
        "import sys, pkgutil, importlib, sceneshift.settings, sceneshift.attributes, sceneshift.run\n"
        "for room in (sceneshift.settings, sceneshift.attributes, sceneshift.run):\n"
        "    for module in pkgutil.iter_modules(room.__path__, f'{room.__name__}.'):\n"
        "        importlib.import_module(module.name)\n"
        "print(*sys.modules)"
    )
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert not {"torch", "sklearn", "pandas", "scipy", "onnxruntime"} & set(loaded)
