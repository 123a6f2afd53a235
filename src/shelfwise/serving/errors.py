"""What a caller of the service can do wrong, or has to wait for: each has its HTTP status."""

from __future__ import annotations


class RequestRefusedError(Exception):
    """A request that is not served; the message is for the caller."""

    def __init__(self, status: int, message: str, retry_after_s: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after_s = retry_after_s


class OverloadedError(RequestRefusedError):
    """The queue is full, or the service is being stopped: the caller may try again."""

    def __init__(self, message: str, retry_after_s: int = 1) -> None:
        super().__init__(503, message, retry_after_s)
