"""The measures of SQuAD; the expected values were computed by torchmetrics 1.9.0."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewardkit.extract import Whole
from rewardkit.rewards import Correct
from rewardkit.verify import ExactMatch, TokenF1
from rewardkit.verify.squad import compute_f1

WORDS = st.lists(
    st.sampled_from(["the", "a", "cat", "Cat.", "red", "(red)", "U.S.", "it's", "1969", "\u2014"]),
    min_size=1,
    max_size=5,
).map(" ".join)


@pytest.mark.parametrize(
    ("answer", "reference", "f1", "exact"),
    [
        ("Cat. (red) in its in", "its", 0.3333, False),
        ("in ANT", "(red)", 0.0, False),
        ("blue! an theatre the it's", "its Cat.", 0.4, False),
        ("theatre ANT", "the blue! ANT", 0.5, False),
        ("a red 1969", "1969", 0.6667, False),
        ("army (red) Cat. 1969 its", "in an theatre 1969", 0.25, False),
        ("The Beatles!", "beatles", 1.0, True),
        ("in the year 1969", "July 1969", 0.4, False),
        ("cat cat", "cat", 0.6667, False),
        ("a", "the", 1.0, True),
        ("a cat", "the", 0.0, False),
    ],
)
def test_both_measures_are_those_of_squad(answer, reference, f1, exact):
    assert compute_f1(answer, reference) == pytest.approx(f1, abs=5e-5)
    (verdict,) = ExactMatch().verify([answer], [reference])
    assert (verdict.outcome.value == "correct") is exact


@given(WORDS, WORDS)
def test_f1_is_symmetric_and_one_for_an_exact_match_in_another_order(answer, reference):
    score = compute_f1(answer, reference)
    assert 0 <= score <= 1
    assert score == compute_f1(reference, answer)
    assert compute_f1(answer, " ".join(reversed(answer.split()))) == 1


@given(st.lists(WORDS, min_size=1, max_size=3), WORDS)
def test_the_best_reference_counts(references, answer):
    (verdict,) = TokenF1().verify([answer], [references])
    assert verdict.share == max(compute_f1(answer, reference) for reference in references)


def test_the_share_is_the_reward():
    reward = Correct(verifier=TokenF1(), extractor=Whole())
    given_answers = ["in the year 1969", "July 1969", "", "1969"]
    assert reward(completions=given_answers, answer=[["July 1969"]] * 3 + [" "]) == [
        pytest.approx(0.4),
        1.0,
        0.0,
        None,
    ]


def test_an_answer_is_right_from_the_threshold_on():
    outcomes = [
        TokenF1(threshold=threshold).verify(["in the year 1969"], ["July 1969"])[0].outcome.value
        for threshold in (0.4, 0.41)
    ]
    assert outcomes == ["correct", "wrong"]


def test_the_column_answers_of_squad_is_a_reference():
    answers = {"text": ["July 1969", "1969"], "answer_start": [3, 8]}
    for verifier in (ExactMatch(), TokenF1()):
        right, none = verifier.verify(["1969"] * 2, [answers, {"text": [], "answer_start": []}])
        assert right.outcome == "correct"
        assert none.outcome == "bad_reference"  # a question without an answer, as in SQuAD 2
    reward = Correct(verifier=TokenF1(), extractor=Whole(), reference="answers")
    assert reward(completions=["1969"], answers=[answers]) == [1.0]


def test_without_words_two_texts_share_all_or_nothing():
    pairs = [("the", "a."), ("the", "cat"), ("cat", "the")]
    assert [compute_f1(*pair) for pair in pairs] == [1.0, 0.0, 0.0]


@pytest.mark.parametrize("verifier", [ExactMatch(), TokenF1()])
@pytest.mark.parametrize("reference", [None, "", [], {"text": []}, {"answer": "x"}, [None, " "]])
def test_a_reference_without_texts_says_so(verifier, reference):
    for answer in ("x", None):
        (verdict,) = verifier.verify([answer], [reference])
        assert verdict.outcome == "bad_reference"
        assert "expected texts, or a mapping with them under 'text'" in verdict.detail
