# Plain `snakemake --cores N` on one machine starts no more GPU jobs than there are GPUs. Each job then takes one for
# itself (sceneshift/runtime/gpu_slots.py). On a cluster the scheduler does both, and `--resources gpu=K` goes before.
from sceneshift.run.gpu_slots import visible_gpus

on_one_machine = workflow.exec_mode == ExecMode.DEFAULT and workflow.resource_settings.nodes is None
gpus = len(visible_gpus()) if on_one_machine else 0

if on_one_machine and "gpu" not in workflow.global_resources:
    if gpus:
        workflow.register_resource("gpu", gpus)
    else:
        logger.info("No GPU here: everything runs on the CPU.")


def share_of_cores(jobs):
    """Threads for each of `jobs` jobs that can run at once, at most 8.

    On CPUs jobs side by side are faster than the same jobs in turn, each on all cores. A cluster's jobs share no cores.
    """
    cores = workflow.resource_settings.cores if on_one_machine else None
    at_once = max(min(jobs, gpus or jobs), 1)
    return 8 if cores is None else min(max(cores // at_once, 1), 8)
