"""Commands that need an extra refuse before any work where it is not installed."""

from __future__ import annotations

import importlib.util

from shelfwise.errors import MissingDependencyError


def need_serve_extra() -> None:
    """For the review desk and the service. Raises MissingDependencyError."""
    libraries = ("sqlalchemy", "fastapi", "uvicorn", "itsdangerous", "prometheus_client")
    _need("the review desk and the service need", libraries, "serve")


def need_search_extra() -> None:
    """For `shelfwise search`. Raises MissingDependencyError."""
    _need("the search needs", ("optuna", "sqlalchemy"), "search")


def _need(who_needs: str, libraries: tuple[str, ...], extra: str) -> None:
    missing = [name for name in libraries if importlib.util.find_spec(name) is None]
    if missing:
        raise MissingDependencyError(
            f"{who_needs} {', '.join(missing)}; install it with: pip install 'shelfwise[{extra}]'"
        )
