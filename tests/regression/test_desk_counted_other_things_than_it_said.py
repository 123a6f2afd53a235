"""The desk's figures counted whole label sets against a promise about labels, votes as products, and other models' answers."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from scipy.stats import beta
from starlette.testclient import TestClient
from tests.review.desk_maker import (
    PATHS,
    label_card,
    labelled,
    make_desk,
    path_card,
    predicted,
    sign_in,
    write_predictions,
)
from tests.review.test_queue import judge, lease, wish
from tests.tiny_catalog import read, tiny_rows, title_recipe

from shelfwise import Categorizer
from shelfwise.progress import Silent
from shelfwise.review import numbers
from shelfwise.review.app import make_app
from shelfwise.review.arrivals import add_model, queue_file
from shelfwise.review.desk import Desk
from shelfwise.review.export import export_decisions
from shelfwise.review.filters import QueueFilter
from shelfwise.review.intervals import clustered_share
from shelfwise.review.model_card import read_model_card
from shelfwise.review.rules import preview, read_rule, rule_records, save_rule

SAMPLE = QueueFilter(order="sample")


def final_rows(desk: Desk, folder: Path) -> list[dict[str, object]]:
    """What a person would count by: the exported decisions."""
    return pq.read_table(export_decisions(desk.database, folder / "out.parquet").output).to_pylist()


def test_labels_are_counted_where_labels_are_promised(tmp_path: Path) -> None:
    made = [replace(labelled(number), decision="accept", reason="") for number in range(10)]
    desk = make_desk(
        tmp_path, card=replace(label_card(), of_labels=True, precision=0.9), predictions=made, titles=None
    )
    for number in range(10):
        held = lease(desk, "Ann", SAMPLE)
        assert held is not None
        given = wish(desk, held, queue="sample")
        judge(desk, "Ann", replace(given, after=given.after[:1]) if number < 2 else given)
    told = final_rows(desk, tmp_path)
    right = sum(len(set(row["before"]) & set(row["labels"])) for row in told)  # type: ignore[call-overload]
    of = sum(len(row["before"]) for row in told)  # type: ignore[arg-type]
    assert (right, of) == (18, 20)
    with desk.database.read() as connection:
        seen = numbers.sample_precision(connection, desk.model, of_labels=True)
    assert seen.labels is not None
    assert (seen.labels.right, seen.labels.of) == (right, of)
    assert (seen.accepted.right, seen.accepted.of) == (8, 10)
    client = TestClient(make_app(desk), base_url="http://localhost")
    sign_in(client)
    page = client.get("/numbers").text
    assert (
        "Of the <b>20</b> labels of accepted products in the mixed sample, people confirmed <b>18</b>" in page
    )
    assert "not kept" not in page


def test_a_model_says_what_its_promise_is_about(tmp_path: Path) -> None:
    recipe = title_recipe(
        target={"columns": ["tags"], "multilabel": True, "separator": "|"},
        routing={"of": "labels", "precision": 0.7},
    )
    model = Categorizer(recipe).fit(read(tmp_path / "shop.csv", tiny_rows(240)))
    model.save(tmp_path / "model")
    assert read_model_card(tmp_path / "model").of_labels
    model.with_routing(of="whole", precision=0.7).save(tmp_path / "model")
    assert not read_model_card(tmp_path / "model").of_labels


@pytest.mark.parametrize("together", [True, False])
def test_the_interval_of_labels_holds_the_truth(together: bool) -> None:
    """Simulated: labels that are all right or all wrong, and independent ones. 95 % are promised."""
    random = np.random.default_rng(0)
    held = 0
    for _ in range(400):
        sizes = random.integers(1, 6, 150)
        hits = random.random((150, 1 if together else 5)) < 0.9
        right = (
            np.where(hits[:, 0], sizes, 0) if together else [hits[i, :n].sum() for i, n in enumerate(sizes)]
        )
        share = clustered_share(Counter(zip(map(int, right), map(int, sizes), strict=True)))
        held += share.low <= 0.9 <= share.high
    assert held >= 400 * 0.925


def test_labels_that_are_all_right_count_as_one_a_product() -> None:
    share = clustered_share({(3, 3): 40})
    assert (share.right, share.of, share.high) == (120, 120, 1.0)
    assert share.low == pytest.approx(beta.ppf(0.025, 40, 1))
    assert clustered_share({}).of == 0
    assert clustered_share({(0, 0): 3}).of == 0


def test_a_product_counts_once_however_many_voted(tmp_path: Path) -> None:
    desk = make_desk(tmp_path, 4, votes=2)
    with desk.database.write() as connection:
        rule = read_rule("brand", "brand 0", "", PATHS[3], desk.categories)
        number = save_rule(connection, rule, "Ann")
    for person, after in (("Ann", PATHS[3]), ("Bob", PATHS[3]), ("Cid", None)):
        for _ in range(4):
            held = lease(desk, person)
            if held is None:
                break
            given = wish(desk, held, members=(), ticket=f"{person}{held.lead:010d}")
            judge(desk, person, replace(given, after=after) if after else given)
    told = final_rows(desk, tmp_path)
    assert len(told) == 4
    with desk.database.read() as connection:
        bands = numbers.acceptance_by_confidence(connection, desk.model)
        by_category = numbers.acceptance_by_category(connection, desk.model)
        (record,) = rule_records(connection, multilabel=False)
        seen = preview(connection, rule, multilabel=False)
    assert sum(band.of for band in bands) == len(told)
    assert sum(band.right for band in bands) == sum(row["before"] == row["path"] for row in told)
    assert sum(share.of for _, share in by_category) == len(told)
    ruled = [row for row in told if row["rule"] == number]
    assert (record.judged, record.right) == (len(ruled), len(ruled)) == (2, 2)
    assert (seen.judged, seen.right) == (2, 2)


def test_that_nobody_can_tell_says_nothing_of_a_rule(tmp_path: Path) -> None:
    desk = make_desk(tmp_path, 1, votes=2)
    with desk.database.write() as connection:
        save_rule(connection, read_rule("brand", "brand 0", "", PATHS[3], desk.categories), "Ann")
    for person, after in (("Ann", PATHS[3]), ("Bob", PATHS[4])):
        held = lease(desk, person)
        assert held is not None
        judge(desk, person, wish(desk, held, after=after, ticket=f"{person}ticket"))
    held = lease(desk, "Cid", QueueFilter(order="disputed"))
    assert held is not None
    judge(desk, "Cid", wish(desk, held, wanted="cannot_tell", after=(), ticket="cidsticket"))
    with desk.database.read() as connection:
        (record,) = rule_records(connection, multilabel=False)
    assert record.judged == 0


def test_another_models_answers_are_not_held_against_this_one(tmp_path: Path) -> None:
    made = [predicted(number, 0.9, decision="accept", reason="") for number in range(6)]
    desk = make_desk(tmp_path, predictions=made)
    for _ in range(3):
        held = lease(desk, "Ann", SAMPLE)
        assert held is not None
        judge(desk, "Ann", wish(desk, held, queue="sample", after=("Home",)))
    newer = path_card("model-two")
    model = add_model(desk.database, newer)
    file = write_predictions(tmp_path / "newer.parquet", [replace(one, confidence=0.95) for one in made])
    queue_file(desk.database, file, newer, model, desk.shop, Silent())
    second = Desk(desk.database, newer, model, desk.shop, clock=desk.clock)
    with desk.database.read() as connection:
        assert numbers.sample_precision(connection, model).accepted.of == 0
        assert numbers.sample_precision(connection, desk.model).accepted.of == 3
        assert sum(band.of for band in numbers.acceptance_by_confidence(connection, model)) == 0
    assert second.progress().sampled == 0
    client = TestClient(make_app(second), base_url="http://localhost")
    sign_in(client)
    assert "3 products were decided on another model" in " ".join(client.get("/numbers").text.split())
    for _ in range(2):
        held = lease(second, "Ann", SAMPLE)
        assert held is not None
        judge(second, "Ann", wish(second, held, queue="sample", ticket=f"second{held.lead:06d}"))
    with desk.database.read() as connection:
        seen = numbers.sample_precision(connection, model)
    assert (seen.accepted.right, seen.accepted.of) == (2, 2)
