"""What can go wrong at the desk besides bad files: each says what was expected, what came, and what to do."""

from __future__ import annotations

from shelfwise.errors import ShelfwiseError


class DatabaseError(ShelfwiseError):
    """The desk's database cannot be opened, read or written (missing, locked, full, damaged)."""


class NewerDatabaseError(DatabaseError):
    """The database was made by a newer version of shelfwise; this one would misread it."""


class PredictionFileError(ShelfwiseError):
    """A prediction file cannot be read, or does not belong to the model."""


class RefusedError(ShelfwiseError):
    """A request at the desk cannot be done; the person is shown the message. ``status`` is the HTTP status."""

    status = 400


class ConflictError(RefusedError):
    """Someone else was faster, or the taxonomy or the prediction changed since the page was shown."""

    status = 409


class NotThereError(RefusedError):
    """There is no such product, rule or page."""

    status = 404


class TooManyAttemptsError(RefusedError):
    """Too many failed sign-ins. ``wait_s``: seconds until the next one is looked at."""

    status = 429

    def __init__(self, message: str, wait_s: int) -> None:
        super().__init__(message)
        self.wait_s = wait_s
