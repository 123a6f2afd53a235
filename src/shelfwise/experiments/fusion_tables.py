"""The tables of the fusion experiment: tables 1 to 4 of Wirojwatanakul & Wangperawong 2019, and what they do not show."""

from __future__ import annotations

import numpy as np

from shelfwise.experiments import paper_a
from shelfwise.experiments.fusion_methods import ONE_ANSWER, tuned, ways
from shelfwise.experiments.fusion_scores import found_by_none, most_missed, rescues
from shelfwise.experiments.fusion_study import FusionStudy
from shelfwise.experiments.table import Cell, Column, Table

PAPER_COLUMN = "paper, other data"
_WAY_NAMES = {
    "fixed": "micro-F1 at 0.5",
    "one": "one tuned threshold",
    "per_label": "one a label",
    ONE_ANSWER: "whole path right",
}
_FAMILIES = {
    "input": "input alone",
    "early": "early fusion",
    "paper": "paper",
    "ours": "ours",
    "leaky": "leaky",
}


def input_table(study: FusionStudy) -> Table:
    """Table 1: each input's classifier."""
    found = ways(study.target)
    table = Table(
        "table_1_inputs",
        "Table 1. Each input alone",
        [
            Column("input"),
            Column("encoder"),
            Column("test products with it", "count"),
            *(Column(_WAY_NAMES[way], "percent", mark_best=True) for way in found),
            Column(PAPER_COLUMN, "percent"),
        ],
        "95 % intervals: bootstrap over the test products' groups of near-duplicates. A product without the input is given "
        "nothing and counts as missed. "
        f"{paper_a.DATA}.",
    )
    for place in study.inputs:
        name = study.methods[place].method.members[0]
        facts = study.outputs.facts[name]
        present = int(study.outputs.test.present[study.outputs.names.index(name)].sum())
        scores: list[Cell] = [study.scores[way].score(place) for way in found]
        theirs = paper_a.of_input(name) if study.target.multilabel else None
        table.add(name, ", ".join(facts["encoders"]), present, *scores, theirs)
    for name, reason in study.outputs.left_out.items():
        table.add(f"{name} (left out: {reason})", "", 0, *[None for _ in found], None)
    return table


def fusion_table(study: FusionStudy) -> Table:
    """Table 3: every way to fuse, beside the best input."""
    found, best = ways(study.target), study.best_input
    table = Table(
        "table_3_fusion",
        "Table 3. Every way to fuse",
        [
            Column("method"),
            Column("whose"),
            *(Column(_WAY_NAMES[way], "percent") for way in found),
            Column("over the best input, points", "points"),
            Column(PAPER_COLUMN, "percent"),
        ],
        f"Policies and thresholds are fitted on out-of-fold outputs of the training products. Differences are to "
        f"'{study.methods[best].method.name}', paired over the same resampled products. In bold: the fusion that is best on "
        "held-out training products.",
    )
    main = study.scores[tuned(study.target)]
    for place, one in enumerate(study.methods):
        method = one.method
        scores: list[Cell] = [study.scores[way].score(place) for way in found]
        gain = None if place == best else main.gain(place, best)
        theirs = None if method.family == "leaky" else paper_a.of_fusion(method.kind, method.members)
        if method.family == "input":
            theirs = paper_a.of_input(method.name)
        if (
            not study.target.multilabel
        ):  # the paper has label sets only: its micro-F1 is no share of right paths
            theirs = None
        table.add(method.name, _FAMILIES[method.family], *scores, gain, theirs, lead=place == study.chosen)
    return table


def leakage_table(study: FusionStudy) -> Table:
    """What it costs to fit policies on outputs for products that their classifiers learned from."""
    table = Table(
        "leakage",
        "What leakage costs",
        [
            Column("policy"),
            Column("out-of-fold", "percent"),
            Column("leaky", "percent"),
            Column("leaky promised", "percent"),
            Column("leaky minus out-of-fold, points", "points"),
        ],
        "Leaky: policy and thresholds fitted on outputs for products that the classifiers were trained on. 'Promised' is the "
        "score that they then show on those products; the other columns are on the test products.",
    )
    main = study.scores[tuned(study.target)]
    for place, one in enumerate(study.methods):
        if one.method.family != "leaky":
            continue
        honest = next(
            other
            for other, two in enumerate(study.methods)
            if two.method.policy == one.method.policy
            and two.method.members == one.method.members
            and two.method.family != "leaky"
        )
        name = study.methods[honest].method.name
        table.add(name, main.score(honest), main.score(place), one.held_out, main.gain(place, honest))
    return table


