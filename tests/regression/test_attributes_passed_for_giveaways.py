"""Flags that follow from the category (waterproof: yes or no), and measurements that tell it, were left out of the inputs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from shelfwise.catalog.giveaway import find_giveaways


def found(columns: dict[str, object], answer: np.ndarray, numbers: tuple[str, ...] = ()) -> set[str]:
    arrays = {name: pa.array(values) for name, values in columns.items()}
    truth = [(f"C{one}",) for one in answer.tolist()]
    told: dict[str, Any] = {"numbers": numbers} if numbers else {}
    return set(find_giveaways(arrays, truth, multilabel=False, **told))


@pytest.fixture
def answer() -> np.ndarray:
    return np.random.default_rng(1).integers(16, size=2_000)


def test_flags_stay(answer: np.ndarray) -> None:
    dirt = np.random.default_rng(2).random(len(answer))
    columns: dict[str, object] = {f"has_{bit}": np.where(answer >> bit & 1, "yes", "no") for bit in range(4)}
    columns["washable"] = np.where(
        dirt < 0.01, "ask", np.where(dirt < 0.3, "n/a", np.where(answer < 9, "Yes", "no"))
    )
    columns["numbered"] = (answer < 5).astype(int)
    columns["true or none"] = [True if one < 6 else None for one in answer]
    assert found(columns, answer) == set()


def test_flags_named_like_a_level_do_not(answer: np.ndarray) -> None:
    columns = {
        name: np.where(answer < 8, "X", "Y") for name in ("Department", "main category", "lvl1", "waterproof")
    }
    assert found(columns, answer) == {"Department", "main category", "lvl1"}  # type: ignore[arg-type]


def test_a_property_of_few_values_stays_where_it_tells_little() -> None:
    answer = np.random.default_rng(1).integers(80, size=4_000)
    power = np.array(["mains", "battery", "none"])[answer * 7 % 3]
    aisle = np.char.add("aisle ", (answer // 8).astype(str))
    assert found({"power": power, "aisle": aisle}, answer) == {"aisle"}


def test_a_flag_that_is_the_answer_is_found() -> None:
    answer = np.random.default_rng(1).integers(2, size=500)
    assert found({"is_watch": np.where(answer, "yes", "no")}, answer) == {"is_watch"}


def test_measurements_stay_and_codes_do_not(answer: np.ndarray) -> None:
    random = np.random.default_rng(3)
    answer = answer % 6
    codes = random.permutation(60)
    columns: dict[str, object] = {
        "width": np.round(answer * 0.5 + random.normal(0, 0.12, len(answer)), 1),
        "grams": np.round(100 * 2.0**answer * random.uniform(0.9, 1.1, len(answer)) / 10),
        "node": 1_000 + 7 * answer,
        "nodes": 100 + 7 * answer + random.integers(3, size=len(answer)),
        "mixed": codes[answer * 10 + random.integers(10, size=len(answer))],
    }
    numbers = tuple(columns)
    assert found(columns, answer, numbers) == {"node", "nodes", "mixed"}
    assert "width" in found(columns, answer), "a value that tells, unless it is known to be read as a number"
