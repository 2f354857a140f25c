# The generator: trained here, imported, or both. Snapshots, history and samples lie in results/{run}/generator/training/.

# With `import` given, a warm start is from what was imported.
imported = "imported" if settings.generator.warm_start else "generator"

if settings.generator.import_:

    rule import_generator:
        input:
            given(settings.generator.import_),
        output:
            generator=results(f"{{run}}/generator/{imported}.safetensors"),
        log:
            logs("{run}/import_generator.log"),
        benchmark:
            benchmarks("{run}/import_generator.tsv")
        conda:
            "../../envs/sceneshift.yaml"
        resources:
            mem_mb=doubling(4000),
            runtime=doubling(10),
        params:
            checkpoint=uncompared(settings.generator.import_),
            contents=lambda wildcards: contents(settings.generator.import_),
            resolution=settings.photos.resolution,
            width=settings.photos.shape[1],
            label=[] if settings.generator.class_label is None else ["--class-label", settings.generator.class_label],
            code=code_version("sceneshift.stages.import_generator"),
        shell:
            "sceneshift import-generator {params.checkpoint:q} {output.generator:q}"
            " --resolution {params.resolution} --width {params.width} {params.label} 2>&1 | tee {log:q}"


if settings.generator.warm_start or not settings.generator.import_:

    rule train_generator:
        input:
            photos=results("{run}/photos.h5"),
            warm_start=given(settings.generator.warm_start),
            labels=results("{run}/predictor/labels.checked") if learned(settings.predictors) else [],
        output:
            generator=results("{run}/generator/generator.safetensors"),
        log:
            logs("{run}/train_generator.log"),
        benchmark:
            benchmarks("{run}/train_generator.tsv")
        priority: 1  # nearly everything waits for it
        retries: retries(workflow, 5)
        conda:
            "../../envs/sceneshift.yaml"
        threads: training_threads(settings.generator.shares)
        resources:
            gpu=settings.generator.gpus,
            mem_mb=doubling(16000 * settings.generator.gpus),
            runtime=doubling(2880),
        params:
            settings=uncompared_settings_json(settings.generator, "train_generator"),
            shaping=settings_json(settings.generator, "train_generator"),
            warm_start=lambda wildcards: contents(settings.generator.warm_start),
            mirror="--mirror" if settings.photos.mirror else "--no-mirror",
            seed=settings.seed,
            code=code_version("sceneshift.stages.train_generator"),
        shell:
            "sceneshift train-generator {input.photos:q} {output.generator:q} {params.mirror}"
            " --settings {params.settings:q} --seed {params.seed} --gpus {resources.gpu} 2>&1 | tee {log:q}"


if settings.metrics.images:

    rule measure_generator:
        input:
            generator=results("{run}/generator/generator.safetensors"),
            photos=results("{run}/photos.h5"),
            networks=given(settings.metrics.inception, settings.metrics.lpips),
        output:
            table=results("{run}/generator/metrics.csv"),
        log:
            logs("{run}/measure_generator.log"),
        benchmark:
            benchmarks("{run}/measure_generator.tsv")
        conda:
            "../../envs/sceneshift.yaml"
        resources:
            gpu=1,
            mem_mb=doubling(8000),
            runtime=doubling(240),
        params:
            settings=settings_json(settings.metrics, "measure_generator"),
            networks=lambda wildcards: contents(settings.metrics.inception, settings.metrics.lpips),
            seed=settings.seed,
            code=code_version("sceneshift.stages.measure_generator"),
        shell:
            "sceneshift measure-generator {input.generator:q} {input.photos:q} {output.table:q}"
            " --settings {params.settings:q} --seed {params.seed} 2>&1 | tee {log:q}"
