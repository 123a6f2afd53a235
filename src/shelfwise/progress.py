"""How long work tells what it is doing, without knowing whether a terminal, a notebook or nobody listens."""

from __future__ import annotations

from types import TracebackType
from typing import Protocol, Self


class Stage(Protocol):
    """One stretch of work under way."""

    def advance(self, done: int, note: str = "") -> None:
        """``done`` more units are finished; ``note`` is a short text to show (loss, metric)."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Reporter(Protocol):
    """Where progress and remarks go."""

    def stage(self, name: str, total: int | None, unit: str = "products") -> Stage:
        """Begin a stretch of ``total`` units (None: not known); used as a context manager."""
        ...

    def say(self, message: str) -> None:
        """Tell the person one thing that was decided or noticed."""
        ...


class SilentStage:
    """A stage of which nothing is shown."""

    def advance(self, done: int, note: str = "") -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass


class Silent:
    """A reporter that shows nothing: the default of the Python library."""

    def stage(self, name: str, total: int | None, unit: str = "products") -> Stage:
        """A stage of which nothing is shown."""
        return SilentStage()

    def say(self, message: str) -> None:
        """Tells nobody."""
        pass
