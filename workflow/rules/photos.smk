# Photos in: rendered streets, or the user's folder, as one store.


rule prepare_photos:
    input:
        folder=photos_folder,
    output:
        photos=results("{run}/photos.h5"),
        table=results("{run}/photos.csv"),
    log:
        logs("{run}/prepare_photos.log"),
    benchmark:
        benchmarks("{run}/prepare_photos.tsv")
    priority: 1  # everything waits for it
    conda:
        "../../envs/sceneshift.yaml"
    threads: 8
    resources:
        mem_mb=megabytes(4000),
        runtime=minutes(120),
    params:
        settings=uncompared_settings_json("photos", "prepare_photos"),
        shaping=settings_json("photos", "prepare_photos"),
        seed=settings.seed,
        code=code_version("sceneshift.stages.prepare_photos"),
    shell:
        "sceneshift prepare-photos {input.folder:q} {output.photos:q} --table {output.table:q}"
        " --settings {params.settings:q} --seed {params.seed} 2>&1 | tee {log:q}"
