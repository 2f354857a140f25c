# Pairs for the translators: each code before and after the move, kept where the predictor agrees.
# --overwrite: a folder of pairs may hold what was set aside there.


rule make_pairs:
    input:
        generator=results("{run}/generator/generator.safetensors"),
        predictor=results("{run}/predictor/predictor.safetensors"),
        boundary=results("{run}/boundaries/{attribute}.npz"),
        condition=edits.held,
        also=edits.also,
        rescoring=results("{run}/rescoring/{attribute}.csv"),
        store=results("{run}/synthesis.h5"),
        shards=shards.files,
    output:
        source=directory(results("{run}/pairs/{attribute}/train_A")),
        edited=directory(results("{run}/pairs/{attribute}/train_B")),
        table=results("{run}/pairs/{attribute}/pairs.csv"),
        edit=results("{run}/pairs/{attribute}/edit.json"),
    log:
        logs("{run}/make_pairs/{attribute}.log"),
    benchmark:
        benchmarks("{run}/make_pairs/{attribute}.tsv")
    conda:
        "../../envs/sceneshift.yaml"
    threads: share_of_cores(edits.count)
    resources:
        gpu=1,
        mem_mb=doubling(6000),
        runtime=doubling(240),
    params:
        out=lambda wildcards, output: os.path.dirname(output.table),
        edit=lambda wildcards: canonical_json(edits.of(wildcards)),
        settings=settings_json(settings.pairs, "make_pairs"),
        seed=settings.seed,
        code=code_version("sceneshift.stages.make_pairs"),
    shell:
        "sceneshift make-pairs {input.generator:q} {input.boundary:q} {params.out:q} --overwrite"
        " --predictor {input.predictor:q} --store {input.store:q} --rescoring {input.rescoring:q}"
        " --condition {input.condition:q} --also {input.also:q} --edit {params.edit:q}"
        " --settings {params.settings:q} --seed {params.seed} 2>&1 | tee {log:q}"


rule import_pairs:
    output:
        source=directory(results("{run}/pairs/{attribute}/train_A")),
        edited=directory(results("{run}/pairs/{attribute}/train_B")),
        table=results("{run}/pairs/{attribute}/pairs.csv"),
        edit=results("{run}/pairs/{attribute}/edit.json"),
    log:
        logs("{run}/import_pairs/{attribute}.log"),
    benchmark:
        benchmarks("{run}/import_pairs/{attribute}.tsv")
    wildcard_constraints:
        attribute=one_of(edit.attribute for edit in settings.edits.attributes if edit.pairs),
    conda:
        "../../envs/sceneshift.yaml"
    resources:
        mem_mb=doubling(2000),
        runtime=doubling(60),
    params:
        folder=lambda wildcards: edits.of(wildcards).pairs,
        contents=lambda wildcards: contents(edits.of(wildcards).pairs),
        out=lambda wildcards, output: os.path.dirname(output.table),
        edit=lambda wildcards: canonical_json(edits.of(wildcards)),
        code=code_version("sceneshift.stages.import_pairs"),
    shell:
        "sceneshift import-pairs {params.folder:q} {params.out:q} --overwrite"
        " --edit {params.edit:q} 2>&1 | tee {log:q}"


rule render_pairs:
    output:
        source=directory(results("{run}/pairs/{attribute}/train_A")),
        edited=directory(results("{run}/pairs/{attribute}/train_B")),
        table=results("{run}/pairs/{attribute}/pairs.csv"),
        edit=results("{run}/pairs/{attribute}/edit.json"),
    log:
        logs("{run}/render_pairs/{attribute}.log"),
    benchmark:
        benchmarks("{run}/render_pairs/{attribute}.tsv")
    wildcard_constraints:
        attribute=one_of(editors),
    conda:
        "../../envs/sceneshift.yaml"
    threads: 8
    resources:
        mem_mb=doubling(4000),
        runtime=doubling(240),
    params:
        out=lambda wildcards, output: os.path.dirname(output.table),
        editor=lambda wildcards: canonical_json(editors[wildcards.attribute].shaping("render_pairs")),
        resolution=settings.photos.resolution,
        width=settings.photos.shape[1],
        seed=settings.seed,
        code=code_version("sceneshift.stages.render_pairs"),
    shell:
        "sceneshift render-pairs {params.out:q} --overwrite --editor {params.editor:q}"
        " --resolution {params.resolution} --width {params.width} --seed {params.seed} 2>&1 | tee {log:q}"


ruleorder: render_pairs > import_pairs > make_pairs
