# How much does each strength of an edit change? The table lies beside the translator: `translate --effect` reads it.


rule measure_dose:
    input:
        photos=results("{run}/photos.h5"),
        translator=results("{run}/translators/{attribute}/translator.safetensors"),
        predictor=results("{run}/predictor/predictor.safetensors"),
        judges=[results(f"{{run}}/judges/{judge}.safetensors") for judge in judges],
    output:
        table=results("{run}/translators/{attribute}/translator.dose.csv"),
    log:
        logs("{run}/measure_dose/{attribute}.log"),
    benchmark:
        benchmarks("{run}/measure_dose/{attribute}.tsv")
    conda:
        "../../envs/sceneshift.yaml"
    threads: share_of_cores(edits.count)
    resources:
        gpu=1,
        mem_mb=doubling(6000),
        runtime=doubling(60),
    params:
        settings=settings_json(settings.evaluation, "measure_dose"),
        judges=["--judges"] if judges else [],
        seed=settings.seed,
        code=code_version("sceneshift.stages.measure_dose"),
    shell:
        "sceneshift measure-dose {input.translator:q} {input.photos:q} {output.table:q}"
        " --predictor {input.predictor:q} {params.judges} {input.judges:q}"
        " --settings {params.settings:q} --seed {params.seed} 2>&1 | tee {log:q}"
