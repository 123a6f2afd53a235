"""What must hold of the confidence of any trained model, whatever its target, heads and policy."""

from __future__ import annotations

from shelfwise import Catalog, Categorizer


def check_confidence(model: Categorizer, catalog: Catalog) -> None:
    """Promises, back-off and sets of a fitted model, on a catalog with the target's columns."""
    whole = model.with_routing(precision=0.5, back_off=False)
    predictions = whole.predict(catalog)
    _check_promises(model, catalog)
    _check_sets(whole, catalog)
    if model.multilabel_:
        changed = model.with_routing(of="labels", precision=0.6, back_off=True)
        for one, before in zip(changed.predict(catalog), predictions, strict=True):
            assert set(one.answer) <= set(before.answer)
            assert one.decision == "failed" or 0 <= one.confidence <= 1
            assert ("left out" in one.reason) == (one.decision == "accept" and one.answer != before.answer)
    else:
        changed = model.with_routing(precision=0.6, precisions={"level 1": 0.7}, back_off=True)
        for one, before in zip(changed.predict(catalog), predictions, strict=True):
            assert before.answer[: len(one.answer)] == one.answer
            stopped = one.decision == "accept" and len(one.answer) < len(before.answer)
            assert one.reason.startswith("stopped at level") == stopped
            assert one.decision == "failed" or one.confidence == one.part_confidence[-1] or not stopped
    assert model.evaluate(catalog).headline == changed.evaluate(catalog).headline


def _check_promises(model: Categorizer, catalog: Catalog) -> None:
    accepted = []
    for precision in (0.3, 0.8, 0.9999):
        asked = model.with_routing(precision=precision)
        made = asked.predict(catalog)
        accepted.append(sum(one.decision == "accept" for one in made))
        found = asked.evaluate(catalog).promises
        assert found is not None
        [score] = found.scores
        assert score.accepted == accepted[-1]
        assert (score.threshold is None) == (not asked.router_.promises[0].rule.possible)
        reviews = [choice.reviews_per_thousand for choice in found.choices]
        assert reviews == sorted(reviews)
    assert accepted == sorted(accepted, reverse=True)
    assert accepted[-1] == 0
    reasons = {one.reason for one in made if one.decision == "review" and one.answer}
    assert any("more labelled products" in reason or "wrong too often" in reason for reason in reasons)


def _check_sets(model: Categorizer, catalog: Catalog) -> None:
    small, large = (model.predict(catalog, coverage=coverage) for coverage in (0.5, 0.9))
    for one, other, plain in zip(small, large, model.predict(catalog), strict=True):
        assert plain.set is None
        if one.decision == "failed":
            assert one.set is None
            continue
        assert one.set is not None
        assert other.set is not None
        assert {held.answer for held in one.set} <= {held.answer for held in other.set}
        told = [held.probability for held in other.set]
        assert told == sorted(told, reverse=True)
        assert all(0 < probability <= 1 for probability in told)
        assert (one.answer, one.confidence, one.decision) == (plain.answer, plain.confidence, plain.decision)
