"""The pages of `experiment inputs` and `experiment levels`: what was found, in words, tables and figures."""

from __future__ import annotations

from shelfwise.experiments import levels_study as levels
from shelfwise.experiments.inputs_study import BASELINE
from shelfwise.experiments.page import Page, Section
from shelfwise.experiments.study_data import StudyData
from shelfwise.experiments.study_runs import Runs
from shelfwise.experiments.study_tables import (
    levels_figure,
    mean_of_levels,
    over_seeds,
    scores_table,
    sizes_figure,
    whole_path,
)
from shelfwise.experiments.study_words import (
    compare,
    doubt,
    evaluation_error,
    largest_shared,
    missing_section,
    percent,
    ranked,
    study_facts,
)
from shelfwise.experiments.table import Table
from shelfwise.experiments.training_sizes import Size

_MEAN, _WHOLE = "mean accuracy of the levels", "whole-path accuracy"


def inputs_page(data: StudyData, runs: Runs, seeds: int, command: str) -> Page:
    """What each group of inputs is worth."""
    size = largest_shared(runs)
    names = [name for name in ranked(runs, size, mean_of_levels) if name != BASELINE]
    best = names[0]
    said = [compare(runs, best, other, size, mean_of_levels, _MEAN) for other in names[1:]]
    said += [compare(runs, best, BASELINE, size, mean_of_levels, _MEAN), _growth(runs, best)]
    lead = (
        f"{best.capitalize()}: {percent(over_seeds(runs.of(best, size), mean_of_levels))} of the levels right, the most"
        + doubt(runs, best, names[1:], size, mean_of_levels)
    )
    text = (
        "One network over each group of inputs (the preset paper-b: inputs joined early, one softmax a level), as in figures 2 "
        "and 3 of Wang & Guthrie 2015, beside always answering the most frequent category."
    )
    contents = {
        name: next(one.contender.what for one in runs.measured if one.name == name) for name in runs.names
    }
    reads = "; ".join(f"{name}: {what}" for name, what in contents.items())
    return _page("inputs", lead, text, f"What each reads: {reads}.", data, runs, said, best, (seeds, command))


def levels_page(data: StudyData, runs: Runs, seeds: int, command: str) -> Page:
    """Multitask or sequential, greedy or beam, words or sequence, levels or tree."""
    size = largest_shared(runs)
    best, *others = ranked(runs, size, whole_path)
    lead = f"{best}: {percent(over_seeds(runs.of(best, size), whole_path))} of the paths right from top to bottom, the most"
    lead += doubt(runs, best, others, size, whole_path)
    text = (
        "Networks on the same inputs that differ in how levels are decided, as in figures 4 and 5 of Wang & Guthrie 2015, with "
        "the multitask LSTM that the paper names as its next step and two tree heads. Those whose levels depend on each other "
        "are trained once and decoded in three ways: greedily, by a beam of 5, and by the exact probability of every path."
    )
    said: list[str | None] = []
    for question, first, second in _QUESTIONS:
        found = compare(runs, first, second, size, whole_path, _WHOLE)
        said.append(None if found is None else f"{question} {found}")
    said += [_searches(runs, size, levels.BEAM), _searches(runs, size, levels.LSTM_BEAM)]
    said.append(_growth(runs, best))
    how = "Every path answered exists in the taxonomy, whichever head decides."
    return _page("levels", lead, text, how, data, runs, said, best, (seeds, command))


_QUESTIONS = (
    ("Multitask or sequential?", levels.MULTITASK, levels.BEAM),
    ("Greedy or beam, MLP?", levels.BEAM, levels.GREEDY),
    ("Hard or beam, LSTM?", levels.LSTM_BEAM, levels.LSTM_HARD),
    ("Multitask or dependent levels, LSTM?", levels.MULTITASK_LSTM, levels.LSTM_BEAM),
    ("Words or sequence?", levels.MULTITASK, levels.MULTITASK_LSTM),
    ("Levels or a tree?", levels.MULTITASK, levels.TREE),
    ("One softmax, or one a parent?", levels.TREE, levels.CONDITIONAL),
)


def _page(
    kind: str,
    lead: str,
    text: str,
    how: str,
    data: StudyData,
    runs: Runs,
    said: list[str | None],
    best: str,
    told: tuple[int, str],
) -> Page:
    """What both pages have in common; ``told``: seeds and the command."""
    size = largest_shared(runs)
    names = level_names(data)
    error = evaluation_error(runs, best, size)
    sections = [
        Section("What was found", how, [line for line in said if line]),
        Section(
            "Accuracy by training size",
            "Evenly spaced sizes are factors, not differences: the axis is logarithmic.",
            [
                sizes_figure(f"{kind}-mean", "Mean of the levels", runs, mean_of_levels, _MEAN),
                sizes_figure(f"{kind}-path", "Whole path", runs, whole_path, _WHOLE),
            ],
        ),
        Section(
            "Accuracy by level",
            f"At the largest size that most were measured at ({_trained_on(runs, size)}).",
            [levels_figure(f"{kind}-levels", "Each level", runs, size, names)],
        ),
        Section(
            "The paper's own evaluation error", error or "Nothing was trained, so there is nothing to show."
        ),
        Section("All figures", "As CSV and JSON beside this page.", [results_table(kind, data, runs)]),
        *missing_section(runs),
    ]
    return Page(f"{kind} experiment", lead, text, sections, study_facts(data, runs, *told))


def results_table(kind: str, data: StudyData, runs: Runs) -> Table:
    """All rows of the experiment."""
    return scores_table(kind, f"Accuracy: {kind} experiment", runs, level_names(data))


def level_names(data: StudyData) -> list[str]:
    """What the levels are called, from the top down."""
    depth = max(len(path) for path in data.values)
    names = list(data.truth.level_names)[:depth]
    return names + [f"level {level + 1}" for level in range(len(names), depth)]


def _growth(runs: Runs, name: str) -> str | None:
    """How far more products brought a row."""
    found = [runs.of(name, size) for size in runs.sizes if runs.of(name, size)]
    if len(found) < 2:
        return None
    first, last = found[0], found[-1]
    products = [round(sum(one.facts["products"] for one in mine) / len(mine)) for mine in (first, last)]
    means = [percent(over_seeds(mine, mean_of_levels)) for mine in (first, last)]
    paths = [percent(over_seeds(mine, whole_path)) for mine in (first, last)]
    return (
        f"{name.capitalize() if name.islower() else name}, from {products[0]:,} to {products[1]:,} training products: mean of "
        f"the levels from {means[0]} to {means[1]}, whole path from {paths[0]} to {paths[1]}."
    )


def _searches(runs: Runs, size: Size, name: str) -> str | None:
    """What the beam found beside the greedy way, by the probabilities of the paths."""
    found = [one.facts["search"] for one in runs.of(name, size) if "search" in one.facts]
    if not found:
        return None
    mean = {key: sum(one[key] for one in found) / len(found) for key in found[0]}
    return (
        f"{name}: for {mean['beam_better']:.1%} of the tested products the beam's path is more probable than the greedy one, for "
        f"{mean['beam_worse']:.1%} less; it is the most probable of all paths for {mean['beam_best']:.1%}, the greedy one for "
        f"{mean['greedy_best']:.1%}."
    )


def _trained_on(runs: Runs, size: Size) -> str:
    found = [int(one.facts["products"]) for one in runs.measured if one.size == size]
    return f"about {round(sum(found) / len(found)):,} training products"
