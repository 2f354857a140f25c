# Boundaries in W: fitted, one linear SVM per attribute; made elsewhere; or found without labels.

imported_boundaries = {boundary.name: boundary for boundary in settings.boundaries.import_}


rule fit_boundary:
    input:
        store=results("{run}/synthesis.h5"),
        shards=shards.files,
    output:
        boundary=results("{run}/boundaries/{attribute}.npz"),
    log:
        logs("{run}/fit_boundary/{attribute}.log"),
    benchmark:
        benchmarks("{run}/fit_boundary/{attribute}.tsv")
    wildcard_constraints:
        attribute=one_of(attributes.fitted),
    conda:
        "../../envs/sceneshift.yaml"
    resources:
        mem_mb=doubling(2000),
        runtime=doubling(10),
    params:
        settings=settings_json(settings.boundaries, "fit_boundary"),
        seed=settings.seed,
        code=code_version("sceneshift.stages.fit_boundary"),
    shell:
        "sceneshift fit-boundary {input.store:q} {wildcards.attribute:q} {output.boundary:q}"
        " --settings {params.settings:q} --seed {params.seed} 2>&1 | tee {log:q}"


rule import_boundary:
    input:
        lambda wildcards: given(imported_boundaries[wildcards.attribute].file),
        generator=results("{run}/generator/generator.safetensors"),
    output:
        boundary=results("{run}/boundaries/{attribute}.npz"),
    log:
        logs("{run}/import_boundary/{attribute}.log"),
    benchmark:
        benchmarks("{run}/import_boundary/{attribute}.tsv")
    wildcard_constraints:
        attribute=one_of(imported_boundaries),
    conda:
        "../../envs/sceneshift.yaml"
    resources:
        mem_mb=doubling(2000),
        runtime=doubling(5),
    params:
        file=lambda wildcards: imported_boundaries[wildcards.attribute].file,
        contents=lambda wildcards: contents(imported_boundaries[wildcards.attribute].file),
        layers_of=lambda wildcards: imported_boundaries[wildcards.attribute].layers_of,
        space=lambda wildcards: f"--space {space}" if (space := imported_boundaries[wildcards.attribute].space) else "",
        code=code_version("sceneshift.stages.import_boundary"),
    shell:
        "sceneshift import-boundary {params.file:q} {output.boundary:q} --generator {input.generator:q}"
        " --name {wildcards.attribute:q} --layers-of {params.layers_of} {params.space} 2>&1 | tee {log:q}"


if settings.boundaries.sefa.components:

    rule factorize_generator:
        input:
            generator=results("{run}/generator/generator.safetensors"),
        output:
            boundaries=expand(
                results("{{run}}/boundaries/sefa_{{level}}_{component}.npz"),
                component=range(1, settings.boundaries.sefa.components + 1),
            ),
        log:
            logs("{run}/factorize_generator/{level}.log"),
        benchmark:
            benchmarks("{run}/factorize_generator/{level}.tsv")
        wildcard_constraints:
            level=one_of(settings.boundaries.sefa.levels),
        conda:
            "../../envs/sceneshift.yaml"
        resources:
            mem_mb=doubling(2000),
            runtime=doubling(5),
        params:
            code=code_version("sceneshift.stages.factorize_generator"),
        shell:
            "sceneshift factorize-generator {input.generator:q} {output.boundaries:q} --level {wildcards.level}"
            " 2>&1 | tee {log:q}"
