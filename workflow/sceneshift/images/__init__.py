"""Pictures: reading and writing them safely, and what is measured on the pixels themselves."""
