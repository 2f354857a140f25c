# Entry point: `snakemake --cores 2` in this folder. The workflow itself is workflow/Snakefile.
include: "workflow/Snakefile"


rule default:
    default_target: True
    input:
        rules.all.input,
