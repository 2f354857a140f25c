# `kill -9` of Snakemake, then the same command again: it must simply go on. Snakemake leaves two things behind then:
#
# - its locks on the files of the run. A lock of our own, which the kernel releases when the process dies, tells whether
#   another command works on this run; if not, any lock of Snakemake's on its files is stale and is removed.
# - marks of unfinished outputs, which ask for --rerun-incomplete. Here this is always the right answer: every output is
#   moved into place whole, and trainings go on from their snapshots.
#
# And a finished file that was damaged or replaced since must not be built on: Snakemake itself would make anew what
# follows from it, from what it now holds. Its time is no longer that at which its job ended; so its job is done again.
#
# All this is known to Snakemake only after the rules are read, so it runs from the input function of the first rules.
# Where a future Snakemake lacks these attributes, its own behaviour (an error that says what to do) stays.
import fcntl
import shutil

from snakemake.io import _IOFile

from sceneshift.run.plan import planned_jobs

run_lock = None  # held open until this process ends


def recover_from_kill():
    """Put in order what a killed Snakemake, or someone's hand, left of this run, unless another command works on it."""
    global run_lock
    if workflow.exec_mode != ExecMode.DEFAULT or run_lock is not None:
        return
    if getattr(workflow, "dag_settings", None) is not None:
        workflow.dag_settings.force_incomplete = True
    if workflow.dryrun:
        return
    os.makedirs(".snakemake", exist_ok=True)
    run_lock = open(f".snakemake/sceneshift-{settings.run}.lock", "w")
    try:
        fcntl.flock(run_lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # another command, or a file system without locks: Snakemake's own lock decides
        return
    remove_stale_locks()
    make_changed_outputs_anew()


def remove_stale_locks():
    """Snakemake's locks on files of this run; nobody holds them any more."""
    stale = [
        lock
        for lock in Path(".snakemake/locks").glob("*.lock")
        if f"results/{settings.run}/" in lock.read_text(errors="replace")
    ]
    if stale:
        logger.info("The last command was killed. Going on from where it was.")
    for lock in stale:
        lock.unlink()


def make_changed_outputs_anew():
    """Force the jobs whose finished outputs have another time than when they ended, and those of lost shards."""
    if not Path(PLAN).is_file():
        return
    finished, changed = 0, []
    for stage, jobs in planned_jobs(Path(PLAN).parent):
        for output in (output for job in jobs for output in job.outputs):
            record = workflow.persistence.metadata(_IOFile(str(output), rule=None))
            if not record or not record.endtime or not output.is_relative_to(f"results/{settings.run}"):
                continue  # never finished, or shared by runs
            finished += 1
            # other lost files are made when something needs them: pairs may be deleted once their translator is there
            if was_changed(output, record.endtime) if output.exists() else stage == "synthesize":
                changed.append(output)
    if changed and len(changed) == finished:
        logger.warning(f"Every file of results/{settings.run} has a new time, as after a copy (next time: cp -a).")
        return
    for output in changed:
        kept = f" (kept as {shutil.copy2(output, f'{output}.set-aside')})" if output.is_file() else ""
        logger.warning(f"{output} was changed or lost after it was made, and is made anew{kept}.")
    workflow.dag.forcefiles.update(map(str, changed))


def was_changed(output, ended):
    """Whether a file's time is another than `ended`, or one of a folder's files is newer. Some archives cut fractions."""
    if output.is_file():
        return not ended - 1 <= output.stat().st_mtime <= ended + 0.01
    return any(path.stat().st_mtime > ended + 0.01 for path in output.rglob("[!.]*") if path.is_file())
