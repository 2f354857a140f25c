# The page that shows what came out.

from sceneshift.report import reads


rule report:
    input:
        run=[results(f"{{run}}/{file}") for file in reads.RUN],
        shards=shards.files,
        boundaries=expand([results(f"{{{{run}}}}/{file}") for file in reads.BOUNDARY], attribute=attributes.boundaries),
        # here too, or they wait for the ranking
        judges=[results(f"{{run}}/judges/{judge}.safetensors") for judge in judges],
        metrics=results("{run}/generator/metrics.csv") if settings.metrics.images else [],
        shipped=expand(results("{{run}}/shipped/{editor}"), editor=shown_editors),
        edits=ranking.for_each_chosen(*(results(f"{{run}}/{file}") for file in reads.EDIT)),
        explorer=results("{run}/explorer/index.html"),
    output:
        page=report(
            results("{run}/report.html"),
            caption="../report/page.rst",
            category="Report",
            labels={"what": "The whole page"},
        ),
    log:
        logs("{run}/report.log"),
    benchmark:
        benchmarks("{run}/report.tsv")
    conda:
        "../../envs/sceneshift.yaml"
    resources:
        mem_mb=doubling(4000),
        runtime=doubling(20),
    params:
        folder=lambda wildcards, output: os.path.dirname(output.page),
        translated=lambda wildcards: ["--translated-from", translated_folder] if translated_folder else [],
        shipped_from=["--shipped-from", shown_photos] if shown_editors else [],
        settings=settings_json(settings.photos, "report"),
        code=code_version("sceneshift.stages.report"),
    shell:
        "sceneshift report {params.folder:q} {output.page:q} {params.translated:q}"
        " --shipped {input.shipped:q} {params.shipped_from:q} --settings {params.settings:q} 2>&1 | tee {log:q}"
