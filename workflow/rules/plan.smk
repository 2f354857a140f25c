# results/RUN/plan.json: what this command is going to do, written before its first job. `sceneshift status` holds logs
# and benchmarks against it; the next run looks there for what it may find made (recovery.smk). Nothing depends on it.
# And what Snakemake alone knows of a job, its stage's log is told too: a killed stage says nothing itself.
import json
import logging

from snakemake.io import strip_wildcard_constraints
from snakemake_interface_logger_plugins.common import LogEvent

from sceneshift.run.attempts import note_another_attempt, note_failure

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


class StageLogs(logging.Handler):
    """Notes failures, and that a job that failed is tried again, in the logs of the stages."""

    failed = set()

    def emit(self, record):
        event, logs = getattr(record, "event", None), getattr(record, "log", None)
        if event == LogEvent.JOB_ERROR and logs:
            self.failed.add(logs[0])
            note_failure(Path(logs[0]), record.rule_msg, [Path(log) for log in logs[1:]])
        elif event == LogEvent.JOB_INFO and logs and logs[0] in self.failed:
            note_another_attempt(Path(logs[0]))


onstart:
    from sceneshift.runtime.files import atomic_file

    logger.addHandler(StageLogs())
    with atomic_file(PLAN) as temporary:
        temporary.write_text(json.dumps({"run": settings.run, "rules": list(planned())}, indent=1) + "\n")
