from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rewardkit as rk


@given(texts=st.lists(st.text(st.characters(exclude_categories=["Cs"]))), target=st.integers(0, 99))
def test_characters_are_those_of_len(texts, target):
    reward = rk.build("length", target=target, penalty=0.5)
    assert reward(completions=texts) == [-0.5 * abs(target - len(text)) for text in texts]


def test_words_and_tokens():
    assert rk.build("length", target=3, unit="words")(completions=["a  b\nc d", ""]) == [-1.0, -3.0]
    tokens = rk.build("length", target=3, unit="tokens")
    assert tokens(completions=["a", "b"], completion_ids=[[1, 2, 3], []]) == [0.0, -3.0]
    with pytest.raises(ValueError, match="unit='tokens' needs completion_ids"):
        tokens(completions=["a"])


def test_chat_counts_the_text_and_not_the_messages():
    chat = [[{"role": "assistant", "content": "x" * 40}]]
    assert rk.build("length", target=50)(completions=chat) == [-10.0]
