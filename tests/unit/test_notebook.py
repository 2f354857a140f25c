"""docs/quickstart.ipynb runs from its first cell to its last, wherever it is started."""

from pathlib import Path

import pytest

NOTEBOOK = Path(__file__).parents[2] / "docs" / "quickstart.ipynb"


def test_the_notebook_runs_and_ends_with_a_plot(tmp_path):
    nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed")
    pytest.importorskip("ipykernel", reason="ipykernel is not installed")
    nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    kept = [list(cell.outputs) for cell in notebook.cells if cell.cell_type == "code"]
    done = nbclient.NotebookClient(
        notebook, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    ).execute()
    cells = [cell for cell in done.cells if cell.cell_type == "code"]
    assert cells[0].outputs[0].data["text/plain"].startswith("<Translator: more night")
    assert "image/png" in cells[-1].outputs[0].data
    assert len(kept) == len(cells)
    assert all(kept[:3]), "the notebook is kept with what it shows: run it, and save it"
