"""Errors that people meet."""


class UserError(ValueError):
    """Something a person can mend. The text is one sentence or two: what is wrong, why, what to do."""
