# Photos in: rendered streets, or the user's folder, as one store.

photos_folder = settings.photos.folder if settings.photos.source == "folder" else None


rule prepare_photos:
    input:
        recovered,
        places=given(settings.photos.places),
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
        mem_mb=doubling(4000),
        runtime=doubling(120),
    params:
        folder=uncompared(photos_folder or ""),
        contents=lambda wildcards: contents(photos_folder, settings.photos.places),
        settings=uncompared_settings_json(settings.photos, "prepare_photos"),
        shaping=settings_json(settings.photos, "prepare_photos"),
        seed=settings.seed,
        code=code_version("sceneshift.stages.prepare_photos"),
    shell:
        "sceneshift prepare-photos {params.folder:q} {output.photos:q} --table {output.table:q}"
        " --settings {params.settings:q} --seed {params.seed} 2>&1 | tee {log:q}"
