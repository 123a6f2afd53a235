"""The desk's small parts: words, categories, similar titles, intervals, figures, rules, tokens, cookies, pictures."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom
from tests.review.desk_maker import PATHS, Turned, label_card, labelled, make_desk, path_card, predicted
from tests.review.test_queue import ALL, judge, lease, product, wish

from shelfwise.catalog.words import searchable, words_of
from shelfwise.review import numbers, people
from shelfwise.review.categories import Categories
from shelfwise.review.desk import Desk
from shelfwise.review.drift import measure_drift
from shelfwise.review.errors import NotThereError, RefusedError
from shelfwise.review.filters import QueueFilter
from shelfwise.review.intervals import measured_share
from shelfwise.review.keys import below, from_key, to_key
from shelfwise.review.neighbours import Neighbours
from shelfwise.review.pictures import drawing
from shelfwise.review.recent import Recent
from shelfwise.review.rules import active_rules, preview, read_rule, rule_records, save_rule, switch_rule
from shelfwise.review.sessions import Sessions
from shelfwise.review.similar import MAX_BATCH, find_alike, title_words


class TestWords:
    @given(st.text(max_size=200))
    def test_words_are_plain_and_found_again(self, text: str) -> None:
        for word in words_of(text):
            assert word.isalnum() or word.isidentifier()
            assert "'" not in word
            assert '"' not in word
            assert len(word) <= 64
        assert words_of(" ".join(words_of(text))) == words_of(text)

    def test_each_word_once(self) -> None:
        assert searchable(["Red pot", "a red lid"]) == "red pot a lid"


class TestKeys:
    @given(st.lists(st.text("abc> |/", min_size=1), min_size=1, max_size=4), st.text("abc ", min_size=1))
    def test_there_and_back_and_children_lie_below(self, names: list[str], child: str) -> None:
        assert from_key(to_key(tuple(names))) == tuple(names)
        first, last = below(to_key(tuple(names)))
        assert first <= to_key((*names, child)) < last
        assert not first <= to_key((*names[:-1], names[-1] + "a")) < last


class TestCategories:
    @pytest.fixture
    def many(self) -> Categories:
        names = [
            (f"Top {a}", f"Middle {a} {b}", f"Leaf {c} thing")
            for a in range(20)
            for b in range(20)
            for c in range(24)
        ]
        nodes = {path[:depth] for path in names for depth in (1, 2, 3)}
        return Categories.from_names(
            [*nodes, ("Sneakers",), ("Top 1", "Sneakers")], {("Top 1", "Sneakers"): 5}
        )

    def named(self, categories: Categories, query: str) -> list[tuple[str, ...]]:
        return [categories.all[place] for place in categories.search(query)]

    def test_own_names_first_then_many_products(self, many: Categories) -> None:
        assert self.named(many, "sneak") == [("Top 1", "Sneakers"), ("Sneakers",)]
        assert self.named(many, "top 1 SNEAKERS") == [("Top 1", "Sneakers")]

    def test_mistyped_words_find_what_looks_alike(self, many: Categories) -> None:
        assert ("Sneakers",) in self.named(many, "sneekers")
        assert self.named(many, "qqqq") == []
        assert self.named(many, "  ") == []

    @pytest.mark.parametrize("query", ["l", "leaf 7 top", "sneekers", "middle 3 3 leaf"])
    def test_ten_thousand_are_searched_at_once(self, many: Categories, query: str) -> None:
        many.search(query)
        best_s = min(_timed(lambda: many.search(query)) for _ in range(5))
        assert len(many) > 10_000
        assert best_s < 0.1

    def test_the_version_is_of_the_names(self, many: Categories) -> None:
        assert path_card().categories.version == path_card("other").categories.version
        assert path_card().categories.version != many.version


def _timed(work) -> float:  # type: ignore[no-untyped-def]
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


class TestSimilar:
    def test_sizes_do_not_count_and_answers_do(self) -> None:
        titles = ["Cast iron pot 20 cm", "Cast iron pot 24 cm", "Wooden doll", "cast IRON pot", "", ""]
        assert find_alike(titles, ["a", "a", "a", "b", "a", "a"]) == [0, 0, 2, 3, 4, 5]

    @given(
        st.lists(
            st.lists(st.sampled_from(["pot", "pan", "red", "iron", "big", "old"]), max_size=5), max_size=60
        )
    )
    def test_everyone_is_like_their_leader_and_no_batch_is_too_large(
        self, words: Sequence[Sequence[str]]
    ) -> None:
        titles = [" ".join(each) for each in words]
        leaders = find_alike(titles, ["x"] * len(titles))
        for position, leader in enumerate(leaders):
            assert leader <= position
            assert leaders[leader] == leader
            mine, theirs = title_words(titles[position]), title_words(titles[leader])
            assert leader == position or len(mine & theirs) >= 0.6 * len(mine | theirs)
        assert all(leaders.count(leader) <= MAX_BATCH for leader in set(leaders))

    def test_twenty_alike_are_one_batch(self) -> None:
        titles = [f"Sofa cover grey stretch model {number}" for number in range(20)]
        assert set(find_alike(titles, ["x"] * 20)) == {0}


class TestIntervals:
    @given(st.integers(0, 60), st.integers(0, 60))
    def test_the_bounds_are_what_the_binomial_says(self, right: int, wrong: int) -> None:
        share = measured_share(right, right + wrong)
        assert 0 <= share.low <= share.value <= share.high <= 1
        if right:
            assert binom.sf(right - 1, right + wrong, share.low) == pytest.approx(0.025, abs=1e-6)
        if wrong:
            assert binom.cdf(right, right + wrong, share.high) == pytest.approx(0.025, abs=1e-6)

    def test_nothing_says_nothing_and_nonsense_is_refused(self) -> None:
        assert (measured_share(0, 0).low, measured_share(0, 0).high) == (0.0, 1.0)
        with pytest.raises(ValueError, match="at most"):
            measured_share(3, 2)


class TestNumbers:
    def test_hand_counted(self, tmp_path: Path, database_url: str) -> None:
        clock = Turned()
        desk = make_desk(tmp_path, 10, database=database_url, at=clock)
        afters = [PATHS[0], PATHS[4], PATHS[2], None]
        for number, after in enumerate(afters):
            with desk.database.write() as connection:
                from shelfwise.review.queue import lease_one

                held = lease_one(connection, number + 1, "Ann", clock())
            assert held is not None
            given_wish = wish(desk, held, members=())
            changed = replace(given_wish, after=after) if after else replace(given_wish, wanted="cannot_tell")
            judge(desk, "Ann", changed)
            clock.at += 3_600
        with desk.database.read() as connection:
            bands = numbers.acceptance_by_confidence(connection, desk.model)
            # Products 0, 1, 2 have confidence 0, .37, .74; the second was moved.
            assert [(band.right, band.of) for band in bands] == [(1, 1), (0, 0), (0, 0), (0, 1)] + [
                (0, 0)
            ] * 3 + [
                (1, 1),
                (0, 0),
                (0, 0),
            ]
            by_category = dict(numbers.acceptance_by_category(connection, desk.model))
            assert (by_category[PATHS[1]].right, by_category[PATHS[1]].of) == (0, 1)
            (pace,) = numbers.paces(connection, clock())
            assert (pace.person, pace.total, pace.active_hours, pace.last_hour) == ("Ann", 4, 4, 0)
            assert sum(numbers.hourly(connection, clock())) == 4
            assert numbers.sample_precision(connection, desk.model).everything.of == 0

    def test_the_sample_counts_what_was_decided_elsewhere_up_to_where_it_got(self, tmp_path: Path) -> None:
        from shelfwise.review.queue import lease_one

        desk = make_desk(tmp_path, 30)
        order = sorted(range(1, 31), key=lambda pk: product(desk, pk).sample)
        for pk in (order[0], order[-1]):  # one inside the part that is done, one beyond it
            with desk.database.write() as connection:
                held = lease_one(connection, pk, "Ann", desk.clock())
            assert held is not None
            judge(desk, "Ann", wish(desk, held, members=(), after=("Home",)))
        for _ in range(5):
            held = lease(desk, "Ann", QueueFilter(order="sample"))
            assert held is not None
            judge(desk, "Ann", wish(desk, held, queue="sample"))
        with desk.database.read() as connection:
            seen = numbers.sample_precision(connection, desk.model)
        assert (seen.everything.right, seen.everything.of, seen.waiting) == (5, 6, 0)
        accepted = [pk for pk in order[:6] if product(desk, pk).route == "accept"]
        assert seen.accepted.of == len(accepted)

    @pytest.mark.parametrize(
        ("reason", "after", "right"),
        [
            ("stopped at level 2", ("Home", "Kitchen", "Pans"), 1),
            ("stopped at level 2", ("Home", "Kitchen"), 1),
            ("stopped at level 2", ("Home", "Lamps"), 0),
            ("stopped at level 2", ("Home",), 0),
            ("", ("Home", "Kitchen", "Pans"), 0),
        ],
    )
    def test_a_path_that_was_accepted_cut_short_is_right_where_it_is_completed(
        self, tmp_path: Path, database_url: str, reason: str, after: tuple[str, ...], right: int
    ) -> None:
        cut = predicted(0, 0.9, answer=("Home", "Kitchen"), part_confidence=(0.95, 0.9), reason=reason)
        desk = make_desk(tmp_path, predictions=[cut], database=database_url)
        self.sampled(desk, after)
        self.counted(desk, right, ("Home", "Kitchen"))

    @pytest.mark.parametrize(
        ("after", "right"),
        [(("blue", "red"), 1), (("blue",), 1), (("red", "soft"), 0), (("blue", "red", "soft"), 1)],
    )
    def test_labels_accepted_without_others_are_right_where_those_are_added(
        self, tmp_path: Path, database_url: str, after: tuple[str, ...], right: int
    ) -> None:
        left = "left out as not sure enough: red"
        cut = replace(
            labelled(0),
            answer=("blue",),
            part_confidence=(0.9,),
            decision="accept",
            reason=left,
            confidence=0.9,
        )
        desk = make_desk(tmp_path, predictions=[cut], card=label_card(), database=database_url)
        self.sampled(desk, after)
        self.counted(desk, right, ("blue",))

    def sampled(self, desk: Desk, after: tuple[str, ...]) -> None:
        """Ann decides on the one product, in the mixed sample."""
        held = lease(desk, "Ann", QueueFilter(order="sample"))
        assert held is not None
        judge(desk, "Ann", wish(desk, held, queue="sample", after=after))

    def counted(self, desk: Desk, right: int, answer: tuple[str, ...]) -> None:
        """Every figure says whether the one product accepted was ``right``."""
        with desk.database.read() as connection:
            accepted = numbers.sample_precision(connection, desk.model).accepted
            bands = numbers.acceptance_by_confidence(connection, desk.model)
            [(category, share)] = numbers.acceptance_by_category(connection, desk.model)
        assert (accepted.right, accepted.of) == (right, 1)
        assert sum(band.right for band in bands) == right
        assert (category, share.right, share.of) == (answer, right, 1)

    def test_drift(self, tmp_path: Path) -> None:
        desk = make_desk(tmp_path, 10)
        with desk.database.read() as connection:
            drift = measure_drift(connection, desk.card)
        trained = {path: count / 105 for path, count in zip(PATHS, (40, 30, 20, 10, 5), strict=True)}
        assert drift.moved == pytest.approx(sum(abs(share - 0.2) for share in trained.values()) / 2)
        assert drift.files[0].products == 10
        assert drift.files[0].present["image"] == pytest.approx(0.9)
        assert sum(drift.files[0].confidence) == pytest.approx(1)


class TestRules:
    def test_tried_saved_counted_and_switched_off(self, tmp_path: Path, database_url: str) -> None:
        titles = [
            f"Garden gnome {word}" if number < 6 else f"Other {word}"
            for number, word in enumerate("abcdefghij")
        ]
        desk = make_desk(tmp_path, 10, database=database_url, titles=titles)
        rule = read_rule("brand", "brand 0", "GNOME", PATHS[3], desk.categories)
        with desk.database.write() as connection:
            seen = preview(connection, rule, multilabel=False)
            # Products 0 and 3 are gnomes of brand 0; 3 is a doll already.
            assert (seen.matched, seen.changed, [one.pk for one in seen.changes]) == (2, 1, [1])
            number = save_rule(connection, rule, "Ann")
        assert (product(desk, 1).rule, product(desk, 2).rule, product(desk, 4).rule) == (number, None, number)
        held = lease(desk, "Ben", ALL)
        while held and held.lead != 1:
            held = lease(desk, "Ben", ALL)
        assert held is not None
        judge(desk, "Ben", wish(desk, held, members=(), after=PATHS[3]))
        with desk.database.write() as connection:
            (record,) = rule_records(connection, multilabel=False)
            assert (record.hits, record.judged, record.right) == (2, 1, 1)
            switch_rule(connection, number, False, "Ben")
            assert len(active_rules(connection)) == 0
        assert (product(desk, 1).rule, product(desk, 4).rule) == (number, None)
        with desk.database.write() as connection, pytest.raises(NotThereError):
            switch_rule(connection, 99, False, "Ben")

    def test_the_older_rule_has_precedence_and_the_next_takes_over(self, tmp_path: Path) -> None:
        desk = make_desk(tmp_path, 2, titles=["blue gnome", "red gnome"])
        with desk.database.write() as connection:
            first = save_rule(connection, read_rule("", "", "gnome", PATHS[3], desk.categories), "Ann")
            second = save_rule(connection, read_rule("", "", "gnome red", PATHS[4], desk.categories), "Ann")
        assert [product(desk, pk).rule for pk in (1, 2)] == [first, first]
        with desk.database.write() as connection:
            switch_rule(connection, first, False, "Ann")
        assert [product(desk, pk).rule for pk in (1, 2)] == [None, second]
        with desk.database.write() as connection:
            switch_rule(connection, first, True, "Ann")
        assert [product(desk, pk).rule for pk in (1, 2)] == [first, first]

    @pytest.mark.parametrize(
        ("field", "value", "words", "target"),
        [
            ("", "", "", PATHS[0]),
            ("brand", "", "pot", PATHS[0]),
            ("", "x", "pot", PATHS[0]),
            ("brand", "!!", "", PATHS[0]),
            ("", "", "pot", None),
            ("", "", "pot", ("No", "Such")),
            ("", "", "a b c d e f g h i", PATHS[0]),
        ],
    )
    def test_rules_that_say_too_little(
        self, field: str, value: str, words: str, target: tuple[str, ...] | None
    ) -> None:
        with pytest.raises(RefusedError):
            read_rule(field, value, words, target, path_card().categories)


class TestTokensAndCookies:
    def test_hashes_are_salted_and_checked(self) -> None:
        token = people.make_token()
        one, other = people.hash_token(token), people.hash_token(token)
        assert one != other
        assert people.is_token(token, one)
        assert not people.is_token(token + "x", one)
        assert not people.is_token("x", "scrypt$no$base64!")
        assert not people.is_token("x", "nonsense")

    def test_cookies_of_another_secret_or_day_are_nobody(self, monkeypatch: pytest.MonkeyPatch) -> None:
        session, cookie = Sessions("one secret").begin("Ann", 1.0)
        assert Sessions("one secret").read(cookie) == session
        for value in (None, "", cookie[:-1], "x" * 5_000, cookie.replace(".", ",")):
            assert Sessions("one secret").read(value) is None
        assert Sessions("another").read(cookie) is None
        monkeypatch.setattr("shelfwise.review.sessions.LASTS_S", -1)
        assert Sessions("one secret").read(cookie) is None

    def test_short_tokens_are_refused(self, tmp_path: Path) -> None:
        desk = make_desk(tmp_path, 1)
        with desk.database.write() as connection, pytest.raises(RefusedError, match="can be guessed"):
            people.set_token(connection, "Ann", "short", 0)


def test_neighbours_are_those_with_the_same_rare_words() -> None:
    texts = ["cast iron pot", "wooden doll blue", "iron garden lamp", ""]
    known = Neighbours(texts, texts, list("abcd"), [("Pots",), ("Dolls",), ("Lamps",), ("None",)])
    found = known.nearest({"title": "an iron pot", "brand": "x"}, ["title"])
    assert [one.id for one in found] == ["a", "c"]
    assert 0.15 <= found[1].likeness < found[0].likeness <= 1.0001
    assert known.nearest({"title": "???"}, ["title"]) == []
    assert Neighbours([""], [""], ["a"], [("x",)]).nearest({"title": "pot"}, ["title"]) == []


def test_values_are_made_once_and_anew_in_time() -> None:
    clock, made = Turned(), []
    recent = Recent(clock)
    for _ in range(3):
        assert recent.get("x", 5, lambda: made.append(1) or len(made)) == 1
    clock.at += 6
    assert recent.get("x", 5, lambda: made.append(1) or len(made)) == 2
    recent.forget("x")
    assert recent.get("x", 5, lambda: made.append(1) or len(made)) == 3


def test_drawings_escape_their_reason() -> None:
    assert b"<script" not in drawing("Missing", "<script>\x00\ud800 & more").data


def test_predictions_with_a_rule_in_force_are_marked_on_arrival(tmp_path: Path) -> None:
    desk = make_desk(tmp_path, 2, titles=["blue gnome", "red gnome"])
    with desk.database.write() as connection:
        number = save_rule(connection, read_rule("", "", "red", PATHS[4], desk.categories), "Ann")
    from tests.review.desk_maker import arrive, write_predictions

    newer = write_predictions(tmp_path / "newer.csv", [predicted(0, 0.4), predicted(1, 0.3)])
    assert arrive(desk, newer).renewed == 2
    assert [product(desk, pk).rule for pk in (1, 2)] == [None, number]
    assert product(desk, 1).confidence == 0.4
