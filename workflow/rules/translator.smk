# One pix2pixHD translator per edit, and the real photos through it.

translated_folder = settings.translate.folder
shown_editors = checked(shipped_files, settings.translate.editors, where="translate.editors")
shown_photos = translated_folder or str(RESOURCES / "photos")
training_of = functools.partial(translator_settings, settings)
vgg19 = None if settings.translator.perceptual_network == "backbone" else settings.translator.perceptual_network


rule train_translator:
    input:
        source=results("{run}/pairs/{attribute}/train_A"),
        edited=results("{run}/pairs/{attribute}/train_B"),
        table=results("{run}/pairs/{attribute}/pairs.csv"),
        vgg19=given(vgg19),
        warm_start=given(settings.translator.warm_start),
    output:
        translator=results("{run}/translators/{attribute}/translator.safetensors"),
    log:
        logs("{run}/train_translator/{attribute}.log"),
    benchmark:
        benchmarks("{run}/train_translator/{attribute}.tsv")
    retries: retries(workflow, 5)
    conda:
        "../../envs/sceneshift.yaml"
    threads: lambda wildcards: training_threads(training_of(wildcards).shares, share_of_cores(edits.count))
    resources:
        gpu=settings.translator.gpus,
        mem_mb=doubling(16000 * settings.translator.gpus),
        runtime=doubling(1440),
    params:
        pairs=lambda wildcards, input: os.path.dirname(input.table),
        settings=lambda wildcards, threads: canonical_json(training_of(wildcards).taken_by("train_translator")),
        shaping=lambda wildcards: canonical_json(training_of(wildcards).shaping("train_translator")),
        mirror="--mirror" if settings.photos.mirror else "--no-mirror",
        vgg19=lambda wildcards: contents(vgg19),
        warm_start=lambda wildcards: contents(settings.translator.warm_start),
        seed=settings.seed,
        code=code_version("sceneshift.stages.train_translator"),
    shell:
        "sceneshift train-translator {params.pairs:q} {output.translator:q} {params.mirror}"
        " --settings {params.settings:q} --seed {params.seed} --gpus {resources.gpu} 2>&1 | tee {log:q}"


rule translate:
    input:
        translator=results("{run}/translators/{attribute}/translator.safetensors"),
        photos=[] if translated_folder else results("{run}/photos.h5"),
    output:
        translated=directory(results("{run}/translated/{attribute}")),
    log:
        logs("{run}/translate/{attribute}.log"),
    benchmark:
        benchmarks("{run}/translate/{attribute}.tsv")
    conda:
        "../../envs/sceneshift.yaml"
    threads: share_of_cores(edits.count)
    resources:
        gpu=1,
        mem_mb=doubling(6000),
        runtime=doubling(240),
    params:
        photos=lambda wildcards, input: translated_folder or input.photos,
        folder=lambda wildcards: translated_folder,
        contents=lambda wildcards: contents(translated_folder),
        strength=settings.translate.strength,
        masks="--masks" if settings.translator.head == "edit" else "",
        code=code_version("sceneshift.stages.translate"),
    shell:
        "sceneshift translate {input.translator:q} {params.photos:q} {output.translated:q}"
        " --strength {params.strength} {params.masks} 2>&1 | tee {log:q}"


rule translate_shipped:
    output:
        translated=directory(results("{run}/shipped/{editor}")),
    log:
        logs("{run}/translate_shipped/{editor}.log"),
    benchmark:
        benchmarks("{run}/translate_shipped/{editor}.tsv")
    wildcard_constraints:
        editor=one_of(shown_editors),
    conda:
        "../../envs/sceneshift.yaml"
    resources:
        gpu=1,
        mem_mb=doubling(6000),
        runtime=doubling(60),
    params:
        photos=lambda wildcards: shown_photos,
        contents=lambda wildcards: contents(shown_photos, shown_editors[wildcards.editor]),
        code=code_version("sceneshift.stages.translate"),
    shell:
        "sceneshift translate {wildcards.editor} {params.photos:q} {output.translated:q} 2>&1 | tee {log:q}"
