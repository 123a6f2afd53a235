"""How a sentence becomes a vector is read from the folder, and refused where it cannot be known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.encoders.text_backbones import as_sentence_transformers, real_text_model

from shelfwise.encoders.sentence_layout import DEFAULT_TOKENS, SentenceLayout, read_layout
from shelfwise.errors import MissingDependencyError

MEAN = {"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "config.json").write_text(json.dumps({"max_position_embeddings": 512}))
    return tmp_path


def test_the_real_model_is_read_as_it_was_made() -> None:
    folder = real_text_model()
    assert read_layout(folder) == SentenceLayout(folder, "mean", True, 256, False)


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (MEAN, "mean"),
        ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}, "cls"),
        ({"pooling_mode_max_tokens": True}, "max"),
        ({"pooling_mode": "cls"}, "cls"),
        ({"pooling_mode": ["max"]}, "max"),
    ],
)
def test_pooling_old_and_new(folder: Path, config: dict[str, Any], expected: str) -> None:
    as_sentence_transformers(folder, **config)
    assert read_layout(folder).pooling == expected


@pytest.mark.parametrize(
    "config", [{"pooling_mode_lasttoken": True}, {"pooling_mode": ["cls", "mean"]}, {}, {"pooling_mode": 3}]
)
def test_pooling_that_is_not_known_is_refused_unless_one_is_chosen(
    folder: Path, config: dict[str, Any]
) -> None:
    as_sentence_transformers(folder, **config)
    with pytest.raises(MissingDependencyError, match="known are mean, cls, max"):
        read_layout(folder)
    assert read_layout(folder, "cls").pooling == "cls"


def test_a_plain_folder_is_averaged_and_not_normalised(folder: Path) -> None:
    assert read_layout(folder) == SentenceLayout(folder, "mean", False, DEFAULT_TOKENS, False)


def test_the_transformer_may_have_a_folder_of_its_own(folder: Path) -> None:
    as_sentence_transformers(folder, **MEAN)
    inner = folder / "0_Transformer"
    inner.mkdir()
    (folder / "sentence_bert_config.json").unlink()
    (inner / "sentence_bert_config.json").write_text('{"max_seq_length": 40, "do_lower_case": true}')
    modules = json.loads((folder / "modules.json").read_text())
    modules[0]["path"] = "0_Transformer"
    (folder / "modules.json").write_text(json.dumps(modules[:2]))
    assert read_layout(folder) == SentenceLayout(inner, "mean", False, 40, True)


@pytest.mark.parametrize(
    ("config", "tokenizer", "limit"),
    [
        ({"max_position_embeddings": 512}, {}, 512),
        ({"max_position_embeddings": 514, "model_type": "xlm-roberta"}, {}, 512),
        ({"max_position_embeddings": 512}, {"model_max_length": 96}, 96),
        ({"max_position_embeddings": 512}, {"model_max_length": 1e30}, 512),
        ({"max_position_embeddings": "many"}, {}, 512),
    ],
)
def test_no_more_tokens_than_the_model_reads(
    folder: Path, config: dict[str, Any], tokenizer: dict[str, Any], limit: int
) -> None:
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer))
    layout = read_layout(folder)
    assert layout.max_tokens == min(DEFAULT_TOKENS, limit)
    assert layout.changed(8192, None).max_tokens == limit
    assert layout.changed(16, "max").identity() == {
        "pooling": "max",
        "normalize": False,
        "max_tokens": 16,
        "lower_case": False,
    }


@pytest.mark.parametrize(
    ("modules", "words"),
    [
        ("{", "modules.json cannot be read"),
        ("[]", "does not list modules"),
        ("[1]", "without a type and a path"),
        ('[{"path": "../../etc", "type": "x.Transformer"}]', "not inside it"),
        ('[{"path": "/etc", "type": "x.Transformer"}]', "not inside it"),
        ('[{"path": "", "type": "x.WordEmbeddings"}]', "WordEmbeddings"),
        (
            '[{"path": "", "type": "x.Transformer"}, {"path": "1_Pooling", "type": "x.Pooling"}]',
            "config.json",
        ),
    ],
)
def test_damaged_and_hostile_folders_are_one_clear_line(folder: Path, modules: str, words: str) -> None:
    (folder / "modules.json").write_text(modules)
    with pytest.raises(MissingDependencyError, match="--text-model FOLDER") as caught:
        read_layout(folder)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
