# The attribute predictors, all in one file.


rule fit_predictor:
    input:
        photos=results("{run}/photos.h5") if has_heads else [],
        labels=predictor_labels,
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
    conda:
        "../../envs/sceneshift.yaml"
    threads: 8
    resources:
        gpu=1,
        mem_mb=megabytes(8000),
        runtime=minutes(120),
    params:
        settings=canonical_json(settings.predictors),
        resolution=settings.photos.resolution,
        width=settings.photos.shape[1],
        seed=settings.seed,
        code=code_version("sceneshift.scoring.fitting"),
    shell:
        "sceneshift fit-predictor {input.photos:q} {output.predictor:q} --accuracy {output.accuracy:q}"
        " --resolution {params.resolution} --width {params.width}"
        " --settings {params.settings:q} --seed {params.seed} 2>&1 | tee {log:q}"
