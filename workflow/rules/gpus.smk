# Plain `snakemake --cores N` on one machine starts no more GPU jobs than there are GPUs. Each job then takes one for
# itself (sceneshift/runtime/gpu_slots.py). On a cluster the scheduler does both, and `--resources gpu=K` goes before.
# Where a future Snakemake lacks these attributes, jobs wait for a GPU in the slots instead.
from sceneshift.runtime.gpu_slots import visible_gpus


def limit_gpu_jobs():
    """Make the number of this machine's GPUs the limit of the resource `gpu`."""
    one_machine = workflow.resource_settings.nodes is None
    if workflow.exec_mode != ExecMode.DEFAULT or not one_machine or "gpu" in workflow.global_resources:
        return
    gpus = len(visible_gpus())
    if gpus:
        workflow.global_resources["gpu"] = gpus
    else:
        logger.info("No GPU here: everything runs on the CPU.")


try:
    limit_gpu_jobs()
except AttributeError as error:
    logger.warning(f"This Snakemake is unlike the ones tested ({error}): use --resources gpu=N, N the number of GPUs.")
