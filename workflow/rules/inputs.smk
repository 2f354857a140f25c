# What rules take in and how it follows from the settings: input functions, shards, the choice behind the checkpoint.


def photos_folder(wildcards):
    """The user's folder; rendered streets need none."""
    recover_from_kill()
    return settings.photos.folder if settings.photos.source == "folder" else []


# Formulas and finished models wait for no photos.
has_heads = any(isinstance(predictor, FittedHeads) for predictor in settings.predictors)


# The predictors with each file at its path, and the URLs of those to be downloaded; all runs share the downloads.
predictors, downloads = with_downloads(settings.predictors, folder="results/downloads")


def predictor_files(wildcards):
    """What the predictors read beside the photo store: labels, votes, models and weights that the config names."""
    recover_from_kill()
    return [path for predictor in predictors for path in predictor.sources().values()]


def shard_start(wildcards):
    """Index of the shard's first image."""
    return int(wildcards.shard) * settings.synthesis.shard_size


def shard_codes(wildcards):
    """Number of codes in the shard; the last one may be smaller."""
    return min(settings.synthesis.shard_size, settings.synthesis.count - shard_start(wildcards))


shard_count = -(-settings.synthesis.count // settings.synthesis.shard_size)


def shards(wildcards):
    """All shards of the run."""
    return [results(f"{wildcards.run}/synthesis/{shard:04d}.h5") for shard in range(shard_count)]


def condition_boundaries(wildcards):
    """Boundaries of the attributes to hold."""
    held = edit_of(wildcards.attribute).condition_on
    return [results(f"{wildcards.run}/boundaries/{attribute}.npz") for attribute in held]


# Only rendered streets have labels that a judge can learn.
has_judge = settings.photos.source == "rendered" and settings.evaluation.judge == "auto"


# So many edits go on, whatever the ranking says.
edit_count = max(settings.edits.top, len(settings.edits.attributes))


def edit_of(attribute):
    """The edit that the config asks for, or the default edit of an attribute that came in by its rank."""
    named = {edit.attribute: edit for edit in settings.edits.attributes}
    return named.get(attribute, EditSettings(attribute=attribute))


def chosen_attributes(wildcards):
    """The attributes that go on, read from the table that the checkpoint made."""
    table = checkpoints.rank_attributes.get(run=settings.run).output.attributes
    with open(table, encoding="utf-8", newline="") as file:
        return [row["attribute"] for row in csv.DictReader(file) if row["chosen"] == "True"]


behind_ranking = []  # the patterns that are filled in so


def for_each_chosen(pattern):
    """An input function: `pattern` with each chosen attribute filled in."""
    behind_ranking.append(pattern)
    return lambda wildcards: expand(pattern, run=settings.run, attribute=chosen_attributes(wildcards))


# By name, the boundaries that the config brings along.
imported_boundaries = {boundary.name: boundary for boundary in settings.boundaries.import_}


def edits_to_rank():
    """What the ranking depends on: how many go on, which are named, and their directions. Not distances, levels or targets."""
    edits = [edit.shaping("rank_attributes") for edit in settings.edits.attributes]
    return canonical_json(settings.edits.shaping("rank_attributes") | {"attributes": edits})
