"""Places365's network beside heads and formulas: downloaded by the workflow, or put in place by hand."""

import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import h5py
import numpy as np
import pytest

from sceneshift.photos.store import PhotoStore
from sceneshift.scoring import load_predictor

pytestmark = pytest.mark.slow


@pytest.fixture
def server(places365_files):
    """Serves the published files on 127.0.0.1."""
    handler = partial(SimpleHTTPRequestHandler, directory=places365_files.network.parent)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def places365(network, attributes_matrix):
    return {
        "kind": "places365",
        "network": network,
        "attributes_matrix": attributes_matrix,
        "precision": "auto",
        "attributes": ["sunny", "outdoor", "scene_street"],
    }


def test_three_kinds_score_side_by_side_and_another_mirror_makes_nothing_anew(run, tmp_path, server, places365_files):
    network, matrix = places365_files.network.name, f"{server}/{places365_files.attributes_matrix.name}"
    config = run.config("synthesis", to={"count": 40, "shard_size": 40})
    heads, warmth = config["predictors"][0], {"kind": "photometric", "attributes": ["warmth"]}
    config["predictors"] = [heads, places365([f"{server}/gone/{network}", f"{server}/{network}"], matrix), warmth]
    mixed = run.copy(tmp_path / "run")
    mixed.make(config, "results/tiny/synthesis.h5")
    predictor = load_predictor(mixed.results / "predictor" / "predictor.safetensors")
    assert predictor.attributes[-4:] == ["sunny", "outdoor", "scene_street", "warmth"]
    with h5py.File(mixed.results / "synthesis.h5") as store, PhotoStore(mixed.results / "photos.h5") as photos:
        assert list(store["scores"].attrs["attributes"]) == predictor.attributes
        assert np.isfinite(store["scores"][:]).all()
        assert predictor.score(photos.images(range(2))).shape == (2, 9)
    config["predictors"][1] = places365([f"{server}/other/{network}"], matrix)
    assert not {"fetch", "fit_predictor", "synthesize"} & set(mixed.plan(config))


def test_a_dead_link_stops_the_run_and_a_file_put_there_by_hand_mends_it(fresh, server, places365_files):
    name, target = places365_files.network.name, "results/tiny/predictor/predictor.safetensors"
    config = fresh.config("predictors", to=[places365(f"{server}/gone/{name}", str(places365_files.attributes_matrix))])
    config["boundaries"], config["edits"] = {"attributes": ["sunny"]}, {"top": 1}
    done = fresh.snakemake(config, target)
    assert done.returncode != 0
    assert f"{server}/gone/{name}: 404" in done.stdout + done.stderr
    assert f"put it at results/downloads/{name} by hand" in done.stdout + done.stderr
    (fresh.folder / "results" / "downloads" / name).write_bytes(places365_files.network.read_bytes())
    fresh.make(config, target)
    assert (fresh.folder / target).is_file()
