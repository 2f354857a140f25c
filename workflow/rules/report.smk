# The page that shows what came out.


rule report:
    input:
        photos=results("{run}/photos.csv"),
        generator=results("{run}/generator/generator.safetensors"),
        accuracy=results("{run}/predictor/accuracy.csv"),
        store=results("{run}/synthesis.h5"),
        boundaries=expand(results("{{run}}/boundaries/{attribute}.npz"), attribute=boundary_names(settings)),
        rescoring=expand(results("{{run}}/rescoring/{attribute}.csv"), attribute=boundary_names(settings)),
        attributes=results("{run}/attributes.csv"),
        judge=results("{run}/judge/judge.safetensors") if has_judge else [],  # here too, or it waits for the ranking
        edits=for_each_chosen(results("{run}/edits/{attribute}.png")),
        pairs=for_each_chosen(results("{run}/pairs/{attribute}/pairs.csv")),
        translators=for_each_chosen(results("{run}/translators/{attribute}/translator.safetensors")),
        translated=for_each_chosen(results("{run}/translated/{attribute}")),
        evaluation=for_each_chosen(results("{run}/evaluation/{attribute}.csv")),
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
        mem_mb=megabytes(4000),
        runtime=minutes(20),
    params:
        folder=lambda wildcards: results(wildcards.run),
        translated=["--translated-from", settings.translate.folder] if settings.translate.folder else [],
        code=code_version("sceneshift.stages.report"),
    shell:
        "sceneshift report {params.folder:q} {output.page:q} {params.translated:q} 2>&1 | tee {log:q}"
