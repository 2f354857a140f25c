# Synthesized images, scored as they are made, in shards of a fixed size: growing the total adds shards.


rule synthesize:
    input:
        generator=results("{run}/generator/generator.safetensors"),
        predictor=results("{run}/predictor/predictor.safetensors"),
    output:
        shard=results("{run}/synthesis/{shard}.h5"),
    log:
        logs("{run}/synthesize/{shard}.log"),
    benchmark:
        benchmarks("{run}/synthesize/{shard}.tsv")
    conda:
        "../../envs/sceneshift.yaml"
    threads: share_of_cores(shards.count)
    resources:
        gpu=1,
        mem_mb=doubling(6000),
        runtime=doubling(60),
    params:
        settings=settings_json(settings.synthesis, "synthesize"),
        start=shards.start,
        codes=shards.length,
        seed=settings.seed,
        code=code_version("sceneshift.stages.synthesize"),
    shell:
        "sceneshift synthesize {input.generator:q} {output.shard:q} --predictor {input.predictor:q}"
        " --start {params.start} --count {params.codes}"
        " --settings {params.settings:q} --seed {params.seed} 2>&1 | tee {log:q}"


# Not ancient(shards), although a shard that is made again reruns what follows: Snakemake would not look at what is
# behind such an input at all, even where that has its own reasons to run.
rule index_synthesis:
    input:
        shards=shards.files,
        generator=results("{run}/generator/generator.safetensors"),
        predictor=results("{run}/predictor/predictor.safetensors"),
    output:
        store=results("{run}/synthesis.h5"),
    log:
        logs("{run}/index_synthesis.log"),
    benchmark:
        benchmarks("{run}/index_synthesis.tsv")
    conda:
        "../../envs/sceneshift.yaml"
    resources:
        mem_mb=doubling(2000),
        runtime=doubling(10),
    params:
        settings=settings_json(settings.synthesis, "index_synthesis"),
        seed=settings.seed,
        code=code_version("sceneshift.stages.index_synthesis"),
    shell:
        "sceneshift index-synthesis {input.shards:q} {output.store:q}"
        " --generator {input.generator:q} --predictor {input.predictor:q}"
        " --settings {params.settings:q} --seed {params.seed} 2>&1 | tee {log:q}"
