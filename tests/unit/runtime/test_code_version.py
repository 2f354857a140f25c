"""The code version changes with formulas, and with nothing else."""

import pytest

from sceneshift.runtime import code_version as subject

MODULE = '''"""Doc."""
from sceneshift.stage import formula


def f(x):
    """What."""
    return formula.g(x) * 2  # why
'''
FORMULA = "def g(x):\n    return x + 1\n"


@pytest.fixture
def version(tmp_path, monkeypatch):
    """A function that writes modules and gives the version of sceneshift.main."""
    package = tmp_path / "sceneshift"
    (package / "stage").mkdir(parents=True)
    (package / "runtime").mkdir()

    def path(module):
        base = tmp_path.joinpath(*module.split("."))
        return next((p for p in (base.with_suffix(".py"), base / "__init__.py") if p.is_file()), None)

    monkeypatch.setattr(subject, "_path", path)

    def of(main=MODULE, formula=FORMULA, **others):
        (package / "main.py").write_text(main)
        (package / "stage" / "formula.py").write_text(formula)
        (package / "runtime" / "progress.py").write_text(others.get("progress", "x = 1\n"))
        subject._tree.cache_clear()
        subject._data_in.cache_clear()
        return subject.code_version("sceneshift.main")

    yield of
    subject._tree.cache_clear()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("# why", "# because"),
        ('"""What."""', '"""What, in full."""'),
        ('"""Doc."""', '"""Other."""'),
        ("(x) * 2", "( x )*2"),
    ],
)
def test_comments_docstrings_and_spaces_do_not_count(version, old, new):
    assert old in MODULE
    assert version(MODULE.replace(old, new)) == version()


@pytest.mark.parametrize(("old", "new"), [("* 2", "* 3"), ("formula.g(x)", "formula.g(-x)")])
def test_a_formula_counts(version, old, new):
    assert version(MODULE.replace(old, new)) != version()


def test_an_imported_formula_counts(version):
    assert version(formula=FORMULA.replace("+ 1", "+ 2")) != version()


def test_of_a_package_only_what_is_taken_from_it_counts(version, tmp_path):
    """`from sceneshift.scoring import load_predictor` must not depend on how predictors are fitted."""
    package = tmp_path / "sceneshift" / "stage"
    (package / "__init__.py").write_text(
        "from sceneshift.stage.formula import g\nfrom sceneshift.stage.other import h\n"
    )
    (package / "other.py").write_text("def h(x): return 1\n")
    main = "from sceneshift.stage import g\n"
    before = version(main)
    (package / "other.py").write_text("def h(x): return 2\n")
    assert version(main) == before
    assert version(main, formula=FORMULA.replace("+ 1", "+ 2")) != before


@pytest.mark.parametrize("name", ["page.css", "page.js", "page.html.j2"])
def test_what_lies_beside_the_modules_counts(version, tmp_path, name):
    beside, elsewhere = tmp_path / "sceneshift" / "stage" / name, tmp_path / "sceneshift" / "other" / name
    elsewhere.parent.mkdir()
    beside.write_text("old")
    before = version()
    elsewhere.write_text("another stage's")
    assert version() == before
    beside.write_text("new")
    assert version() != before


def test_what_only_speaks_does_not_count(version):
    main = MODULE.replace("import formula", "import formula\nfrom sceneshift.runtime.progress import x")
    assert version(main, progress="x = 1\n") == version(main, progress="x = 2\n")


def test_a_string_that_is_no_docstring_counts(version):
    assert version(MODULE + 'name = "a"\n') != version(MODULE + 'name = "b"\n')


def test_a_missing_module_is_named():
    with pytest.raises(ModuleNotFoundError, match=r"sceneshift\.nowhere"):
        subject.code_version("sceneshift.nowhere")


def test_all_that_lies_in_a_package_counts_where_it_imports_what_it_finds(version, tmp_path):
    package = tmp_path / "sceneshift" / "kinds"
    package.mkdir()
    (package / "__init__.py").write_text("import pkgutil\nKINDS = [x.name for x in pkgutil.iter_modules(__path__)]\n")
    (package / "one.py").write_text("x = 1\n")
    main = "from sceneshift.kinds import KINDS\n"
    before = version(main)
    (package / "one.py").write_text("x = 2\n")
    assert version(main) != before


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('Field(1, description="What.")', 'Field(1, description="What, in full.")'),
        ("    from sceneshift.stage import formula\n", "    from sceneshift.stage.formula import g\n"),
    ],
)
def test_what_describes_an_option_or_a_type_does_not_count(version, old, new):
    main = 'if TYPE_CHECKING:\n    from sceneshift.stage import formula\nx = Field(1, description="What.")\n'
    assert old in main
    assert version(main) == version(main.replace(old, new))
    assert version(main) != version(main.replace("Field(1", "Field(2"))
