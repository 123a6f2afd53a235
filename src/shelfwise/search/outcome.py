"""What a search tells at its end: the table of trials, the recipe to train with, and a summary that says what is luck."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from shelfwise.evaluation.results import write_atomically
from shelfwise.recipe import Recipe
from shelfwise.search.aside import AsideScores
from shelfwise.search.space import Domain
from shelfwise.search.study import TrialRow, written

RECIPE_FILE, SUMMARY_FILE = "recipe.yaml", "summary.txt"
CSV_FILE, JSON_FILE = "trials.csv", "trials.json"


@dataclass(frozen=True)
class Taken:
    """The policy that `train` would take, of all that a recipe names, and its score on the held-out products."""

    policy: str
    score: float


@dataclass(frozen=True)
class Outcome:
    """A search as far as it has come.

    ``measure`` names the score, ``judged_on`` the products behind it. ``start`` is the score of the recipe it began with,
    ``start_values`` that recipe's values by path; ``best`` is None where no trial beat it, and ``recipe`` the better of the two.
    ``aside`` is None where nothing was kept aside, or the search did not come to its end. ``taken``, by recipe, is
    empty where all policies are judged, or before the end.
    """

    measure: str
    judged_on: str
    start: float
    start_values: Mapping[str, Any]
    domains: Mapping[str, Domain]
    rows: list[TrialRow]
    best: TrialRow | None
    recipe: Recipe
    importances: Mapping[str, float]
    aside: AsideScores | None
    why_no_aside: str
    taken: Mapping[str, Taken]
    seed: int
    command: str

    @property
    def compared(self) -> int:
        """How many different recipes were scored to the end, with the one that the search began with."""
        tried = [one for one in self.rows if one.state == "finished" and one.repeats is None]
        return len(tried) + (0 if any(one.values == self.start_values for one in tried) else 1)

    @property
    def best_score(self) -> float:
        """Of the recipe that is written."""
        return self.start if self.best is None or self.best.score is None else self.best.score

    @property
    def all_alike(self) -> bool:
        """Whether every recipe that was scored, and there are several, scored the same as the one that the search began with."""
        scores = [
            one.score for one in self.rows if one.state == "finished" and one.values != self.start_values
        ]
        return len(scores) > 1 and all(score == self.start for score in scores)

    def count(self, state: str) -> int:
        """Trials that came to this end, without repeats."""
        return sum(one.state == state and one.repeats is None for one in self.rows)


def write_tables(outcome: Outcome, folder: Path) -> None:
    """The recipe, both tables and the summary. Raises ShelfwiseError where they cannot be written."""
    write_atomically(folder / RECIPE_FILE, recipe_text(outcome))
    write_atomically(folder / CSV_FILE, to_csv(outcome))
    write_atomically(folder / JSON_FILE, to_json(outcome))
    write_atomically(folder / SUMMARY_FILE, summary(outcome, folder))


def recipe_text(outcome: Outcome) -> str:
    """The recipe as YAML for `train --recipe`, with where it comes from as a comment."""
    where = "the recipe that the search began with: no trial was better"
    if outcome.best is not None:
        where = f"trial {outcome.best.number} of {len(outcome.rows)}"
    return (
        f"# Written by shelfwise search: {where}.\n"
        f"# {outcome.measure} {outcome.best_score:.4f}, the highest of {outcome.compared} recipes: see {SUMMARY_FILE}.\n"
        + outcome.recipe.to_yaml()
    )


def to_csv(outcome: Outcome) -> str:
    """One line a trial: number, state, score, the best score so far, seconds, every searched field, note."""
    paths = list(outcome.start_values)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["trial", "state", "score", "best_so_far", "seconds", *paths, "repeats", "note"])
    best: float | None = None
    for row in outcome.rows:
        if row.score is not None:
            best = row.score if best is None else max(best, row.score)
        values = [_cell(row.values.get(path)) for path in paths]
        repeats = "" if row.repeats is None else row.repeats
        scores = [_number(row.score), _number(best)]
        writer.writerow([row.number, row.state, *scores, f"{row.seconds:.2f}", *values, repeats, row.note])
    return text.getvalue()


def _cell(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.6f}"


def to_json(outcome: Outcome) -> str:
    """Everything but the recipe, for programs."""
    aside = outcome.aside
    best = outcome.best
    values = {
        "measure": outcome.measure,
        "judged_on": outcome.judged_on,
        "start": {"score": outcome.start, "values": dict(outcome.start_values)},
        "best": {
            "trial": None if best is None else best.number,
            "score": outcome.best_score,
            "values": dict(outcome.start_values if best is None else best.values),
        },
        "taken": {name: asdict(one) for name, one in outcome.taken.items()},
        "chosen_among": outcome.compared,
        "aside": None if aside is None else {**asdict(aside), "sure": aside.sure},
        "importances": dict(outcome.importances),
        "seed": outcome.seed,
        "command": outcome.command,
        "trials": [asdict(row) for row in outcome.rows],
    }
    return json.dumps(values, indent=1, ensure_ascii=False) + "\n"


def summary(outcome: Outcome, folder: Path) -> str:
    """What came out, in words for people."""
    best = outcome.best
    lines = [
        f"Searched over {len(outcome.start_values)} fields of the recipe; score: {outcome.measure} on {outcome.judged_on}, "
        f"seed {outcome.seed}.",
        f"{outcome.count('finished')} trials finished, {outcome.count('pruned')} were given up early, "
        f"{outcome.count('refused')} were refused (values that do not go together).",
        "",
        f"The recipe as it was:  {outcome.start:.4f}",
    ]
    if best is None:
        lines += ["No trial was better; the recipe written is the one that the search began with."]
        if outcome.all_alike:
            lines += [
                "All scored exactly the same: what was searched makes no difference on these products. (A policy network that "
                "does not better its pool is left out, whatever its values.) Search others: see the block `search` of a recipe."
            ]
    else:
        lines += [f"Best, trial {best.number}:".ljust(23) + f"{outcome.best_score:.4f}"]
        for path, value in best.values.items():
            was = outcome.start_values[path]
            change = "as it was" if was == value else f"was {written(was)}"
            lines.append(f"  {path}: {written(value)} ({change})")
    if outcome.taken:
        told = ", ".join(f"{one.policy} ({one.score:.4f}) for {name}" for name, one in outcome.taken.items())
        lines += [
            "",
            f"These are scores of the searched policy alone. Of all policies in the recipe, train would take: {told}.",
        ]
    lines += [
        "",
        f"The best score is optimistic: it is the highest of {outcome.compared} recipes, chosen on the products that it is "
        "measured on.",
        *_aside_lines(outcome),
    ]
    if outcome.importances:
        told = ", ".join(f"{path} {share:.0%}" for path, share in outcome.importances.items())
        lines += ["", f"What the scores depended on (fANOVA): {told}."]
    lines += [
        "",
        f"Recipe: {folder / RECIPE_FILE} (shelfwise train … --recipe)",
        f"Command: {outcome.command}",
    ]
    return "\n".join(lines) + "\n"


def _aside_lines(outcome: Outcome) -> list[str]:
    aside = outcome.aside
    if aside is None:
        return [outcome.why_no_aside]
    lines = [
        f"On {aside.products:,} products in {aside.groups:,} groups that no trial saw (95 % intervals by bootstrap over groups):",
        f"  the recipe as it was:  {aside.start}",
    ]
    if outcome.best is None:
        return lines
    lines += [f"  best:                  {aside.best}", f"  gain:                  {_signed(aside)}"]
    if aside.sure:
        return [*lines, "The gain is more than luck explains."]
    if aside.gain.high < 0:
        return [*lines, "There the recipe as it was is better: keep that one."]
    return [*lines, "That cannot be told from luck: the recipe as it was may be as good."]


def _signed(aside: AsideScores) -> str:
    gain = aside.gain
    return f"{gain.value:+.3f} ({gain.low:+.3f} to {gain.high:+.3f})"
