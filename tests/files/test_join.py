"""Columns of a dataset joined to logged rows, whose prompts may have passed a chat template."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewardkit._files.join import JoinedSource
from rewardkit._files.open_rows import open_rows


def join(rows: list[dict[str, Any]], data: list[dict[str, Any]], on: str = "prompt") -> Any:
    return JoinedSource(open_rows(rows), open_rows(data), on)


def answers(prompts: list[Any], data: list[dict[str, Any]], on: str = "prompt") -> list[Any]:
    rows = [{"prompt": prompt, "completion": "a"} for prompt in prompts]
    return [row["answer"] for row in join(rows, data, on).rows()]


def chat(*texts: str) -> list[dict[str, str]]:
    roles = ["system", "user"][-len(texts) :]
    return [{"role": role, "content": text} for role, text in zip(roles, texts, strict=True)]


SYSTEM, QUESTION, OTHER = "Think.", "What is 2 + 2?", "What is 12 + 2?"
DATA = [
    {"prompt": chat(SYSTEM, QUESTION), "answer": "4"},
    {"prompt": chat(SYSTEM, OTHER), "answer": "14"},
]
RENDERED = {
    "chatml": "<|im_start|>system\nThink.<|im_end|>\n<|im_start|>user\n{}<|im_end|>\n"
    "<|im_start|>assistant\n",
    "chatml without special tokens": "system\nThink.\nuser\n{}\nassistant\n<think>\n",
    "llama without special tokens": "system\n\nThink.user\n\n{}assistant\n\n",
    "gemma": "<bos><start_of_turn>user\nThink.\n\n{}<end_of_turn>\n<start_of_turn>model\n",
    "mistral": "<s>[INST] Think.\n\n{}[/INST]",
    "plain": "Question: {}\nAnswer:",
}


@pytest.mark.parametrize("template", RENDERED.values(), ids=RENDERED)
def test_prompts_that_a_template_made(template):
    prompts = [template.format(OTHER), template.format(QUESTION)]
    assert answers(prompts, DATA) == ["14", "4"]
    plain = [{"question": QUESTION, "answer": "4"}, {"question": OTHER, "answer": "14"}]
    assert answers(prompts, plain, "prompt=question") == ["14", "4"]


def test_messages_match_messages_and_their_last_text():
    with_nulls = [{**message, "tool_calls": None} for message in chat(SYSTEM, QUESTION)]
    assert answers([with_nulls], DATA) == ["4"]
    assert answers([chat(SYSTEM, QUESTION)], [{"q": QUESTION, "answer": "4"}], "prompt=q") == ["4"]
    assert answers([QUESTION], DATA) == ["4"]


def test_a_longer_question_does_not_match_its_end():
    template = RENDERED["chatml"]
    rows = [template.format(text) for text in (QUESTION, "So, 12 + 2?", "x2 + 2?", "2 + 2? Now")]
    data = [{"prompt": "2 + 2?", "answer": "short"}, *DATA]
    assert answers(rows, data) == ["4", None, None, None]


def test_numbers_match_their_digits():
    data = [{"id": 7, "answer": "a"}, {"id": "8", "answer": "b"}, {"id": None, "answer": "c"}]
    rows = [{"id": "7"}, {"id": 8}, {"id": None}]
    assert [row["answer"] for row in join(rows, data, "id").rows()] == ["a", "b", None]


def test_the_files_own_columns_win_and_come_first():
    (row,) = join(
        [{"id": 1, "completion": "mine"}], [{"id": 1, "completion": "theirs", "answer": "4"}], "id"
    ).rows()
    assert [*row.items()] == [("id", 1), ("completion", "mine"), ("answer", "4")]


def test_a_column_on_which_equal_prompts_disagree_is_not_known():
    data = [
        {"prompt": "a", "answer": "1", "n": 1},
        {"prompt": "a", "answer": "1", "n": 2},
        {"prompt": "a", "answer": "1", "n": 1},
    ]
    (row,) = join([{"prompt": "a"}], data).rows()
    assert row == {"prompt": "a", "answer": "1", "n": None}


def test_rows_without_a_match_are_counted():
    source = join([{"prompt": "a"}, {"prompt": "b"}, {"prompt": None}], [{"prompt": "a", "x": 1}])
    assert [row["x"] for row in source.rows()] == [1, None, None]
    assert source.counts == (1, 2, 0)


def test_rows_whose_data_differs_are_counted_apart():
    data = [
        {"prompt": "a", "answer": "1", "n": 1},
        {"prompt": "a", "answer": "2", "n": 1},
        {"prompt": "b", "answer": "3", "n": 1},
        {"prompt": chat(SYSTEM, QUESTION), "answer": "4"},
        {"prompt": chat("Be brief.", QUESTION), "answer": "4"},
    ]
    rows = [{"prompt": "a"}, {"prompt": "a", "answer": "own"}, {"prompt": "b"}, {"prompt": "c"}]
    # two prompts with one question, and one answer: nothing is left open
    rows.append({"prompt": RENDERED["gemma"].format(QUESTION)})
    source = join(rows, data)
    assert [row["answer"] for row in source.rows()] == [None, "own", "3", None, "4"]
    assert source.counts == (3, 1, 1)


@pytest.mark.parametrize(
    ("rows", "data", "on", "message"),
    [
        ([{"a": 1}], [{"prompt": "a"}], "prompt", r"input, row 1: no column 'prompt' .*to join on"),
        ([{"prompt": 1}], [{"promt": 1}], "prompt", r"input, row 1: no column 'prompt' .*'promt'"),
        (
            [{"prompt": "x" * 99}],
            [{"prompt": chat("y")}],
            "prompt",
            r"input: no row matches the joined data \(input\) on 'prompt': .* 'x{57}\.{3}', .*--on",
        ),
    ],
)
def test_joins_that_cannot_be(rows, data, on, message):
    with pytest.raises(ValueError, match=message):
        [*join(rows, data, on).rows()]


def test_the_data_is_part_of_the_fingerprint():
    rows = [{"prompt": "a"}]
    one = join(rows, [{"prompt": "a", "x": 1}])
    assert one.fingerprint_data() == join(rows, [{"prompt": "a", "x": 1}]).fingerprint_data()
    assert one.fingerprint_data() != join(rows, [{"prompt": "a", "x": 2}]).fingerprint_data()


def test_the_files_of_a_join_in_another_order_are_a_source_of_their_own(tmp_path):
    for name in "ab":
        (tmp_path / f"{name}.jsonl").write_text(f'{{"prompt": "{name}"}}\n')
    source = JoinedSource(
        open_rows(tmp_path / "*.jsonl"),
        open_rows([{"prompt": "a", "x": 1}, {"prompt": "b", "x": 2}]),
    )
    other = source.in_order(source.digests()[::-1])
    assert [row["prompt"] for row in other.rows()] == ["b", "a"]
    assert [row["prompt"] for row in source.rows()] == ["a", "b"]
    assert [row["x"] for row in other.rows()] == [2, 1]


texts = st.text("ab 1+?", min_size=1, max_size=12).map(str.strip).filter(bool)


@given(st.lists(texts, min_size=1, max_size=8, unique=True), st.sampled_from([*RENDERED.values()]))
def test_whatever_the_questions_each_finds_its_own(questions, template):
    data = [{"prompt": chat(SYSTEM, text), "answer": text} for text in questions]
    assert answers([template.format(text) for text in questions], data) == questions
