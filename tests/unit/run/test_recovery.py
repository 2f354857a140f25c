"""What a kill or a hand left of a run is found."""

import os

from sceneshift.run.plan import PlannedJob
from sceneshift.run.recovery import changed_outputs, stale_locks

ENDED = 1_000_000.0


def planned(folder, *names, rule="synthesize"):
    return [(rule, [PlannedJob(name, True, folder / "log", folder / "tsv", [folder / name]) for name in names])]


def made(path, time=ENDED):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("")
    os.utime(path, (time, time))


def test_locks_of_this_run_alone_are_stale(tmp_path):
    (tmp_path / "0.input.lock").write_text("results/a/photos.h5\n")
    (tmp_path / "1.output.lock").write_text("results/ab/photos.h5\n")
    assert stale_locks(tmp_path, "results/a") == [tmp_path / "0.input.lock"]


def test_a_file_with_another_time_than_its_job_ended_was_changed(tmp_path):
    made(tmp_path / "0000.h5")
    made(tmp_path / "0001.h5", ENDED + 60)
    made(tmp_path / "0002.h5", ENDED - 60)
    made(tmp_path / "0003.h5", ENDED - 0.5)  # an archive that keeps whole seconds
    jobs = planned(tmp_path, "0000.h5", "0001.h5", "0002.h5", "0003.h5", "lost.h5")
    changed, all_of_them = changed_outputs(jobs, lambda output: ENDED)
    assert [path.name for path in changed] == ["0001.h5", "0002.h5", "lost.h5"]
    assert not all_of_them


def test_other_lost_files_and_unfinished_jobs_are_left_to_snakemake(tmp_path):
    made(tmp_path / "new.npz", ENDED + 60)
    jobs = planned(tmp_path, "lost.npz", "new.npz", rule="fit_boundary")
    assert changed_outputs(jobs, lambda output: None)[0] == []
    assert changed_outputs(jobs, lambda output: ENDED)[0] == [tmp_path / "new.npz"]


def test_of_a_folder_its_files_count(tmp_path):
    made(tmp_path / "train_A" / "0.png", ENDED - 60)
    made(tmp_path / "train_A" / ".hidden", ENDED + 60)
    jobs = planned(tmp_path, "train_A", rule="make_pairs")
    assert changed_outputs(jobs, lambda output: ENDED)[0] == []
    made(tmp_path / "train_A" / "0.png", ENDED + 60)
    assert changed_outputs(jobs, lambda output: ENDED) == ([tmp_path / "train_A"], True)
