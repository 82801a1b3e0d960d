from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rewardkit as rk

WORDS = st.lists(st.sampled_from(["a", "b", "c", "dog"]), max_size=12)


def shares(units, size):
    """Count by hand: the share of the runs that occurred before."""
    runs = [tuple(units[start : start + size]) for start in range(len(units) - size + 1)]
    return sum(run in runs[:start] for start, run in enumerate(runs)) / len(runs) if runs else 0.0


@given(words=WORDS, size=st.integers(1, 4))
def test_repetition_is_open_r1s_share(words, size):
    reward = rk.build("repetition", ngram=size, penalty=2.0)
    assert reward(completions=[" ".join(words)]) == pytest.approx([-2.0 * shares(words, size)])


@given(ids=st.lists(st.integers(0, 3), max_size=12), size=st.integers(1, 4))
def test_repetition_of_tokens(ids, size):
    reward = rk.build("repetition", ngram=size, unit="tokens")
    assert reward(completions=[""], completion_ids=[ids]) == pytest.approx([-shares(ids, size)])


def test_text_without_spaces():
    reward = rk.build("repetition", ngram=2)
    chinese, japanese = "我数苹果我数苹果", "りんごを数えます"  # 7 pairs, 3 of them repeated
    assert reward(completions=[chinese, japanese]) == pytest.approx([-3 / 7, 0.0])


def test_case_and_punctuation_do_not_hide_a_repetition():
    reward = rk.build("repetition", ngram=1)
    assert reward(completions=["So, so. SO!", "don't do 1,000"]) == pytest.approx([-2 / 3, 0.0])


@pytest.mark.parametrize(
    "text",
    ["so,so,so,", "so-so-so", "so_so_so", "+ + +", "😀😀😀", "--- --- ---", "कि कि कि", "é-é-é"],
)
def test_nothing_between_words_hides_a_repetition(text):
    assert rk.build("repetition", ngram=1)(completions=[text]) == pytest.approx([-2 / 3])


@pytest.mark.parametrize("text", ["की का के", "தமிழ் மொழி", "1,000 1,001 3.14", "don't don", "né ne"])
def test_different_words_are_not_the_same(text):
    assert rk.build("repetition", ngram=1)(completions=[text]) == [0.0]


def test_a_combining_mark_may_be_decomposed():
    reward = rk.build("repetition", ngram=1)
    assert reward(completions=["résumé re\u0301sume\u0301"]) == [-0.5]


@given(prompt=WORDS, words=WORDS, size=st.integers(1, 4))
def test_prompt_overlap_is_the_share_that_occurs_in_the_prompt(prompt, words, size):
    theirs = [prompt[start : start + size] for start in range(len(prompt) - size + 1)]
    ours = [words[start : start + size] for start in range(len(words) - size + 1)]
    share = sum(run in theirs for run in ours) / len(ours) if ours else 0.0
    reward = rk.build("prompt_overlap", ngram=size, penalty=8.0)
    values = reward(prompts=[" ".join(prompt)], completions=[" ".join(words)])
    assert values == pytest.approx([-8.0 * share])


def test_the_prompt_is_all_of_its_messages():
    prompt = [
        {"role": "system", "content": "Answer like this: one apple and two apples"},
        {"role": "user", "content": [{"type": "text", "text": "How many pears are there now?"}]},
    ]
    reward = rk.build("prompt_overlap")
    completions = ["one apple and two apples", "many pears are there", "there are three pears now"]
    assert reward(prompts=[prompt] * 3, completions=completions) == [-1.0, -1.0, 0.0]


def test_what_is_missing_is_named():
    with pytest.raises(ValueError, match="no prompts, which this reward needs"):
        rk.build("prompt_overlap")(completions=["a"])
    with pytest.raises(ValueError, match="counting tokens needs completion_ids"):
        rk.build("repetition", unit="tokens")(completions=["a"])
    with pytest.raises(
        ValueError, match=r"repetition.ngram: got 0 .int., expected greater than or eq"
    ):
        rk.build("repetition", ngram=0)


@pytest.mark.parametrize(
    "text",
    ["b" * 40, "." * 64, "？" * 50, "lol" * 12, "WaitWaitWaitWaitWait", "у" * 30, "_" * 25],
)
@pytest.mark.parametrize("ngram", [1, 3])
def test_a_run_inside_of_a_word_or_of_signs_is_repetition(text, ngram):
    assert rk.build("repetition", ngram=ngram)(completions=[text]) == [-1.0]


@pytest.mark.parametrize(
    "text",
    [
        "1/3 = 0.3333333333333333",
        "a -------- b",
        "haha no",
        "internationalisation",
        "x" * 19,
        "https://example.org/a/b/c/d/e",
        r"\frac{a}{b}+\frac{c}{d}=\frac{e}{f}",
        "中文没有空格也不重复",
    ],
)
def test_what_is_short_or_differs_is_no_run(text):
    assert rk.build("repetition")(completions=[text]) == [0.0]


def test_a_run_counts_as_words_of_four_characters():
    # eight words, six trigrams that differ, and 40 / 4 that repeat
    text = f"one two three four five six seven eight {'n' * 40}"
    assert rk.build("repetition")(completions=[text]) == pytest.approx([-10 / 16])


def test_ids_by_turn_are_one_sequence():
    reward = rk.build("repetition", ngram=2, unit="tokens")
    turns = [[[5, 6], [5, 6, 7]], [[], [1, 2]], [[9]], []]
    joined = [[5, 6, 5, 6, 7], [1, 2], [9], []]
    expected = pytest.approx([-shares(ids, 2) for ids in joined])
    assert reward(completions=[""] * 4, completion_ids=turns) == expected
    assert reward(completions=[""] * 4, completion_ids=joined) == expected
