# The page that shows what came out.


rule report:
    input:
        photos=[results("{run}/photos.csv"), results("{run}/photos.h5")],
        generator=results("{run}/generator/generator.safetensors"),  # and the history of its training beside it
        predictor=results("{run}/predictor/predictor.safetensors"),
        accuracy=results("{run}/predictor/accuracy.csv"),
        store=results("{run}/synthesis.h5"),
        boundaries=expand(results("{{run}}/boundaries/{attribute}.npz"), attribute=attributes.boundaries),
        rescoring=expand(results("{{run}}/rescoring/{attribute}.csv"), attribute=attributes.boundaries),
        attributes=results("{run}/attributes.csv"),
        judge=results("{run}/judge/judge.safetensors") if judged else [],  # here too, or it waits for the ranking
        edits=ranking.for_each_chosen(results("{run}/edits/{attribute}.png")),
        pairs=ranking.for_each_chosen(
            results("{run}/pairs/{attribute}/train_A"),
            results("{run}/pairs/{attribute}/train_B"),
            results("{run}/pairs/{attribute}/pairs.csv"),
            results("{run}/pairs/{attribute}/edit.json"),
        ),
        translators=ranking.for_each_chosen(results("{run}/translators/{attribute}/translator.safetensors")),
        translated=ranking.for_each_chosen(results("{run}/translated/{attribute}")),
        evaluation=ranking.for_each_chosen(results("{run}/evaluation/{attribute}.csv")),
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
        folder=lambda wildcards: results(wildcards.run),
        translated=lambda wildcards: ["--translated-from", translated_folder] if translated_folder else [],
        code=code_version("sceneshift.stages.report"),
    shell:
        "sceneshift report {params.folder:q} {output.page:q} {params.translated:q} 2>&1 | tee {log:q}"
