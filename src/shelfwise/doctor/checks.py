"""Each finding as PASS, WARN or FAIL, with what a person should do about it."""

from __future__ import annotations

from collections.abc import Iterator

from shelfwise.catalog.inspection import Inspection
from shelfwise.catalog.inspection_text import leak_in_words, percent
from shelfwise.catalog.shift import InputShift
from shelfwise.doctor.findings import (
    CategoriesFound,
    Check,
    ComparisonFound,
    DuplicatesFound,
    LabelsFound,
)

MANY_WRONG = 0.02
"""Share of labels that look wrong from which on a person is warned …"""
MOST_WRONG = 0.2
"""… and from which on the labels are not fit to be learned from as they are."""
ANOTHER = 0.25
"""Population stability index over which the usual reading is that it is another population."""
TOLD_APART = 0.7
"""Area under the ROC curve from which on two catalogs are said to differ in an input."""
PRESENT_GAP = 0.1
SHARED_SHARE = 0.01
MEND = "Mend it in the catalog if it is a mistake; training goes on either way."
LEAK_LOSS = 0.1
"""Accuracy that a text loses without the categories' words, from which on a leak is warned of."""


def check_inspection(inspection: Inspection, *, compared: bool) -> Iterator[Check]:
    """What `inspect` alone found: what stops training, what someone should look at, and leaks. ``compared``:
    near-duplicates have a check of their own."""
    fails = [problem.what for problem in inspection.problems if problem.kind == "fails"]
    for what in fails:
        yield Check(
            name="training", verdict="FAIL", found=what, to_do="Training would stop; solve this first."
        )
    if not fails:
        yield Check(name="training", verdict="PASS", found="Nothing stops training.")
    for problem in inspection.problems:
        if problem.kind == "warning" and not (compared and "near-duplicates" in problem.what):
            yield Check(name="catalog", verdict="WARN", found=problem.what, to_do=MEND)
    yield from _leaks(inspection)


def _leaks(inspection: Inspection) -> Iterator[Check]:
    given_away = [one.name for one in inspection.left_out if one.giveaway]
    if given_away:
        yield Check(
            name="columns that give the answer away",
            verdict="WARN",
            found=f"{', '.join(given_away)}: left out of the inputs.",
            to_do="Name them with --inputs only if new products carry them before they have a category.",
        )
    serious = [
        leak
        for leak in inspection.leaks
        if leak.accuracy is not None and leak.accuracy - (leak.accuracy_masked or 0) >= LEAK_LOSS
    ]
    for leak in serious:
        yield Check(
            name="texts that name the category",
            verdict="WARN",
            found=leak_in_words(leak, inspection.target),
            to_do="If these texts are written once the category is known, train with --mask-labels.",
        )
    if inspection.target is not None and not serious and not given_away:
        yield Check(name="leaks", verdict="PASS", found="No input gives the category away.")


def check_labels(found: LabelsFound) -> Iterator[Check]:
    """Wrong labels."""
    share = found.suspects / max(found.judged, 1)
    few = (
        f" {found.too_few:,} more could not be judged: what they say stands in too few groups of near-duplicates."
        if found.too_few
        else ""
    )
    said = (
        f"{found.suspects:,} of {found.judged:,} labels ({percent(share)}) are probably wrong; about {percent(found.share)} look "
        f"drawn blindly. Judged by {', '.join(found.by)}, out of fold; {found.agreement_in_words()}.{few}"
        + ("" if found.told_apart else " They know too little of these labels to find what is wrong.")
    )
    if not found.judged:
        yield Check(
            name="wrong labels",
            verdict="WARN",
            found=f"Cannot be told: {found.too_few:,} labels stand in so few groups of near-duplicates each that whoever judged "
            "one would know nothing of it.",
            to_do="Find more products of these categories that are no variants of one another.",
        )
    elif share >= MANY_WRONG and not found.told_apart:
        yield Check(
            name="wrong labels",
            verdict="WARN",
            found=f"Cannot be told: {found.agreement_in_words('only ')}, by {', '.join(found.by)}, so that {found.suspects:,} "
            f"look wrong to them says little.{few}",
            to_do="Look at some of --suspects FILE before you believe it. More products, or inputs that tell more, make better "
            "judges.",
        )
    elif share >= MOST_WRONG:
        yield Check(
            name="wrong labels",
            verdict="FAIL",
            found=said,
            to_do="Mend them first: --suspects FILE lists them, the worst first. Until then train with --clean-labels.",
        )
    elif share >= MANY_WRONG:
        yield Check(
            name="wrong labels",
            verdict="WARN",
            found=said,
            to_do="Have a person go through --suspects FILE, the worst first; train with --clean-labels until then.",
        )
    else:
        to_do = "Worth a look: --suspects FILE lists them." if found.suspects else ""
        yield Check(name="wrong labels", verdict="PASS", found=said, to_do=to_do)


