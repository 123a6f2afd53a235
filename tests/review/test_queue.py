"""Who gets which product, in which order, and that nobody gets another's."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select, update
from tests.review.desk_maker import PATHS, Turned, label_card, labelled, make_desk, path_card, predicted

from shelfwise.predictions import Prediction
from shelfwise.review.deciding import Receipt, Wish, decide, undo
from shelfwise.review.desk import Desk
from shelfwise.review.errors import ConflictError, NotThereError, RefusedError
from shelfwise.review.filters import QueueFilter
from shelfwise.review.keys import from_key
from shelfwise.review.queue import LEASE_S, Lease, count, lease_next, lease_one, listing, progress, release
from shelfwise.review.schema import decisions, products

ALL = QueueFilter(scope="all")


def lease(desk: Desk, person: str, chosen: QueueFilter = ALL, besides: tuple[int, ...] = ()) -> Lease | None:
    with desk.database.write() as connection:
        return lease_next(
            connection, chosen, desk.categories, desk.card.multilabel, person, desk.clock(), besides
        )


def wish(desk: Desk, held: Lease, **changes: object) -> Wish:
    with desk.database.read() as connection:
        row = connection.execute(select(products).where(products.c.pk == held.lead)).one()
    made = Wish(
        product=held.lead,
        members=held.members,
        wanted="choose",
        after=from_key(row.answer),
        taxonomy=desk.categories.version,
        arrival=row.arrival,
        queue="uncertain",
        ticket=f"ticket{held.lead:06d}",
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def judge(desk: Desk, person: str, given: Wish) -> Receipt:
    with desk.database.write() as connection:
        return decide(
            connection, given, desk.categories, desk.card.multilabel, person, desk.votes, desk.clock()
        )


def take_back(desk: Desk, person: str) -> object:
    with desk.database.write() as connection:
        return undo(connection, person, desk.votes, desk.clock())


def rows(desk: Desk) -> list[object]:
    with desk.database.read() as connection:
        return list(connection.execute(select(decisions).order_by(decisions.c.id)))


def product(desk: Desk, pk: int):  # type: ignore[no-untyped-def]
    with desk.database.read() as connection:
        return connection.execute(select(products).where(products.c.pk == pk)).one()


def listed(desk: Desk, chosen: QueueFilter, person: str = "Ann") -> list[str]:
    given = (chosen, desk.categories, desk.card.multilabel, person)
    with desk.database.read() as connection:
        lines = listing(connection, *given, desk.clock(), 0)
        assert count(connection, *given) == len(lines)
    return [line.id for line in lines]


class TestOrder:
    def test_most_uncertain_first_without_accepted_ones(self, tmp_path: Path, database_url: str) -> None:
        desk = make_desk(tmp_path, 20, database=database_url)
        made = [predicted(number) for number in range(20)]
        waiting = sorted((one.confidence, one.id) for one in made if one.decision == "review")
        assert listed(desk, QueueFilter()) == [name for _, name in waiting]

    def test_most_valuable_first(self, tmp_path: Path) -> None:
        desk = make_desk(tmp_path, 6, worth="price")
        assert listed(desk, QueueFilter(order="valuable", scope="all"))[:2] == ["p00005", "p00004"]

    def test_the_mixed_sample_takes_everything_and_no_filter(self, tmp_path: Path) -> None:
        desk = make_desk(tmp_path, 20)
        chosen = QueueFilter.of({"order": "sample", "text": "nothing", "low": "99"})
        assert len(listed(desk, chosen)) == 20
        (tmp_path / "again").mkdir()
        again = make_desk(tmp_path / "again", 20, predictions=[predicted(n) for n in reversed(range(20))])
        assert listed(again, chosen) == listed(desk, chosen)  # it depends on ids alone


class TestFilters:
    @pytest.fixture
    def desk(self, tmp_path: Path, database_url: str) -> Desk:
        titles = [f"Thing {number} " + ("Crème-Brûlée torch" if number == 3 else "") for number in range(15)]
        return make_desk(tmp_path, 15, database=database_url, titles=titles)

    def test_category_holds_what_is_below(self, desk: Desk) -> None:
        kitchen = str(desk.categories.number["Home", "Kitchen"])
        assert set(listed(desk, replace(ALL, category=kitchen))) == {
            f"p{n:05d}" for n in range(15) if n % 5 in (0, 1)
        }

    def test_confidence(self, desk: Desk) -> None:
        found = listed(desk, QueueFilter.of({"scope": "all", "low": "37", "high": "74"}))
        made = [predicted(number) for number in range(15)]
        assert found == [
            name for sure, name in sorted((one.confidence, one.id) for one in made) if 0.37 <= sure <= 0.74
        ]

    def test_missing_input(self, desk: Desk) -> None:
        assert set(listed(desk, replace(ALL, missing="image"))) == {"p00000", "p00011"}
        assert listed(desk, replace(ALL, missing="im%ge")) == []

    def test_reason(self, desk: Desk) -> None:
        assert listed(desk, replace(ALL, reason="IS BELOW")) == listed(desk, QueueFilter())
        assert listed(desk, replace(ALL, reason="100%")) == []

    @pytest.mark.parametrize("text", ["creme tor", "TORCH", "p00003", "brûlée thing"])
    def test_text(self, desk: Desk, text: str) -> None:
        assert listed(desk, replace(ALL, text=text)) == ["p00003"]

    @pytest.mark.parametrize(
        "text", ["nothing", "'; DROP TABLE products; --", '"', "* AND OR NOT", "!!", "\x00"]
    )
    def test_odd_text_finds_nothing_and_breaks_nothing(self, desk: Desk, text: str) -> None:
        assert listed(desk, replace(ALL, text=text)) == []

    def test_an_address_says_the_same(self) -> None:
        chosen = QueueFilter("valuable", "all", "3", 0.25, 0.5, "image", "below", "a b", True)
        from urllib.parse import parse_qsl

        assert QueueFilter.of(dict(parse_qsl(chosen.query))) == chosen
        assert QueueFilter().query == ""

    def test_nonsense_in_an_address_is_left_out(self) -> None:
        given = {"order": "x", "category": "-1", "low": "nan", "high": "inf", "scope": "?"}
        assert QueueFilter.of(given) == QueueFilter()


class TestLeases:
    def test_two_people_get_different_products(self, tmp_path: Path, database_url: str) -> None:
        desk = make_desk(tmp_path, 30, database=database_url)
        got: list[int] = []

        def work(person: str) -> None:
            while True:
                held = lease(desk, person)
                if held is None:
                    return
                got.extend((held.lead, *held.members))

        people = [threading.Thread(target=work, args=(f"person {number}",)) for number in range(6)]
        for one in people:
            one.start()
        for one in people:
            one.join()
        assert sorted(got) == list(range(1, 31))

    def test_a_lease_runs_out(self, tmp_path: Path) -> None:
        time = Turned()
        desk = make_desk(tmp_path, 1, at=time)
        first = lease(desk, "Ann")
        assert first is not None
        assert lease(desk, "Ben") is None
        time.at += LEASE_S + 1
        assert lease(desk, "Ben") == first

    def test_given_back(self, tmp_path: Path) -> None:
        desk = make_desk(tmp_path, 1)
        assert lease(desk, "Ann") is not None
        with desk.database.write() as connection:
            release(connection, "Ann")
        assert lease(desk, "Ben") is not None

    def test_similar_products_come_together(self, tmp_path: Path) -> None:
        titles = [f"Cast iron pot {number} cm" for number in range(5)] + ["Wooden doll"]
        made = [predicted(5 * number) for number in range(5)] + [predicted(3)]
        made = [replace(one, id=f"p{number:05d}") for number, one in enumerate(made)]
        desk = make_desk(tmp_path, predictions=made, titles=titles)
        held = lease(desk, "Ann")
        assert held is not None
        assert {held.lead, *held.members} == {1, 2, 3, 4, 5}
        receipt = judge(desk, "Ann", wish(desk, held, members=held.members[:2]))
        assert receipt.stored == 3
        left = {1, 2, 3, 4, 5} - {held.lead, *held.members[:2]}
        with desk.database.write() as connection:
            rest = lease_one(
                connection, min(left), "Ben", desk.clock()
            )  # what was left unchecked is free again
        assert rest is not None
        assert {rest.lead, *rest.members} == left

    def test_no_batches_in_the_sample(self, tmp_path: Path) -> None:
        desk = make_desk(tmp_path, 5, titles=["Cast iron pot"] * 5)
        held = lease(desk, "Ann", QueueFilter(order="sample"))
        assert held is not None
        assert held.members == ()

    def test_one_by_its_key(self, tmp_path: Path) -> None:
        desk = make_desk(tmp_path, 3)
        with desk.database.write() as connection:
            assert lease_one(connection, 2, "Ann", desk.clock()) is not None
            assert lease_one(connection, 2, "Ben", desk.clock()) is None
            with pytest.raises(NotThereError):
                lease_one(connection, 99, "Ann", desk.clock())


class TestDeciding:
    def test_every_decision_says_everything(self, tmp_path: Path, database_url: str) -> None:
        desk = make_desk(tmp_path, 3, database=database_url)
        held = lease(desk, "Ann")
        assert held is not None
        judge(desk, "Ann", wish(desk, held, after=("Toys", "Cars"), queue="sample"))
        (row,) = rows(desk)
        assert (row.person, row.action, row.at) == ("Ann", "correct", desk.clock())  # type: ignore[attr-defined]
        assert from_key(row.before) == PATHS[held.lead - 1]  # type: ignore[attr-defined]
        assert from_key(row.after) == ("Toys", "Cars")  # type: ignore[attr-defined]
        assert (row.model, row.taxonomy, row.queue) == (desk.model, desk.categories.version, "sample")  # type: ignore[attr-defined]
        assert product(desk, held.lead).status == "decided"

    @pytest.mark.parametrize(
        ("after", "action"),
        [(PATHS[0], "accept"), (PATHS[0][:2], "parent"), (PATHS[0][:1], "parent"), (PATHS[4], "correct")],
    )
    def test_what_it_is_called(self, tmp_path: Path, after: tuple[str, ...], action: str) -> None:
        desk = make_desk(tmp_path, 1)
        held = lease(desk, "Ann")
        assert held is not None
        assert judge(desk, "Ann", wish(desk, held, after=after)).action == action

    def test_sent_twice_is_stored_once(self, tmp_path: Path, database_url: str) -> None:
        desk = make_desk(tmp_path, 2, database=database_url)
        held = lease(desk, "Ann")
        assert held is not None
        given = wish(desk, held)
        assert not judge(desk, "Ann", given).repeated
        assert judge(desk, "Ann", given).repeated
        assert len(rows(desk)) == 1

    def test_what_another_has_or_decided_is_refused(self, tmp_path: Path) -> None:
        time = Turned()
        desk = make_desk(tmp_path, 1, at=time)
        held = lease(desk, "Ann")
        assert held is not None
        time.at += LEASE_S + 1
        assert lease(desk, "Ben") == held
        with pytest.raises(ConflictError, match="Ben has this product"):
            judge(desk, "Ann", wish(desk, held))
        judge(desk, "Ben", wish(desk, held))
        with pytest.raises(ConflictError, match="Already decided by Ben"):
            judge(desk, "Ann", wish(desk, held, ticket="another1"))
        assert len(rows(desk)) == 1

    def test_an_expired_lease_that_nobody_took_still_counts(self, tmp_path: Path) -> None:
        time = Turned()
        desk = make_desk(tmp_path, 1, at=time)
        held = lease(desk, "Ann")
        assert held is not None
        time.at += LEASE_S + 1
        assert judge(desk, "Ann", wish(desk, held)).stored == 1

    @pytest.mark.parametrize(
        ("changes", "error"),
        [
            ({"after": ("No", "Such")}, RefusedError),
            ({"after": ()}, RefusedError),
            ({"ticket": "x"}, RefusedError),
            ({"ticket": "'; drop table--"}, RefusedError),
            ({"members": tuple(range(2, 40))}, RefusedError),
            ({"members": (1,)}, RefusedError),
            ({"product": 99}, NotThereError),
            ({"taxonomy": "older"}, ConflictError),
            ({"arrival": 99}, ConflictError),
        ],
    )
    def test_wishes_that_make_no_sense(
        self, tmp_path: Path, changes: dict[str, object], error: type[RefusedError]
    ) -> None:
        desk = make_desk(tmp_path, 1)
        held = lease(desk, "Ann")
        assert held is not None
        with pytest.raises(error):
            judge(desk, "Ann", wish(desk, held, **changes))
        assert rows(desk) == []

    def test_skipped_products_come_to_others_and_back_when_asked_for(self, tmp_path: Path) -> None:
        desk = make_desk(tmp_path, 2)
        held = lease(desk, "Ann")
        assert held is not None
        judge(desk, "Ann", wish(desk, held, wanted="skip"))
        assert product(desk, held.lead).status == "open"
        assert held.lead not in {one.lead for one in [lease(desk, "Ann")] if one}
        assert lease(desk, "Ben") == held
        with desk.database.write() as connection:
            release(connection, "Ben")
        assert lease(desk, "Ann", replace(ALL, skipped=True)) == held

    def test_cannot_tell_is_a_decision(self, tmp_path: Path) -> None:
        desk = make_desk(tmp_path, 1)
        held = lease(desk, "Ann")
        assert held is not None
        judge(desk, "Ann", wish(desk, held, wanted="cannot_tell"))
        assert product(desk, held.lead).status == "decided"
        assert rows(desk)[0].after == ""  # type: ignore[attr-defined]

    def test_label_sets(self, tmp_path: Path) -> None:
        desk = make_desk(tmp_path, card=label_card(), predictions=[labelled(0), labelled(1)])
        held = lease(desk, "Ann")
        assert held is not None
        assert judge(desk, "Ann", wish(desk, held, after=("blue", "red"))).action == "accept"
        (row,) = rows(desk)
        assert row.after == row.before  # type: ignore[attr-defined]
        other = lease(desk, "Ann")
        assert other is not None
        assert judge(desk, "Ann", wish(desk, other, after=("hard",))).action == "correct"


class TestUndo:
    def test_adds_a_row_and_opens_the_product_for_the_same_person(
        self, tmp_path: Path, database_url: str
    ) -> None:
        desk = make_desk(tmp_path, 2, database=database_url)
        held = lease(desk, "Ann")
        assert held is not None
        judge(desk, "Ann", wish(desk, held))
        take_back(desk, "Ann")
        first, second = rows(desk)
        assert (first.action, second.action, second.undoes) == ("accept", "undo", first.id)  # type: ignore[attr-defined]
        assert (product(desk, held.lead).status, product(desk, held.lead).lease_by) == ("open", "Ann")
        assert judge(desk, "Ann", wish(desk, held, ticket="secondtime")).stored == 1
        assert take_back(desk, "Ben") is None

    def test_steps_back_one_by_one_and_never_twice(self, tmp_path: Path) -> None:
        desk = make_desk(tmp_path, 3)
        for _ in range(3):
            held = lease(desk, "Ann")
            assert held is not None
            judge(desk, "Ann", wish(desk, held))
        back = [take_back(desk, "Ann") for _ in range(4)]
        assert back[3] is None
        assert len({one.product for one in back[:3]}) == 3  # type: ignore[attr-defined,union-attr]
        with desk.database.read() as connection:
            assert progress(connection).decided == 0


class TestVotes:
    def test_two_people_agree(self, tmp_path: Path, database_url: str) -> None:
        desk = make_desk(tmp_path, 1, votes=2, database=database_url)
        held = lease(desk, "Ann")
        assert held is not None
        judge(desk, "Ann", wish(desk, held))
        assert product(desk, 1).status == "open"
        assert lease(desk, "Ann") is None  # nobody votes twice
        with pytest.raises(ConflictError, match="already given your vote"):
            judge(desk, "Ann", wish(desk, held, ticket="secondtime"))
        other = lease(desk, "Ben")
        assert other == held
        judge(desk, "Ben", wish(desk, held, ticket="bensticket"))
        assert product(desk, 1).status == "decided"

    def test_two_people_disagree_and_a_third_settles(self, tmp_path: Path) -> None:
        desk = make_desk(tmp_path, 1, votes=2)
        for person, after in (("Ann", PATHS[0]), ("Ben", PATHS[1])):
            held = lease(desk, person)
            assert held is not None
            judge(desk, person, wish(desk, held, after=after, ticket=f"ticket{person}"))
        assert product(desk, 1).status == "disputed"
        assert listed(desk, QueueFilter(order="disputed")) == ["p00000"]
        held = lease(desk, "Cat", QueueFilter(order="disputed"))
        assert held is not None
        assert judge(desk, "Cat", wish(desk, held, ticket="ticketcat1")).action == "settle"
        assert product(desk, 1).status == "decided"
        take_back(desk, "Cat")
        assert product(desk, 1).status == "disputed"


def test_a_newer_taxonomy_offers_only_its_own(tmp_path: Path) -> None:
    desk = make_desk(tmp_path, 1)
    desk.card = path_card("model-two", (("Garden", "Tools"), ("Home", "Lamps")))
    held = lease(desk, "Ann")
    assert held is not None
    with pytest.raises(RefusedError, match="in the taxonomy"):
        judge(desk, "Ann", wish(desk, held))
    assert judge(desk, "Ann", wish(desk, held, after=("Garden", "Tools"))).action == "correct"
    assert rows(desk)[0].taxonomy == desk.categories.version  # type: ignore[attr-defined]


def test_progress_counts(tmp_path: Path) -> None:
    desk = make_desk(tmp_path, 20)
    made: list[Prediction] = [predicted(number) for number in range(20)]
    with desk.database.write() as connection:
        connection.execute(update(products).where(products.c.pk.in_([1, 2])).values(status="decided"))
        seen = progress(connection)
    assert seen.products == 20
    assert seen.to_review == sum(one.decision == "review" for one in made)
    assert seen.decided == 2