def missed_table(study: FusionStudy, fused: bool) -> Table:
    """Table 2 (each input) or 4 (the fusion): the 15 categories with the largest share of missed products."""
    way = tuned(study.target)
    number, places = (4, [study.chosen]) if fused else (2, study.inputs)
    table = Table(
        f"table_{number}_missed",
        f"Table {number}. Most missed categories of " + ("the fusion" if fused else "each input"),
        [
            Column("fusion" if fused else "input"),
            Column("category"),
            Column("missed", "count"),
            Column("of", "count"),
            Column("share missed", "percent"),
            Column("precision", "percent"),
        ],
        "The paper gives missed / products only. Precision: of the products given the category, those that are in it; – where it "
        "is never given.",
    )
    for place in places:
        one = study.methods[place]
        for miss in most_missed(study.truth, one.given[way]):
            name = study.names[miss.category]
            table.add(one.method.name, name, miss.missed, miss.total, miss.share, miss.precision)
    return table


def rescue_tables(study: FusionStudy) -> list[Table]:
    """What each input finds that all others miss; the second table by category."""
    way = tuned(study.target)
    given = {study.methods[place].method.name: study.methods[place].given[way] for place in study.inputs}
    whole = study.truth.nnz
    summary = Table(
        "rescued",
        "What one input alone finds",
        [Column("found by"), Column("true categories", "count"), Column("of all", "percent")],
        "A true category of a test product counts for an input when that input's classifier gives it and no other input's does.",
    )
    detail = Table(
        "rescued_categories",
        "Where: the categories that an input rescues most often",
        [
            Column("input"),
            Column("category"),
            Column("found by it alone", "count"),
            Column("products", "count"),
            Column("share", "percent"),
        ],
    )
    for rescue in rescues(study.truth, given):
        summary.add(f"{rescue.name} alone", rescue.products, rescue.products / max(whole, 1))
        for category, count, total in rescue.categories:
            detail.add(rescue.name, study.names[category], count, total, count / max(total, 1))
    missed = found_by_none(study.truth, list(given.values()))
    summary.add("no input", int(missed.nnz), missed.nnz / max(whole, 1))
    fused = int(missed.multiply(study.methods[study.chosen].given[way]).nnz)
    summary.add("no input, but the fusion", fused, fused / max(whole, 1))
    return [summary, detail]


def hidden_table(study: FusionStudy) -> Table:
    """What is left when an input is hidden from test products, beside the others' own fusion where that was fitted."""
    main = study.scores[tuned(study.target)]
    table = Table(
        "hidden_inputs",
        "Without an input",
        [
            Column("fusion"),
            Column("hidden"),
            Column("nothing hidden", "percent"),
            Column("hidden from half", "percent"),
            Column("hidden from all", "percent"),
            Column("fitted without it", "percent"),
        ],
        "Nothing is fitted anew: the policy is told that the input is absent. Last column: the same policy fitted on the other "
        "inputs.",
    )
    singles = {study.methods[place].method.members[0] for place in study.inputs}
    for place, one in enumerate(study.methods):
        # A classifier of several inputs would still see what is hidden.
        if (
            not one.method.all_inputs
            or one.method.family == "leaky"
            or not singles >= set(one.method.members)
        ):
            continue
        for name, scores in one.hidden.items():
            others = tuple(member for member in one.method.members if member != name)
            same = [
                main.score(other).value
                for other, two in enumerate(study.methods)
                if two.method.members == others
                and two.method.family == one.method.family
                and (two.method.kind == one.method.kind or len(others) == 1)
            ]
            table.add(
                one.method.name,
                name,
                float(main.scores[place]),
                scores["half"],
                scores["all"],
                same[0] if same else None,
            )
    return table


def category_table(study: FusionStudy) -> Table:
    """The catalog's categories in figures, beside the paper's."""
    facts = study.categories
    products = np.array([facts.products[name] for name in study.names])
    what = "labels" if study.target.multilabel else "categories"
    table = Table(
        "categories",
        "The categories",
        [Column("figure"), Column("here", "number"), Column(PAPER_COLUMN, "number")],
        f"Training and test products together. {paper_a.DATA}.",
    )
    theirs = paper_a.LABELS
    table.add(what, len(products), theirs["labels"])
    table.add(f"products in one of the {what}: least", int(products.min()), theirs["products a label, least"])
    table.add("mean", float(products.mean()), theirs["mean"])
    table.add("most", int(products.max()), theirs["most"])
    table.add(f"{what} a product, mean", float(np.mean(facts.per_product)), theirs["labels a product"])
    table.add("least", int(min(facts.per_product)), None)
    table.add("most", int(max(facts.per_product)), None)
    table.add(f"{what} dropped for too few training products", facts.dropped, None)
    table.add("products left aside: without a category, or with none left", facts.aside, None)
    return table
