# What does each boundary change? HiGAN's re-scoring on fresh codes, and the choice of what goes on.


rule synthesize_unedited:
    input:
        generator=results("{run}/generator/generator.safetensors"),
        predictor=results("{run}/predictor/predictor.safetensors"),
    output:
        unedited=results("{run}/rescoring/unedited.h5"),
    log:
        logs("{run}/synthesize_unedited.log"),
    benchmark:
        benchmarks("{run}/synthesize_unedited.tsv")
    conda:
        "../../envs/sceneshift.yaml"
    threads: 8
    resources:
        gpu=1,
        mem_mb=doubling(6000),
        runtime=doubling(60),
    params:
        settings=settings_json(settings.synthesis, "synthesize_unedited"),
        codes=settings.rescoring.count,
        seed=settings.seed,
        code=code_version("sceneshift.stages.synthesize"),
    shell:
        "sceneshift synthesize {input.generator:q} {output.unedited:q} --predictor {input.predictor:q}"
        " --stream rescoring --start 0 --count {params.codes} --keep-images"
        " --settings {params.settings:q} --seed {params.seed} 2>&1 | tee {log:q}"


rule rescore_boundary:
    input:
        generator=results("{run}/generator/generator.safetensors"),
        predictor=results("{run}/predictor/predictor.safetensors"),
        boundary=results("{run}/boundaries/{attribute}.npz"),
        unedited=results("{run}/rescoring/unedited.h5"),
        store=results("{run}/synthesis.h5"),
        shards=shards.files,
    output:
        table=results("{run}/rescoring/{attribute}.csv"),
    log:
        logs("{run}/rescore_boundary/{attribute}.log"),
    benchmark:
        benchmarks("{run}/rescore_boundary/{attribute}.tsv")
    conda:
        "../../envs/sceneshift.yaml"
    threads: share_of_cores(len(attributes.boundaries))
    resources:
        gpu=1,
        mem_mb=doubling(6000),
        runtime=doubling(60),
    params:
        settings=settings_json(settings.rescoring, "rescore_boundary"),
        seed=settings.seed,
        code=code_version("sceneshift.stages.rescore_boundary"),
    shell:
        "sceneshift rescore-boundary {input.generator:q} {input.boundary:q} {input.predictor:q} {output.table:q}"
        " --unedited {input.unedited:q} --store {input.store:q}"
        " --settings {params.settings:q} --seed {params.seed} 2>&1 | tee {log:q}"


checkpoint rank_attributes:
    input:
        tables=expand(results("{{run}}/rescoring/{attribute}.csv"), attribute=attributes.boundaries),
        boundaries=expand(results("{{run}}/boundaries/{attribute}.npz"), attribute=attributes.boundaries),
    output:
        attributes=report(
            results("{run}/attributes.csv"),
            caption="../report/attributes.rst",
            category="Attributes",
            labels={"what": "Ranking by effect"},
        ),
    log:
        logs("{run}/rank_attributes.log"),
    benchmark:
        benchmarks("{run}/rank_attributes.tsv")
    conda:
        "../../envs/sceneshift.yaml"
    resources:
        mem_mb=doubling(2000),
        runtime=doubling(5),
    params:
        settings=edits_to_rank(settings.edits),
        code=code_version("sceneshift.stages.rank_attributes"),
    shell:
        "sceneshift rank-attributes {output.attributes:q} --rescoring {input.tables:q}"
        " --boundaries {input.boundaries:q} --settings {params.settings:q} 2>&1 | tee {log:q}"


rule edit:
    input:
        generator=results("{run}/generator/generator.safetensors"),
        boundary=results("{run}/boundaries/{attribute}.npz"),
        also=edits.also,
        record=results("{run}/pairs/{attribute}/edit.json"),
    output:
        strip=report(
            results("{run}/edits/{attribute}.png"),
            caption="../report/edits.rst",
            category="Edits of synthesized images",
            labels={"attribute": "{attribute}"},
        ),
    log:
        logs("{run}/edit/{attribute}.log"),
    benchmark:
        benchmarks("{run}/edit/{attribute}.tsv")
    conda:
        "../../envs/sceneshift.yaml"
    resources:
        mem_mb=doubling(4000),
        runtime=doubling(10),
    params:
        truncation=settings.pairs.truncation_psi,
        seed=settings.seed,
        code=code_version("sceneshift.stages.edit"),
    shell:
        "sceneshift edit {input.generator:q} {input.boundary:q} {output.strip:q} --record {input.record:q}"
        " --also {input.also:q}"
        " --truncation-psi {params.truncation} --seed {params.seed} --device cpu 2>&1 | tee {log:q}"
