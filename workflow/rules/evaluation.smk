# Did the attribute move on real photos, and did the rest stay? For rendered streets a judge of its own says so too.


rule fit_judge:
    output:
        judge=results("{run}/judge/judge.safetensors"),
    log:
        logs("{run}/fit_judge.log"),
    benchmark:
        benchmarks("{run}/fit_judge.tsv")
    conda:
        "../../envs/sceneshift.yaml"
    threads: share_of_cores(2)
    resources:
        gpu=1,
        mem_mb=doubling(4000),
        runtime=doubling(60),
    params:
        resolution=settings.photos.resolution,
        width=settings.photos.shape[1],
        seed=settings.seed,
        code=code_version("sceneshift.stages.fit_judge"),
    shell:
        "sceneshift fit-judge {output.judge:q} --resolution {params.resolution} --width {params.width}"
        " --seed {params.seed} 2>&1 | tee {log:q}"


rule evaluate_translator:
    input:
        photos=results("{run}/photos.h5"),
        translator=results("{run}/translators/{attribute}/translator.safetensors"),
        predictor=results("{run}/predictor/predictor.safetensors"),
        edit=results("{run}/pairs/{attribute}/edit.json"),
        judge=results("{run}/judge/judge.safetensors") if judged else [],
    output:
        table=report(
            results("{run}/evaluation/{attribute}.csv"),
            caption="../report/evaluation.rst",
            category="Evaluation on real photos",
            labels={"attribute": "{attribute}"},
        ),
    log:
        logs("{run}/evaluate_translator/{attribute}.log"),
    benchmark:
        benchmarks("{run}/evaluate_translator/{attribute}.tsv")
    conda:
        "../../envs/sceneshift.yaml"
    threads: share_of_cores(edits.count)
    resources:
        gpu=1,
        mem_mb=doubling(6000),
        runtime=doubling(60),
    params:
        settings=settings_json(settings.evaluation, "evaluate_translator"),
        strength=settings.translate.strength,
        judge=lambda wildcards: f"--judge results/{wildcards.run}/judge/judge.safetensors" if judged else "",
        seed=settings.seed,
        code=code_version("sceneshift.stages.evaluate_translator"),
    shell:
        "sceneshift evaluate-translator {input.translator:q} {input.photos:q} {output.table:q}"
        " --predictor {input.predictor:q} --edit {input.edit:q} {params.judge}"
        " --strength {params.strength} --settings {params.settings:q} --seed {params.seed} 2>&1 | tee {log:q}"


rule evaluate_editor:
    input:
        translator=results("{run}/translators/{attribute}/translator.safetensors"),
    output:
        table=results("{run}/evaluation/{attribute}.csv"),
    log:
        logs("{run}/evaluate_editor/{attribute}.log"),
    benchmark:
        benchmarks("{run}/evaluate_editor/{attribute}.tsv")
    wildcard_constraints:
        attribute=one_of(editors),
    conda:
        "../../envs/sceneshift.yaml"
    threads: 8
    resources:
        gpu=1,
        mem_mb=doubling(4000),
        runtime=doubling(60),
    params:
        editor=lambda wildcards: canonical_json(editors[wildcards.attribute]),
        resolution=settings.photos.resolution,
        width=settings.photos.shape[1],
        strength=settings.translate.strength,
        seed=settings.seed,
        code=code_version("sceneshift.stages.evaluate_editor"),
    shell:
        "sceneshift evaluate-editor {input.translator:q} {output.table:q} --editor {params.editor:q}"
        " --resolution {params.resolution} --width {params.width} --strength {params.strength}"
        " --seed {params.seed} 2>&1 | tee {log:q}"


ruleorder: evaluate_editor > evaluate_translator
