"""Published scores: cases derived from the rules, and a table of scores if one is found nearby."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from rewardkit import presets
from rewardkit.presets import published

NAMES = [
    *("xmlcount_reward_func", "soft_format_reward_func", "strict_format_reward_func"),
    *("int_reward_func", "correctness_reward_func", "match_format_exactly"),
    *("match_format_approximately", "check_answer", "check_numbers"),
    *("format_and_language_reward_func", "reward_len"),
]
TABLE = Path(__file__).parents[3] / "shared" / "data" / "tutorial_scores.jsonl.gz"
LINE = "<reasoning>\n2 + 2\n</reasoning>\n<answer>\n4\n</answer>\n"
LINES = "<reasoning>\n2 + 2\n= 4\n</reasoning>\n<answer>\n4\n</answer>"


def test_both_sets_have_the_eleven_names():
    for module in (presets, published):
        assert sorted(module.__all__) == sorted(NAMES)
        assert [getattr(module, name).__name__ for name in NAMES] == NAMES


@pytest.mark.parametrize(
    ("name", "text", "answer", "value"),
    [
        ("xmlcount_reward_func", LINE, "4", 0.5),
        ("xmlcount_reward_func", LINES, "4", 0.5 - 0.001 * len(LINES) + 0.001),
        ("xmlcount_reward_func", LINE + "x" * 200, "4", 0.5 - 0.2 - 0.2),
        ("soft_format_reward_func", "<reasoning>2</reasoning>\n<answer>4</answer>x", "4", 0.5),
        ("soft_format_reward_func", LINES, "4", 0.0),
        ("strict_format_reward_func", LINE, "4", 0.5),
        ("strict_format_reward_func", LINE.rstrip(), "4", 0.0),
        ("strict_format_reward_func", LINES + "\n", "4", 0.0),
        ("int_reward_func", "<answer>²</answer>", "4", 0.5),
        ("int_reward_func", "<answer>-4</answer>", "4", 0.0),
        ("int_reward_func", "4", "4", 0.5),
        ("correctness_reward_func", LINE, "4", 2.0),
        ("correctness_reward_func", "<answer>4.0</answer>", "4", 0.0),
        ("correctness_reward_func", "<answer>3</answer><answer> 4", "4", 2.0),
        ("match_format_exactly", "</think>", "4", 3.0),
        ("match_format_exactly", "<think>", "4", 0.0),
        ("match_format_approximately", "</think><think>", "4", 1.0),
        ("match_format_approximately", "<think><think></think>", "4", -0.5),
        ("check_answer", "a</think>4", "4", 5.0),
        ("check_answer", "a</think> 4\n", "4", 3.5),
        ("check_answer", "a</think>4.0", "4", 2.0),
        ("check_answer", "a</think>1,000", "1000", -4.5),
        ("check_answer", "a</think>0.0", "0", -4.5),
        ("check_answer", "a</think>110", "100", 2.0),
        ("check_answer", "a</think>120", "100", 1.5),
        ("check_answer", "a</think>130", "100", -2.5),
        ("check_answer", "4", "4", -2.0),
        ("check_numbers", "First, 4", "4", 0.0),
        ("check_numbers", "4 or 5", "4", 3.5),
        ("check_numbers", "1,000", "1000", 3.5),
        ("check_numbers", "x", "4", -2.5),
        ("check_numbers", "5", "4", -1.5),
        ("format_and_language_reward_func", "", "4", -5.0),
        ("format_and_language_reward_func", "42", "4", -3.0),
        ("reward_len", "x" * 20, "4", -30.0),
        ("reward_len", "x" * 60, "4", -10.0),
    ],
)
def test_published(name, text, answer, value):
    reward = getattr(published, name)
    chat = [{"role": "assistant", "content": text}]
    assert reward(completions=[text, chat], answer=[answer] * 2) == pytest.approx(
        [value] * 2, abs=1e-9
    )


@pytest.mark.skipif(not TABLE.exists(), reason="the table of 2,640 published scores is not here")
@pytest.mark.parametrize("name", NAMES)
def test_the_table_of_published_scores(name):
    with gzip.open(TABLE, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    values = getattr(published, name)(
        completions=[row["completion"] for row in rows], answer=[row["answer"] for row in rows]
    )
    assert len(rows) > 1000
    assert values == pytest.approx([row["scores"][name] for row in rows], abs=1e-9, rel=0)
