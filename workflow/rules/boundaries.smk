# One linear SVM boundary an attribute, in W.


rule fit_boundary:
    input:
        store=results("{run}/synthesis.h5"),
        shards=ancient(shards),  # the store knows their contents; a shard remade the same changes nothing
    output:
        boundary=results("{run}/boundaries/{attribute}.npz"),
    log:
        logs("{run}/fit_boundary/{attribute}.log"),
    benchmark:
        benchmarks("{run}/fit_boundary/{attribute}.tsv")
    conda:
        "../../envs/sceneshift.yaml"
    resources:
        mem_mb=megabytes(2000),
        runtime=minutes(10),
    params:
        settings=settings_json("boundaries", but=("attributes",)),
        seed=settings.seed,
        code=code_version("sceneshift.latents.boundaries"),
    shell:
        "sceneshift fit-boundary {input.store:q} {wildcards.attribute:q} {output.boundary:q}"
        " --settings {params.settings:q} --seed {params.seed} 2>&1 | tee {log:q}"
