"""What the page is made from. The rule `report` declares these files, so this module imports nothing that is slow.

Not here, as no rule makes them: the history and samples of a training, which lie beside the network that they led to,
and the judges, which a run may have or not.
"""

RUN = (
    "photos.csv", "photos.h5", "generator/generator.safetensors", "predictor/predictor.safetensors",
    "predictor/accuracy.csv", "synthesis.h5", "attributes.csv",
)  # fmt: skip
BOUNDARY = ("boundaries/{attribute}.npz", "rescoring/{attribute}.csv")  # of every boundary
EDIT = (  # of every attribute that became an editor
    "edits/{attribute}.png", "pairs/{attribute}/train_A", "pairs/{attribute}/train_B", "pairs/{attribute}/pairs.csv",
    "pairs/{attribute}/edit.json", "translators/{attribute}/translator.safetensors", "translated/{attribute}",
    "translators/{attribute}/translator.dose.csv", "evaluation/{attribute}.csv",
    "audit/{attribute}.csv",
)  # fmt: skip
