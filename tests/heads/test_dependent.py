"""Sequential heads and level decoders: levels that depend on each other, their training, and greedy and beam decoding."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from shelfwise.heads import build_head, dependent
from shelfwise.heads.dependent import DependentHead
from shelfwise.heads.path_search import beam_search, outcome_log_probabilities
from shelfwise.taxonomy.targets import PathTarget

UNEVEN = PathTarget(
    (
        ("Bags",),
        ("Men",),
        ("Men", "Shoes"),
        ("Men", "Shoes", "Boots"),
        ("Men", "Shoes", "Sneakers"),
        ("Women", "Shoes", "Boots"),
        ("Women", "Skirts"),
    )
)
KINDS: list[dict[str, Any]] = [
    {"kind": "sequential"},
    {"kind": "sequential", "previous": "embedding"},
    {"kind": "sequential", "layers": "separate"},
    {"kind": "sequential", "layers": "separate", "previous": "embedding"},
    {"kind": "level_decoder"},
    {"kind": "level_decoder", "cell": "lstm"},
]
PATHS = st.lists(
    st.lists(st.sampled_from("abcd"), min_size=1, max_size=4).map(tuple),
    min_size=2,
    max_size=25,
    unique=True,
)


def head(kind: dict[str, Any], target: PathTarget = UNEVEN, seed: int = 0, **options: Any) -> DependentHead:
    """A head whose weights are large enough that levels have something to say."""
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    built = build_head({"width": 6} | kind | options, target).double().eval()
    assert isinstance(built, DependentHead)
    with torch.no_grad():
        for parameter in built.parameters():
            parameter.normal_(std=1.5)
    return built


def vectors(rows: int = 5, seed: int = 0) -> torch.Tensor:
    return torch.randn(rows, 6, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 2


@pytest.fixture(params=KINDS, ids=lambda kind: "-".join(kind.values()))
def kind(request: pytest.FixtureRequest) -> dict[str, Any]:
    found: dict[str, Any] = request.param
    return found


def test_a_path_is_as_probable_as_its_choices_together(kind: dict[str, Any]) -> None:
    """Walked choice by choice, by hand."""
    built, scores = head(kind), vectors()
    found = built.outcome_logits(scores)
    choices = built.choices
    for number, outcome in enumerate(UNEVEN.outcomes):
        carried, total, place = built.start(scores), torch.zeros(len(scores), dtype=torch.float64), 0
        way = [*outcome, ""] if outcome in choices.places else list(outcome)
        for level, name in enumerate(way):
            where = torch.full((len(scores),), place)
            seen, carried = built.enter(level, carried, where)
            log_probabilities, numbers = built.level_log_probabilities(level, seen, where)
            which = choices.names[level].index(name)
            total = total + log_probabilities[:, which]
            place = int(choices.leads_to[numbers[0, which]])
        torch.testing.assert_close(found[:, number], total)


def test_the_loss_is_the_log_probability_of_the_true_path(kind: dict[str, Any]) -> None:
    built, scores = head(kind), vectors(rows=7)
    truth = torch.arange(7)
    expected = -built.outcome_logits(scores).gather(1, truth[:, None])[:, 0]
    torch.testing.assert_close(built.loss(scores, truth), expected.mean())
    weights = torch.linspace(1, 3, 7, dtype=torch.float64)
    torch.testing.assert_close(built.loss(scores, truth, weights), (expected * weights).sum() / weights.sum())


def test_a_level_sees_the_category_above_it(kind: dict[str, Any]) -> None:
    """Given shoes, whether boots are likelier than anything else depends on whose shoes they are."""
    target = PathTarget((("Men", "Boots"), ("Men", "Heels"), ("Women", "Boots"), ("Women", "Heels")))
    built = head(kind, target, decode="exact")
    logits = built.outcome_logits(vectors(rows=1)).detach()[0].view(2, 2)
    men, women = (logits[:, 0] - logits[:, 1]).tolist()
    assert abs(men - women) > 1e-3


@pytest.mark.parametrize("width", [1, 2, 3, 5, 40])
def test_what_the_search_finds_is_as_probable_as_it_says(kind: dict[str, Any], width: int) -> None:
    built, scores = head(kind), vectors()
    exact, found = built.outcome_logits(scores), beam_search(built, scores, width)
    possible = found.log_probabilities > -torch.inf
    assert possible.any(1).all()
    assert possible.sum(1).max() <= width
    torch.testing.assert_close(found.log_probabilities[possible], exact.gather(1, found.outcomes)[possible])
    for outcomes, here in zip(found.outcomes, possible, strict=True):
        assert len(set(outcomes[here].tolist())) == int(here.sum()), "no path is found twice"


def test_greedy_takes_the_best_choice_at_every_level(kind: dict[str, Any]) -> None:
    built, scores = head(kind), vectors(rows=20)
    exact, greedy = built.outcome_logits(scores).detach().exp(), beam_search(built, scores, 1)
    for row, outcome in enumerate(greedy.outcomes[:, 0].tolist()):
        here: tuple[str, ...] = ()
        while True:
            below = {
                path: float(exact[row, number])
                for number, path in enumerate(UNEVEN.outcomes)
                if path[: len(here)] == here
            }
            mass: dict[tuple[str, ...], float] = {}
            for path, probability in below.items():
                mass[path[: len(here) + 1]] = mass.get(path[: len(here) + 1], 0.0) + probability
            best = max(mass, key=lambda path: mass[path])
            if best == here or not any(path[: len(best)] == best and path != best for path in below):
                break
            here = best
        assert UNEVEN.outcomes[outcome] == best


@given(PATHS, st.sampled_from(KINDS), st.integers(1, 6), st.integers(0, 2**31))
@settings(deadline=None, max_examples=60)
def test_a_beam_is_never_below_greedy_and_every_path_exists(
    paths: list[tuple[str, ...]], kind: dict[str, Any], width: int, seed: int
) -> None:
    target = PathTarget(tuple(sorted(paths)))
    scores = vectors(rows=4, seed=seed)
    built = head(kind, target, seed=seed % 100, decode="beam", beam_width=width)
    greedy = head(kind, target, seed=seed % 100, decode="greedy").search(scores)
    beam = built.search(scores)
    assert (beam.log_probabilities[:, 0] >= greedy.log_probabilities[:, 0] - 1e-12).all()
    assert greedy.log_probabilities.isfinite().all()
    assert ((beam.outcomes >= 0) & (beam.outcomes < target.n_outcomes)).all()
    exact = head(kind, target, seed=seed % 100).outcome_logits(scores)
    assert (exact.amax(1) >= beam.log_probabilities[:, 0] - 1e-12).all()


def test_a_beam_wide_enough_finds_the_most_probable_path(kind: dict[str, Any]) -> None:
    built, scores = head(kind), vectors(rows=20)
    exact, found = built.outcome_logits(scores), beam_search(built, scores, UNEVEN.n_outcomes)
    assert found.outcomes[:, 0].tolist() == exact.argmax(1).tolist()


@pytest.mark.parametrize("decode", ["greedy", "beam"])
def test_what_is_decoded_is_the_answer(kind: dict[str, Any], decode: str) -> None:
    built, scores = head(kind, decode=decode, beam_width=2), vectors(rows=20)
    logits = built.outcome_logits(scores)
    assert logits.isfinite().all()
    torch.testing.assert_close(logits.exp().sum(1), torch.ones(20, dtype=torch.float64))
    assert logits.argmax(1).tolist() == built.search(scores).outcomes[:, 0].tolist()


def test_what_was_not_found_shares_the_rest() -> None:
    built, scores = head(KINDS[0], decode="beam", beam_width=2), vectors(rows=1)
    found = built.search(scores)
    logits = outcome_log_probabilities(found, UNEVEN.n_outcomes)[0].detach()
    known = set(found.outcomes[0].tolist())
    others = [float(logits[number]) for number in range(UNEVEN.n_outcomes) if number not in known]
    assert max(others) == pytest.approx(min(others))
    assert max(others) < min(float(logits[number]) for number in known)


def test_too_large_a_taxonomy_gets_the_beam(kind: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    built, scores = head(kind), vectors()
    exact = built.outcome_logits(scores)
    monkeypatch.setattr(dependent, "_MOST_EXACT", 10)
    beam = built.outcome_logits(scores)
    assert not torch.equal(exact, beam)
    torch.testing.assert_close(beam, outcome_log_probabilities(built.search(scores), UNEVEN.n_outcomes))


def test_scheduled_sampling_follows_its_own_choices_in_training_only(kind: dict[str, Any]) -> None:
    forced = head(kind, dropout=0.0).train()
    sampled = head(kind, dropout=0.0, scheduled_sampling=1.0).train()
    sampled.steps_trained = 10_000
    scores, truth = vectors(rows=7), torch.arange(7)
    assert float(forced.loss(scores, truth)) != pytest.approx(float(sampled.loss(scores, truth)))
    torch.testing.assert_close(forced.eval().loss(scores, truth), sampled.eval().loss(scores, truth))


def test_scheduled_sampling_begins_with_the_truth() -> None:
    forced = head(KINDS[0], dropout=0.0).train()
    sampled = head(KINDS[0], dropout=0.0, scheduled_sampling=0.5).train()
    sampled.steps_trained = -1
    scores, truth = vectors(rows=7), torch.arange(7)
    torch.testing.assert_close(forced.loss(scores, truth), sampled.loss(scores, truth))


def test_where_the_true_name_is_no_choice_nothing_is_learned() -> None:
    """The head's own first choice is Bags > …; there is no Boots below it, so level 2 adds nothing."""
    target = PathTarget((("Bags", "Totes"), ("Bags", "Clutches"), ("Shoes", "Boots"), ("Shoes", "Heels")))
    built = head(KINDS[0], target, dropout=0.0, scheduled_sampling=1.0).train()
    built.steps_trained = 10_000
    with torch.no_grad():
        built.output[0].weight.zero_()
        built.output[0].bias.copy_(torch.tensor([5.0, -5.0]))  # Bags, Shoes
        assert built.own is not None
        built.own.zero_()
    loss = built.loss(vectors(rows=3), torch.full((3,), 2))
    torch.testing.assert_close(loss, torch.tensor(5.0, dtype=torch.float64).mul(2).exp().add(1).log())


def test_products_that_end_early_do_not_disturb_the_others(kind: dict[str, Any]) -> None:
    built, scores = head(kind), vectors(rows=3)
    truth = torch.tensor([0, 4, 1])  # Bags, Men > Shoes > Sneakers, stop at Men
    alone = [built.loss(scores[row : row + 1], truth[row : row + 1]) for row in range(3)]
    torch.testing.assert_close(built.loss(scores, truth), torch.stack(alone).mean())


def test_learns_from_nothing_but_zeros(kind: dict[str, Any]) -> None:
    """A linear classifier on sparse inputs starts at zero scores: they must have a slope there."""
    torch.manual_seed(0)
    built = build_head({"width": 6} | kind, UNEVEN).double().eval()
    scores = torch.zeros(2, 6, dtype=torch.float64, requires_grad=True)
    built.loss(scores, torch.tensor([0, 4])).backward()
    assert scores.grad is not None
    assert scores.grad.abs().amin() > 0
