"""What a reward looks for is read from its code and its patterns, and put into the texts."""

from __future__ import annotations

import re

import pytest

import rewardkit as rk
from rewardkit import testing as kit
from rewardkit.testing._words import find_tags, find_words

TAG = re.compile(r"<solution>.*?</solution>", re.DOTALL)
FINAL = re.compile(r"<final_answer>(\d{1,9})</final_answer>")


def texts_of(completions):
    return rk.Batch(completions).texts


def by_a_pattern(completions, **_):
    return [float(bool(TAG.search(text))) for text in texts_of(completions)]


def in_a_helper(completions, **_):
    def paid(text):
        return float(bool(re.search(r"\[BEGIN\].*?\[END\]", text, re.DOTALL)))

    return [paid(text) for text in texts_of(completions)]


def by_a_trail(completions, **_):
    return [float(bool(re.search(r"x+$", text))) for text in texts_of(completions)]


class ByItsScore(rk.Reward):
    def score(self, batch):
        return [rk.Score(float(bool(TAG.search(text)))) for text in batch.texts]


@pytest.mark.parametrize(
    ("reward", "unit"),
    [
        (by_a_pattern, "'<solution>'"),
        (ByItsScore(), "'<solution>'"),
        (in_a_helper, "'[BEGIN]'"),
        (by_a_trail, "'x'"),
    ],
)
def test_the_square_is_found_behind_what_the_code_looks_for(reward, unit):
    with pytest.raises(kit.LawBroken) as raised:
        kit.check_reward(reward, forms="text", laws="linear")
    assert f"{unit} * times" in raised.value.findings[0].expected


def divides(completions, **_):
    found = [FINAL.search(text) for text in texts_of(completions)]
    return [1 / int(match[1]) if match else 0.0 for match in found]


def test_an_error_is_found_behind_a_tag_in_a_pattern():
    with pytest.raises(kit.LawBroken) as raised:
        kit.check_reward(divides, laws="total")
    assert "ZeroDivisionError" in raised.value.findings[0].given


def test_words():
    words = find_words(by_a_pattern)
    assert {"<solution>", "</solution>"} <= {*words}
    assert find_tags(words) == ["solution"]
    assert "[BEGIN]" in find_words(in_a_helper)
    assert "found" in find_tags(find_words(rk.build("tag", tag="found")))
