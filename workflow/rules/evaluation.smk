# Did the attribute move on real photos, and did the rest stay? Judges that took no part in the edits say so too.


rule fit_judge:
    output:
        judge=results("{run}/judges/streets.safetensors"),
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


rule fit_second_predictor:
    input:
        photos=results("{run}/photos.h5") if halves else [],
        files=lambda wildcards: given(*second[wildcards.judge].sources().values()),
    output:
        judge=results("{run}/judges/{judge}.safetensors"),
        accuracy=results("{run}/judges/{judge}.csv"),
    log:
        logs("{run}/fit_second_predictor/{judge}.log"),
    benchmark:
        benchmarks("{run}/fit_second_predictor/{judge}.tsv")
    wildcard_constraints:
        judge=one_of(second),
    conda:
        "../../envs/sceneshift.yaml"
    threads: share_of_cores(1 + len(judges))
    resources:
        gpu=1,
        mem_mb=doubling(8000),
        runtime=doubling(120),
    params:
        settings=lambda wildcards: canonical_json([second[wildcards.judge]]),
        contents=lambda wildcards: contents(*second[wildcards.judge].sources().values()),
        resolution=settings.photos.resolution,
        width=settings.photos.shape[1],
        seed=settings.seed,
        code=code_version("sceneshift.stages.fit_predictor"),
    shell:
        "sceneshift fit-predictor {input.photos:q} {output.judge:q} --accuracy {output.accuracy:q}"
        " --resolution {params.resolution} --width {params.width} --half judge"
        " --settings {params.settings:q} --seed {params.seed} 2>&1 | tee {log:q}"


rule evaluate_translator:
    input:
        photos=results("{run}/photos.h5"),
        translator=results("{run}/translators/{attribute}/translator.safetensors"),
        predictor=results("{run}/predictor/predictor.safetensors"),
        edit=results("{run}/pairs/{attribute}/edit.json"),
        judges=[results(f"{{run}}/judges/{judge}.safetensors") for judge in judges],
    output:
        table=report(
            results("{run}/evaluation/{attribute}.csv"),
            caption="../report/evaluation.rst",
            category="Evaluation on real photos",
            labels={"attribute": "{attribute}"},
        ),
        audit=results("{run}/audit/{attribute}.csv"),
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
        judges=["--judges"] if judges else [],
        seed=settings.seed,
        code=code_version("sceneshift.stages.evaluate_translator"),
    shell:
        "sceneshift evaluate-translator {input.translator:q} {input.photos:q} {output.table:q}"
        " --predictor {input.predictor:q} --edit {input.edit:q} {params.judges} {input.judges:q}"
        " --verdicts {output.audit:q} --strength {params.strength}"
        " --settings {params.settings:q} --seed {params.seed} 2>&1 | tee {log:q}"


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
        editor=lambda wildcards: canonical_json(editors[wildcards.attribute].shaping("render_pairs")),
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
