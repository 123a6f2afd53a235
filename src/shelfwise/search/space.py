"""What a search may try: for each field of a recipe a range of numbers, or a list of choices, as a recipe file gives them.

search:
  classifiers.words.regularisation: {low: 0.3, high: 10, log: true}
  fusion.policies.policy_network.widths: {choices: [[100], [200, 150]]}
"""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from shelfwise.errors import RecipeError

if TYPE_CHECKING:
    import optuna

_RANGE_KEYS = ("low", "high", "log", "step")
_KEYS = (*_RANGE_KEYS, "choices")
_MOST_CHOICES = 1_000


@dataclass(frozen=True)
class Range:
    """Numbers from ``low`` to ``high``, both included; ``log``: as many tries between 0.1 and 1 as between 1 and 10; ``step``:
    only every step from ``low`` on. ``whole``: integers only."""

    low: float
    high: float
    log: bool = False
    step: float | None = None
    whole: bool = False

    def suggest(self, trial: optuna.Trial, name: str) -> int | float:
        """A value for this trial."""
        if self.whole:
            step = 1 if self.step is None else int(self.step)
            return trial.suggest_int(name, int(self.low), int(self.high), step=step, log=self.log)
        return trial.suggest_float(name, float(self.low), float(self.high), step=self.step, log=self.log)

    def key(self, value: Any) -> int | float | None:
        """How a study writes ``value``; None where it is no value of this range."""
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not self.low <= value <= self.high
        ):
            return None
        if self.whole and value != int(value):
            return None
        if self.step is not None and (Decimal(str(value)) - Decimal(str(self.low))) % Decimal(str(self.step)):
            return None
        return int(value) if self.whole else float(value)

    def value(self, key: Any) -> Any:
        """The value that a study writes as ``key``."""
        return key

    def ends(self) -> list[Any]:
        """The values that are checked before anything is trained: all between are of their kind."""
        return [int(self.low), int(self.high)] if self.whole else [float(self.low), float(self.high)]

    def to_json(self) -> dict[str, Any]:
        """What tells this range from another."""
        return {"low": self.low, "high": self.high, "log": self.log, "step": self.step, "whole": self.whole}


@dataclass(frozen=True)
class Choices:
    """One of these values, which have no order. A study knows them by their JSON."""

    keys: tuple[str, ...]

    def suggest(self, trial: optuna.Trial, name: str) -> Any:
        """A value for this trial."""
        return json.loads(trial.suggest_categorical(name, self.keys))

    def key(self, value: Any) -> str | None:
        """How a study writes ``value``; None where it is none of the choices."""
        key = _as_key(value)
        return key if key in self.keys else None

    def value(self, key: Any) -> Any:
        """The value that a study writes as ``key``."""
        return json.loads(key)

    def ends(self) -> list[Any]:
        """All choices: each is checked before anything is trained."""
        return [json.loads(key) for key in self.keys]

    def to_json(self) -> dict[str, Any]:
        """What tells these choices from others."""
        return {"choices": list(self.keys)}


Domain = Range | Choices


def parse_space(block: Any) -> dict[str, Domain]:
    """Path → what may be tried there, from the block ``search`` of a recipe file.

    Raises RecipeError for what is no mapping of paths to ranges or choices, an unknown key (naming the nearest), numbers that are
    not finite, ``low`` not below ``high``, a logarithm of what is not positive, a step that does not fit, no or double choices.
    """
    if not isinstance(block, Mapping) or not block:
        raise RecipeError(
            "expected 'search' to be a mapping of paths to ranges or choices, such as "
            f"'classifiers.words.regularisation: {{low: 0.3, high: 10, log: true}}', got {block!r:.80}"
        )
    return {_path(path): _domain(str(path), given) for path, given in block.items()}


def _path(path: Any) -> str:
    if not isinstance(path, str) or not path.strip("."):
        raise RecipeError(f"expected a path such as 'classifiers.words.rank' in 'search', got {path!r:.80}")
    return path


def _domain(path: str, given: Any) -> Domain:
    where = f"search '{path}'"
    if not isinstance(given, Mapping) or not given:
        raise RecipeError(
            f"{where}: expected {{low: …, high: …}} or {{choices: […]}}, got {given!r:.80}; a value that is not to change "
            "belongs in the recipe itself"
        )
    for key in given:
        if key not in _KEYS:
            nearest = difflib.get_close_matches(str(key), _KEYS, n=1, cutoff=0.3)
            hint = f"; did you mean '{nearest[0]}'?" if nearest else ""
            raise RecipeError(f"{where}: unknown key '{key}', expected {', '.join(_KEYS)}{hint}")
    if "choices" in given:
        if len(given) > 1:
            raise RecipeError(f"{where}: expected 'choices' or a range of numbers, got both; leave one out")
        return _choices(where, given["choices"])
    return _range(where, given)


def _choices(where: str, given: Any) -> Choices:
    if not isinstance(given, list) or len(given) < 2 or len(given) > _MOST_CHOICES:
        raise RecipeError(f"{where}: expected a list of 2 to {_MOST_CHOICES:,} choices, got {given!r:.80}")
    keys = []
    for value in given:
        key = _as_key(value)
        if key is None:
            raise RecipeError(
                f"{where}: expected choices of text, finite numbers, true, false, null, lists and mappings, got {value!r:.80}"
            )
        if key in keys:
            raise RecipeError(f"{where}: expected every choice once, but {key:.80} is there twice")
        keys.append(key)
    return Choices(tuple(keys))


def _range(where: str, given: Mapping[str, Any]) -> Range:
    for key in ("low", "high"):
        if not _is_number(given.get(key)):
            raise RecipeError(f"{where}: expected a finite number as '{key}', got {given.get(key)!r:.80}")
    low, high, log, step = given["low"], given["high"], given.get("log", False), given.get("step")
    if not low < high:
        raise RecipeError(f"{where}: expected low below high, got low {low} and high {high}")
    if not isinstance(log, bool):
        raise RecipeError(f"{where}: expected true or false as 'log', got {log!r:.80}")
    if log and low <= 0:
        raise RecipeError(f"{where}: expected low above 0 with 'log: true', got {low}")
    if log and step is not None:
        raise RecipeError(f"{where}: expected 'log' or 'step', got both; leave one out, or list choices")
    if step is not None:
        if not _is_number(step) or not 0 < step <= high - low:
            raise RecipeError(f"{where}: expected a step above 0 and up to {high - low:g}, got {step!r:.80}")
        steps = (Decimal(str(high)) - Decimal(str(low))) // Decimal(str(step))
        high = type(high)(Decimal(str(low)) + steps * Decimal(str(step)))
    whole = all(isinstance(number, int) for number in (low, high, 1 if step is None else step))
    return Range(low, high, log, step, whole)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _as_key(value: Any) -> str | None:
    try:
        return json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return None
