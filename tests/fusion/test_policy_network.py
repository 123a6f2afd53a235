"""The policy network: what it learns that a pool cannot, and that it does no harm."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy.special import expit, log_softmax
from tests.fusion.held_out import OUTCOMES, Held, confused, held_out, likelihood, right

from shelfwise.errors import ModelFolderError
from shelfwise.fusion import build_policy, features, network_training
from shelfwise.fusion.opinion_pool import OpinionPool
from shelfwise.fusion.policy_network import PolicyNetwork


def network(exclusive: bool = True, **options: Any) -> PolicyNetwork:
    policy = build_policy({"kind": "policy_network", "widths": [16], "batch": 64, **options}, exclusive)
    assert isinstance(policy, PolicyNetwork)
    return policy


def test_it_learns_who_knows_what() -> None:
    held, new = confused(), confused(seed=1)
    pooled = held.fit(OpinionPool(True)).combine(new.logits, new.present)
    fused = held.fit(network()).combine(new.logits, new.present)
    assert right(fused, new, True) > right(pooled, new, True) + 0.02


def test_in_bfloat16_it_learns_nearly_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    held, new = confused(), confused(seed=1)
    fused = []
    for numbers in (torch.float32, torch.bfloat16):
        monkeypatch.setattr(network_training, "precision", lambda numbers=numbers: numbers)
        fused.append(held.fit(network()).combine(new.logits, new.present))
    exact, rounded = fused
    assert not np.array_equal(exact, rounded)
    assert right(rounded, new, True) == pytest.approx(right(exact, new, True), abs=0.01)
    np.testing.assert_allclose(np.exp(rounded), np.exp(exact), atol=0.1)


def labels_that_go_together(products: int = 600, seed: int = 0) -> Held:
    """Label 1 is there just when label 0 is, but the classifiers only see label 0."""
    random = np.random.default_rng(seed)
    first = random.random(products) < 0.5
    truth = np.stack([first, first, random.random(products) < 0.5], axis=1).astype(np.float64)
    logits = random.normal(size=(2, products, 3)) * 0.5
    logits[:, :, 0] += np.where(first, 3, -3)
    return Held(logits, np.ones((2, products), bool), truth)


def test_it_learns_which_labels_go_together() -> None:
    held, new = labels_that_go_together(), labels_that_go_together(seed=1)
    fused = held.fit(network(False)).combine(new.logits, new.present)
    assert ((fused[:, 1] > 0) == new.truth[:, 1]).mean() > 0.95


@pytest.mark.parametrize("exclusive", [True, False], ids=["paths", "labels"])
def test_where_there_is_nothing_to_correct_the_pool_is_left(exclusive: bool) -> None:
    held = held_out(exclusive, products=60, absences=0)
    fused = held.fit(network(exclusive)).combine(held.logits, held.present)
    pooled = held.fit(OpinionPool(exclusive)).combine(held.logits, held.present)
    new = held_out(exclusive, products=600, seed=1)
    assert likelihood(fused, held, exclusive) > likelihood(pooled, held, exclusive) - 0.1
    few = held.take(np.arange(15))
    assert few.fit(network(exclusive)).arrays() == {}
    np.testing.assert_array_equal(
        few.fit(network(exclusive)).combine(new.logits, new.present),
        few.fit(OpinionPool(exclusive)).combine(new.logits, new.present),
    )


def test_it_learns_to_do_without_a_classifier() -> None:
    held, new = confused(), confused(seed=1)
    fitted = held.fit(network())
    for which in range(2):
        alone = np.zeros_like(new.present)
        alone[which] = True
        fused = fitted.combine(new.logits, alone)
        assert right(fused, new, True) >= right(new.logits[which], new, True) - 0.03


def test_groups_stay_on_one_side(monkeypatch: pytest.MonkeyPatch) -> None:
    from shelfwise.fusion import network_training

    seen: list[tuple[set[int], set[int]]] = []
    original = network_training._Member.__init__
    held = confused(200)
    groups = np.arange(200) // 8

    def spy(self: Any, data: Any, learns: np.ndarray, watches: np.ndarray, seed: Any) -> None:
        seen.append((set(groups[learns].tolist()), set(groups[watches].tolist())))
        original(self, data, learns, watches, seed)

    monkeypatch.setattr(network_training._Member, "__init__", spy)
    held.fit(network(epochs=1), groups=groups)
    assert len(seen) == network().options.members
    assert all(learns and watches and not learns & watches for learns, watches in seen)
    assert set.union(*(watches for _, watches in seen)) == set(groups.tolist())


def test_the_seed_decides_and_nothing_around_is_disturbed() -> None:
    held = confused(200)
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    one = held.fit(network(epochs=3), seed=1)
    assert torch.equal(torch.rand(3), expected)
    other = held.fit(network(epochs=3), seed=2)
    same = held.fit(network(epochs=3), seed=1)
    fused = one.combine(held.logits, held.present)
    np.testing.assert_array_equal(same.combine(held.logits, held.present), fused)
    assert not np.array_equal(other.combine(held.logits, held.present), fused)


@pytest.mark.parametrize("feature", ["root_probabilities", "probabilities", "logits"])
@pytest.mark.parametrize("exclusive", [True, False], ids=["paths", "labels"])
def test_every_feature_and_activation(exclusive: bool, feature: str) -> None:
    held = held_out(exclusive, products=200)
    options = {"widths": [8, 8, 8], "activations": ["relu", "sigmoid", "tanh"], "epochs": 4}
    fitted = held.fit(network(exclusive, features=feature, **options, residual=False))
    assert len(fitted.arrays()) == network().options.members * 4 * 2
    assert np.isfinite(fitted.combine(held.logits, held.present)).all()


@pytest.mark.parametrize("preset", ["paper_bimodal", "paper_trimodal"])
@pytest.mark.parametrize("exclusive", [True, False], ids=["paths", "labels"])
def test_the_papers_networks(exclusive: bool, preset: str) -> None:
    held = held_out(exclusive, products=300, absences=0.1)
    policy = build_policy({"kind": "policy_network", "preset": preset, "epochs": 60}, exclusive)
    fused = held.fit(policy).combine(held.logits, held.present)
    shapes = {key: array.shape for key, array in policy.arrays().items() if key.endswith("weights")}
    assert list(shapes.values()) == [(3 * OUTCOMES + 3, 200), (200, 150), (150, OUTCOMES)]
    expected = ("sigmoid", "sigmoid") if preset == "paper_bimodal" else ("sigmoid", "tanh")
    assert policy.options.model_dump()["activations"] == expected
    worst = min(right(np.nan_to_num(mine), held, exclusive) for mine in held.logits)
    assert right(fused, held, exclusive) > worst


def test_what_is_combined_is_what_was_trained() -> None:
    """The numbers that PyTorch gives for the layers kept are those that NumPy gives."""
    held = held_out(False, products=200)
    policy = network(
        False, members=1, epochs=3, residual=False, widths=[8, 4], activations=["sigmoid", "tanh"]
    )
    fused = held.fit(policy).combine(held.logits, held.present)
    arrays = {key: torch.from_numpy(array) for key, array in policy.arrays().items()}
    seen = np.where(held.present[..., None], np.sqrt(expit(held.logits)), 0.0)
    x = torch.from_numpy(np.concatenate([*seen, held.present.T], axis=1)).float()
    for layer, activation in enumerate([torch.sigmoid, torch.tanh, None]):
        x = x @ arrays[f"member_0/layer_{layer}/weights"] + arrays[f"member_0/layer_{layer}/bias"]
        x = x if activation is None else activation(x)
    np.testing.assert_allclose(fused, x.numpy(), atol=1e-4)


@pytest.mark.parametrize("exclusive", [True, False], ids=["paths", "labels"])
def test_with_very_many_outcomes_only_the_likeliest_are_read(
    exclusive: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = held_out(exclusive, products=300, outcomes=30)
    new = held_out(exclusive, products=100, outcomes=30, seed=1)
    monkeypatch.setattr(features, "FULL_COLUMNS", 50)
    monkeypatch.setattr(features, "KEPT_OUTCOMES", 5)
    fitted = held.fit(network(exclusive, residual=False, epochs=6))
    fused = fitted.combine(new.logits, new.present)
    assert np.isfinite(fused).all()
    order = np.random.default_rng(0).permutation(100)
    shuffled = new.take(order)
    np.testing.assert_allclose(
        fitted.combine(shuffled.logits, shuffled.present), fused[order], rtol=1e-9, atol=1e-12
    )
    # Where all outcomes are kept, reading them one by one is reading them all.
    monkeypatch.setattr(features, "KEPT_OUTCOMES", 30)
    by_place = fitted.combine(new.logits, new.present)
    monkeypatch.setattr(features, "FULL_COLUMNS", 1_000)
    np.testing.assert_allclose(fitted.combine(new.logits, new.present), by_place, atol=1e-9)


def test_reading_some_columns_trains_as_reading_all(monkeypatch: pytest.MonkeyPatch) -> None:
    held = held_out(True, products=120)
    options: dict[str, Any] = {"epochs": 2, "residual": False, "dropout": 0.0}
    full = held.fit(network(**options)).combine(held.logits, held.present)
    monkeypatch.setattr(features, "FULL_COLUMNS", 1)
    some = held.fit(network(**options)).combine(held.logits, held.present)
    np.testing.assert_allclose(some, full, atol=1e-4)


@pytest.mark.parametrize("members", [None, "4", -1, 9, 2.0, True])
def test_members_that_cannot_be_are_refused(members: Any) -> None:
    pool = {"weights": [1, 1, 1], "bias": 0}
    with pytest.raises(ModelFolderError, match="expected a policy network"):
        network().load_state({"pool": pool, "members": members}, {}, 3, OUTCOMES)


def test_a_network_of_another_width_is_refused() -> None:
    fitted = confused(200).fit(network(epochs=2, residual=False))
    with pytest.raises(
        ModelFolderError, match=r"expected .*'member_0/layer_0/bias' of the policy 'policy_network'"
    ):
        network(widths=[17], residual=False).load_state(fitted.state(), fitted.arrays(), 2, 4)


def test_log_probabilities_of_exclusive_outcomes() -> None:
    held = confused(200)
    fused = held.fit(network(epochs=2, residual=False)).combine(held.logits, held.present)
    np.testing.assert_allclose(fused, log_softmax(fused, axis=1), atol=1e-9)
