"""`make benchmark` in miniature: every measure runs, and the table has them all."""

import pandas as pd

from tools import benchmark


def test_every_measure_runs_and_is_written_down(monkeypatch, tmp_path, capsys):
    sizes = {
        "NETWORK": {"z_dim": 16, "w_dim": 16, "channel_base": 64, "channel_max": 8, "mapping_layers": 2},
        "BATCH": 4, "TRAINING_IMAGES": 8, "FLOPS_IMAGES": 4, "PLAIN": {"channels": 4, "side": 4, "product": 8},
        "PHOTOS": 60, "SYNTHESIS_IMAGES": 8, "SMALL_RUN": 20, "LARGE_RUN": 40,
        "SHARDS": 2, "SHARD_SIZE": 5000, "TRANSLATOR_SIZE": 64, "TURNS": 1,
    }  # fmt: skip
    for name, value in sizes.items():
        monkeypatch.setattr(benchmark, name, value)
    monkeypatch.setattr("sys.argv", ["benchmark", str(tmp_path / "results" / "benchmark.csv")])
    benchmark.main()
    table = pd.read_csv(tmp_path / "results" / "benchmark.csv")
    assert list(table.columns) == ["measure", "value", "unit"]
    assert (table["value"] > 0).all()
    printed = capsys.readouterr().out
    assert all(measure in printed for measure in table["measure"])
    assert len(table) == 27
