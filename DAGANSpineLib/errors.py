"""Errors that people meet."""


class UserError(ValueError):
    """Something a person can mend. The text is one sentence or two: what is wrong, why, what to do."""


class ImageError(UserError):
    """An image that can't be used as a VPI; the text tells a clinician what is wrong and what to do."""
