# Where this workflow's files lie, before the package that knows more can be imported.
import contextlib
import io
import os
import subprocess
import tarfile
import tempfile
from pathlib import Path


def checkout(folder):
    """The path of a folder of this workflow. Of one in a repository, as a `module` names it: taken out of it, once."""
    if not hasattr(folder, "ref"):  # github(), gitlab() and gitfile() have it
        return Path(folder.path)
    repository = getattr(folder, "repo_path", None) or folder.hosted_repo.repo_clone
    git = ["git", "-C", str(repository)]
    commit = subprocess.check_output([*git, "rev-parse", f"{folder.ref}^{{commit}}"], text=True).strip()
    taken_out = Path(".snakemake", "sceneshift", commit).absolute()
    if not taken_out.exists():
        taken_out.parent.mkdir(parents=True, exist_ok=True)
        temporary = tempfile.mkdtemp(dir=taken_out.parent)
        archive = io.BytesIO(subprocess.check_output([*git, "archive", commit]))
        with tarfile.open(fileobj=archive) as files:
            files.extractall(temporary, filter="data")
        with contextlib.suppress(OSError):  # another job was faster
            os.rename(temporary, taken_out)
    return taken_out / folder.path
