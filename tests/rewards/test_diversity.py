from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rewardkit as rk


@given(group=st.lists(st.lists(st.sampled_from("abcd"), max_size=6), min_size=2, max_size=5))
def test_diversity_is_the_mean_jaccard_distance(group):
    expected = []
    for index, words in enumerate(group):
        distances = []
        for other in group[:index] + group[index + 1 :]:
            both, either = set(words) & set(other), set(words) | set(other)
            distances.append(1 - len(both) / len(either) if either else 0.0)
        expected.append(sum(distances) / len(distances) if words else 0.0)  # no words: 0, not 1
    texts = [" ".join(words) for words in group]
    values = rk.build("diversity")(prompts=["p"] * len(texts), completions=texts)
    assert values == pytest.approx(expected)


def test_groups_are_independent_and_a_single_completion_abstains():
    reward = rk.build("diversity", ngram=2, value=2.0)
    texts = ["a b c", "a b d", "a b c", "a b c", "x"]
    assert reward(prompts=["p", "p", "q", "q", "r"], completions=texts) == pytest.approx(
        [2 * 2 / 3, 2 * 2 / 3, 0.0, 0.0, None]
    )
    assert not reward.pointwise
