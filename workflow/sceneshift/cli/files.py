"""The files of a command, checked before its work starts: the work may take days."""

import contextlib
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from sceneshift.runtime.errors import SceneshiftError, explanation
from sceneshift.runtime.file_kinds import what_is

# How the arguments' help names each kind that can be told from the content.
WORDS = {
    "generator": "generator",
    "predictor": "predictor",
    "translator": "translator",
    "judge": "judge",
    "boundary": "boundar",
    "photo store": "photo store",
    "latent/score store": "latent/score store",
    "picture": "image|picture|photo",
    "folder": "folder",
}


def is_output(described: str) -> bool:
    """Whether an argument's help tells that it is to be written."""
    return bool(re.search(r"\bto write\b", described))


@dataclass(frozen=True)
class NamedFile:
    """A file or folder that an argument names; `described` by its help, in which `… to write` tells an output."""

    argument: str
    path: Path
    described: str

    @property
    def is_output(self) -> bool:
        return is_output(self.described)

    def check(self) -> None:
        """Raise SceneshiftError for an input that is missing or another thing, and an output that cannot be written.

        What may be a shipped editor's name is looked at here only if it is a file.
        """
        self._check_output() if self.is_output else self._check_input()

    def check_new(self) -> None:
        """Raise SceneshiftError if what is to be written is there already; an empty folder is not."""
        if any(os.scandir(self.path)) if self.path.is_dir() else os.path.lexists(self.path):
            raise SceneshiftError(f"{self.path} is there already. Name another place, or allow it with --overwrite.")

    def _check_input(self) -> None:
        if "shipped editor" in self.described and not self.path.is_file():
            return
        if not os.path.exists(self.path):
            self._refuse("does not exist")
        if not os.access(self.path, os.R_OK):
            self._refuse("must not be read: mend its permissions")
        self._check_kind()

    def _check_kind(self) -> None:
        words = WORDS.get(kind := what_is(self.path))
        if words and not re.search(words, self.described):
            self._refuse(f"is a {kind}")

    def _check_output(self) -> None:
        what, _, _ = self.described.partition(" to write")
        if "folder" not in what and self.path.is_dir():
            self._refuse("is a folder")
        if what in ("folder", "the folder") and "a file" not in self.described and self.path.is_file():
            self._refuse("is a file")
        suffix = re.search(r"to write \((\.\w+)\)", self.described)
        if suffix and self.path.suffix.lower() != suffix[1]:
            self._refuse(f"does not end in {suffix[1]}")
        if self.path.is_file() and not what.startswith("file"):
            self._check_kind()  # another thing than what is to be written would be lost
        try:
            if self.path.exists() and not (self.path.is_file() or self.path.is_dir()):
                self._refuse("is a device, which must not be replaced")
            with contextlib.suppress(FileNotFoundError):
                os.lstat(self.path)  # is the name too long, or below a file?
            folder = next(folder for folder in self.path.absolute().parents if folder.exists())
            tempfile.TemporaryFile(dir=folder).close()
        except OSError as error:
            self._refuse(f"cannot be written: {explanation(error) or error}")

    def _refuse(self, what: str) -> None:
        expected = re.split(r"[;:] ", self.described)[0]
        raise SceneshiftError(f"{self.argument}: {self.path} {what}; expected: {expected}.")
