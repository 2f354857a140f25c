# results/RUN/plan.json: what this command is going to do, written before its first job. `sceneshift status` holds logs
# and benchmarks against it; the next run looks there for what it may find made (recovery.smk). Nothing depends on it.
import json

from snakemake.io import strip_wildcard_constraints

PLAN = f"results/{settings.run}/plan.json"


def planned():
    """The rules in the workflow's order, each with its patterns and with its jobs: wildcards, and whether to run."""
    for stage in workflow.rules:
        if stage.log:
            outputs = [strip_wildcard_constraints(str(output)) for output in stage.output]
            yield {
                "rule": stage.name,
                "log": strip_wildcard_constraints(str(stage.log[0])),
                "benchmark": strip_wildcard_constraints(str(stage.benchmark)),
                "outputs": outputs,
                "behind_ranking": not set(outputs).isdisjoint(behind_ranking),
                "attributes": stage.wildcard_constraints.get("attribute", ".*"),
                "jobs": [
                    {"wildcards": dict(job.wildcards_dict), "due": workflow.dag.needrun(job)}
                    for job in workflow.dag.jobs
                    if job.rule is stage
                ],
            }


onstart:
    from sceneshift.runtime.files import atomic_file

    with atomic_file(PLAN) as temporary:
        temporary.write_text(json.dumps({"run": settings.run, "rules": list(planned())}, indent=1) + "\n")
