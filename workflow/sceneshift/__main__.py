"""`python -m sceneshift` is `sceneshift`."""

import sys

from sceneshift.cli import main

sys.exit(main())
