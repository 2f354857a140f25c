"""What the page of a run is made from. The rule `build_explorer` declares these files, so this imports nothing slow."""

RUN = ("photos.h5", "attributes.csv")
EDIT = (  # of every attribute that became an editor
    "translators/{attribute}/translator.safetensors", "pairs/{attribute}/edit.json", "evaluation/{attribute}.csv",
    "explorer/models/{attribute}.js",
)  # fmt: skip
