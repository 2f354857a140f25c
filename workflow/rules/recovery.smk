# `kill -9` of Snakemake, then the same command again: it must simply go on. Snakemake leaves two things behind then:
#
# - its lock on the files of the run. A lock of our own, which the kernel releases when the process dies, tells whether
#   another run lives here; if not, any lock of Snakemake's is stale and is removed.
# - marks of unfinished outputs, which ask for --rerun-incomplete. Here this is always the right answer: every output is
#   moved into place whole, and trainings go on from their snapshots.
#
# Both are known to Snakemake only after the rules are read, so this runs from the input function of the first rules.
# Where a future Snakemake lacks these attributes, its own behaviour (an error that says what to do) stays.
import fcntl

run_lock = None  # held open until this process ends


def recover_from_kill():
    """Remove what a killed Snakemake left behind in this working directory, unless another one is at work here."""
    global run_lock
    if workflow.exec_mode != ExecMode.DEFAULT or run_lock is not None:
        return
    if getattr(workflow, "dag_settings", None) is not None:
        workflow.dag_settings.force_incomplete = True
    if workflow.dryrun:
        return
    os.makedirs(".snakemake", exist_ok=True)
    run_lock = open(".snakemake/sceneshift.lock", "w")
    try:
        fcntl.flock(run_lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # another run, or a file system without locks: Snakemake's own lock decides
        return
    stale = list(Path(".snakemake/locks").glob("*.lock"))
    if stale:
        logger.info("The last run here was killed. Going on from where it was.")
    for lock in stale:
        lock.unlink()
