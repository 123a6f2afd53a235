"""Progress and remarks go to stderr, late and only to terminals; tables are plain text."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from shelfwise import terminal
from shelfwise.progress import Silent
from shelfwise.terminal import Bars, Remarks, reporting, table


def test_a_table_is_two_aligned_columns() -> None:
    assert table([("a", "1"), ("longer", "two words"), ("b", "")]) == "a       1\nlonger  two words\nb\n"
    assert table([]) == ""


def test_quiet_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with reporting(quiet=True) as reporter, reporter.stage("working", total=2) as stage:
        reporter.say("a remark")
        stage.advance(2)
    assert isinstance(reporter, Silent)
    assert capsys.readouterr() == ("", "")


def test_without_a_terminal_only_remarks_are_written(capsys: pytest.CaptureFixture[str]) -> None:
    with reporting() as reporter, reporter.stage("working", total=2) as stage:
        reporter.say("a remark")
        stage.advance(2, "loss 0.1")
    assert isinstance(reporter, Remarks)
    assert capsys.readouterr() == ("", "a remark\n")


class TestBars:
    @pytest.fixture
    def work(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> Callable[[int | None], str]:
        """Works through one stage as if stderr were a terminal; gives what was drawn there."""
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setenv("COLUMNS", "120")

        def run(total: int | None) -> str:
            # Here and not before: pytest puts another stderr in place for every phase of a test.
            monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
            with reporting() as reporter:
                assert isinstance(reporter, Bars)
                with reporter.stage("training [image]", total=total, unit="epochs") as stage:
                    stage.advance(1)
                    reporter.say("[image] is broken")
                    stage.advance(2, "loss 0.25")
            printed = capsys.readouterr()
            assert printed.out == ""
            assert "[image] is broken" in printed.err
            return printed.err

        return run

    def test_short_work_draws_none(self, work: Callable[[int | None], str]) -> None:
        assert "training" not in work(3)

    @pytest.mark.parametrize("total", [3, None])
    def test_long_work_shows_how_far_it_is(
        self, work: Callable[[int | None], str], monkeypatch: pytest.MonkeyPatch, total: int | None
    ) -> None:
        monkeypatch.setattr(terminal, "SHOW_AFTER_S", 0.0)
        shown = work(total)
        assert "training [image]" in shown
        assert "3/3" in shown
        assert "loss 0.25" in shown
