# Synthesised images, scored as they are made, in shards of a fixed size: growing the total adds shards.


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
    threads: 8
    resources:
        gpu=1,
        mem_mb=megabytes(6000),
        runtime=minutes(60),
    params:
        settings=settings_json("synthesis", but=("count", "shard_size")),
        start=shard_start,
        codes=shard_codes,
        seed=settings.seed,
        code=code_version("sceneshift.latents.synthesis"),
    shell:
        "sceneshift synthesize {input.generator:q} {output.shard:q} --predictor {input.predictor:q}"
        " --start {params.start} --count {params.codes}"
        " --settings {params.settings:q} --seed {params.seed} 2>&1 | tee {log:q}"


# The index follows from the recipe of the shards, which stands in its params and other inputs: a lost shard that is
# made anew by the same recipe is the same, so that nothing behind it is made anew.
rule index_synthesis:
    input:
        shards=ancient(shards),
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
        mem_mb=megabytes(2000),
        runtime=minutes(10),
    params:
        settings=settings_json("synthesis"),
        seed=settings.seed,
        code=code_version("sceneshift.latents.index", "sceneshift.latents.synthesis"),
    shell:
        "sceneshift index-synthesis {input.shards:q} {output.store:q}"
        " --generator {input.generator:q} --predictor {input.predictor:q}"
        " --settings {params.settings:q} --seed {params.seed} 2>&1 | tee {log:q}"
