"""Sceneshift: photo editors from a folder of scene photos, without paired photos."""

import sys

__version__ = "0.1.0"

if sys.platform == "win32":  # no fcntl
    sys.exit("sceneshift runs on Linux and macOS. On Windows run it within WSL2 (`wsl --install`), which is a Linux.")