def check_categories(found: CategoriesFound, what: str) -> Iterator[Check]:
    """Categories (or labels: ``what``) too small, never told apart, too alike."""
    if found.small_count:
        name, count = found.small[0]
        yield Check(
            name=f"small {what}",
            verdict="WARN",
            found=f"{found.small_count:,} of {found.categories:,} {what} have fewer than {found.least} products "
            f"('{' > '.join(name)}' has {count}).",
            to_do="Find more products of them, or merge them with a neighbour.",
        )
    else:
        yield Check(name=f"small {what}", verdict="PASS", found=f"All have at least {found.least} products.")
    if found.unknowable_count:
        name, count = found.unknowable[0]
        yield Check(
            name=f"{what} that no input tells",
            verdict="WARN",
            found=f"{found.unknowable_count:,} {what} are found in fewer than {found.found_least:.0%} of their products "
            f"('{' > '.join(name)}', {count:,} products).",
            to_do="No input says what makes them. Add one that does (an image model, an attribute), or merge them.",
        )
    else:
        yield Check(name=f"{what} that no input tells", verdict="PASS", found="None.")
    if found.alike_count:
        pair = found.alike[0]
        yield Check(
            name=f"{what} too alike",
            verdict="WARN",
            found=f"{found.alike_count:,} pairs; most often '{' > '.join(pair.first)}' is taken for "
            f"'{' > '.join(pair.second)}' ({pair.taken:,} of {pair.products:,}).",
            to_do="Say in writing what tells them apart and look at the products shown, or merge them.",
        )
    elif what == "categories":
        yield Check(name=f"{what} too alike", verdict="PASS", found="No pair.")


def check_duplicates(found: DuplicatesFound, products: int) -> Iterator[Check]:
    """Near-duplicates, and those that contradict each other."""
    said = (
        f"{found.products:,} products ({percent(found.products / max(products, 1))}) are in {found.groups:,} groups of near-"
        f"duplicates; {found.exact:,} share a title or an image file."
    )
    if found.contradicting:
        yield Check(
            name="near-duplicates in different categories",
            verdict="WARN",
            found=f"{said} {found.contradicting:,} groups hold different labels.",
            to_do="At most one of the labels is right: look at the groups shown.",
        )
    else:
        yield Check(name="near-duplicates", verdict="PASS", found=said)


def check_comparison(found: ComparisonFound) -> Iterator[Check]:
    """What differs between the two catalogs."""
    for one in found.inputs:
        yield _check_input(one)
    if found.shared >= SHARED_SHARE:
        yield Check(
            name="products in both",
            verdict="WARN",
            found=f"{percent(found.shared)} of the other catalog's {found.products:,} products have a title of this one.",
            to_do="If one is to test a model trained on the other, take them out: figures would be too good.",
        )
    if found.auc is not None:
        apart = found.auc >= TOLD_APART
        yield Check(
            name="all inputs together",
            verdict="WARN" if apart else "PASS",
            found=f"A simple model tells the catalogs apart with an AUC of {found.auc:.2f} (0.5: not at all).",
            to_do="Check the model on labelled products like the new ones before trusting its figures."
            if apart
            else "",
        )


def _check_input(one: InputShift) -> Check:
    name = f"input '{one.name}'"
    if one.second is None or one.first is None:
        where = "the other catalog" if one.second is None else "this catalog"
        learned = one.second is None and (one.first or 0) > 0
        return Check(
            name=name,
            verdict="FAIL" if learned else "WARN",
            found=f"Not a column of {where}.",
            to_do="A model that reads it would do without: train with --inputs that both have, or bring it."
            if learned
            else "It cannot be learned from; add it to the catalog to use it.",
        )
    found = f"Filled {percent(one.first)} here, {percent(one.second)} there"
    found += f"; stability index {one.stability:.2f}" if one.stability is not None else ""
    found += f"; told apart by it with an AUC of {one.auc:.2f}" if one.auc is not None else ""
    found += f"; {percent(one.new)} of the values there are new" if one.new else ""
    if one.first and not one.second:
        return Check(
            name=name,
            verdict="FAIL",
            found=found + ".",
            to_do="It is empty there: train without it (--inputs), or find out why it is not delivered.",
        )
    troubles = []
    if abs(one.first - one.second) >= PRESENT_GAP:
        troubles.append("find out why it is filled so differently")
    if one.brands_count:
        gap = one.brands[0]
        found += (
            f"; {one.brands_count:,} brands differ in whether they carry it ('{gap.brand}': {percent(gap.first)} here, "
            f"{percent(gap.second)} there)"
        )
        troubles.append("ask those suppliers for it, and look at their products' predictions first")
    if (one.stability or 0) > max(ANOTHER, one.by_chance or 0) or (one.auc or 0) >= TOLD_APART:
        troubles.append("test the model on labelled products of the other kind")
    to_do = "; ".join(troubles)
    return Check(
        name=name,
        verdict="WARN" if troubles else "PASS",
        found=found + ".",
        to_do=to_do[:1].upper() + to_do[1:] + "." if to_do else "",
    )
