"""The one error class meant for the person at the keyboard."""


class SceneshiftError(Exception):
    """Something the user can mend: the message names the file or key, what was found, and what to do."""
