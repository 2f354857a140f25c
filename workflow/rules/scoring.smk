# The attribute predictors, all in one file, and those that judge; what they take from elsewhere is downloaded first.
fetched, downloads = with_downloads([*settings.predictors, *second.values()], folder=in_place(results("downloads")))
predictors = fetched[: len(settings.predictors)]
second = dict(zip(second, fetched[len(predictors) :]))
predictor_paths = [path for predictor in predictors for path in predictor.sources().values()]

if downloads:

    rule fetch:
        output:
            file="results/downloads/{file}",
        log:
            "results/downloads/logs/{file}.log",
        benchmark:
            "results/downloads/benchmarks/{file}.tsv"
        wildcard_constraints:
            file=one_of(downloads),
        localrule: True  # a cluster's nodes often have no internet
        conda:
            "../../envs/sceneshift.yaml"
        resources:
            mem_mb=doubling(2000),
            runtime=doubling(60),
        params:
            # a function of the output does not trigger a rerun: another mirror is no reason to fetch the file again
            urls=lambda wildcards, output: downloads[wildcards.file],
        shell:
            "sceneshift fetch {output.file:q} {params.urls:q} 2>&1 | tee {log:q}"


# The generator waits for this. Only new photos rerun it: other labels must not train the generator again. What is wrong
# with those, fit_predictor reports.
rule check_labels:
    input:
        photos=results("{run}/photos.h5"),
    output:
        touch(results("{run}/predictor/labels.checked")),
    log:
        logs("{run}/check_labels.log"),
    benchmark:
        benchmarks("{run}/check_labels.tsv")
    priority: 1
    conda:
        "../../envs/sceneshift.yaml"
    resources:
        mem_mb=doubling(4000),
        runtime=doubling(30),
    params:
        settings=uncompared(canonical_json(predictors)),
        halves=uncompared("--halves" if halves else ""),
    shell:
        "sceneshift check-labels {input.photos:q} --settings {params.settings:q} {params.halves} 2>&1 | tee {log:q}"


rule fit_predictor:
    input:
        recovered,
        photos=results("{run}/photos.h5") if learned(predictors) else [],
        files=given(*predictor_paths),
    output:
        predictor=results("{run}/predictor/predictor.safetensors"),
        accuracy=report(
            results("{run}/predictor/accuracy.csv"),
            caption="../report/accuracy.rst",
            category="Attributes",
            labels={"what": "Held-out accuracy of the predictor"},
        ),
    log:
        logs("{run}/fit_predictor.log"),
    benchmark:
        benchmarks("{run}/fit_predictor.tsv")
    priority: 0 if learned(predictors) else 2  # what is wrong with a finished model is known before the training
    conda:
        "../../envs/sceneshift.yaml"
    threads: share_of_cores(1 + len(judges))
    resources:
        gpu=1,
        mem_mb=doubling(8000),
        runtime=doubling(120),
    params:
        settings=compared(predictors),
        contents=lambda wildcards: contents(*predictor_paths),
        resolution=settings.photos.resolution,
        width=settings.photos.shape[1],
        half="--half predictor" if halves else "",
        seed=settings.seed,
        code=code_version("sceneshift.stages.fit_predictor"),
    shell:
        "sceneshift fit-predictor {input.photos:q} {output.predictor:q} --accuracy {output.accuracy:q}"
        " --resolution {params.resolution} --width {params.width} {params.half}"
        " --settings {params.settings:q} --seed {params.seed} 2>&1 | tee {log:q}"
