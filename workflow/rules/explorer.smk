# The page where anyone edits a photo of their own: the translators, in the browser.

from sceneshift.explorer import reads as explorer_reads


rule pack_translator:
    input:
        translator=results("{run}/translators/{attribute}/translator.safetensors"),
    output:
        model=results("{run}/explorer/models/{attribute}.js"),
    log:
        logs("{run}/pack_translator/{attribute}.log"),
    benchmark:
        benchmarks("{run}/pack_translator/{attribute}.tsv")
    conda:
        "../../envs/sceneshift.yaml"
    resources:
        mem_mb=doubling(4000),
        runtime=doubling(10),
    params:
        code=code_version("sceneshift.stages.pack_translator"),
    shell:
        "sceneshift pack-translator {input.translator:q} {output.model:q} 2>&1 | tee {log:q}"


rule build_explorer:
    input:
        run=[results(f"{{run}}/{file}") for file in explorer_reads.RUN],
        edits=ranking.for_each_chosen(*(results(f"{{run}}/{file}") for file in explorer_reads.EDIT)),
    output:
        page=results("{run}/explorer/index.html"),
        shipped=expand(results("{{run}}/explorer/models/shipped-{editor}.js"), editor=shown_editors),
    log:
        logs("{run}/build_explorer.log"),
    benchmark:
        benchmarks("{run}/build_explorer.tsv")
    conda:
        "../../envs/sceneshift.yaml"
    resources:
        mem_mb=doubling(4000),
        runtime=doubling(10),
    params:
        folder=lambda wildcards, output: os.path.dirname(os.path.dirname(output.page)),
        translators=["--translators", *shown_editors] if shown_editors else [],
        contents=lambda wildcards: contents(*shown_editors.values()),
        settings=settings_json(settings.photos, "build_explorer"),
        code=code_version("sceneshift.stages.build_explorer"),
    shell:
        "sceneshift build-explorer {output.page:q} --run-folder {params.folder:q} {params.translators:q}"
        " --settings {params.settings:q} 2>&1 | tee {log:q}"
