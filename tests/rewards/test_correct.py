from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rewardkit as rk
from rewardkit._workers import pool
from rewardkit.rewards import Correct
from rewardkit.verify import Number, Verifier


def test_each_outcome_has_its_value():
    reward = rk.build(
        "correct", verifier="number", correct=2.0, wrong=-1.0, no_answer=-2.0, bad_reference=-3.0
    )
    completions = ["<answer>4</answer>", "<answer>5</answer>", "none", "<answer>4</answer>"]
    assert reward(completions=completions, answer=["4", 4, "4", "?"]) == [2.0, -1.0, -2.0, -3.0]
    assert reward.bounds == (-3.0, 2.0)


def test_an_unreadable_reference_abstains_by_default():
    reward = rk.build("correct", verifier="number")
    completions = ["<answer>4</answer>", "<answer></answer>", ""]
    assert reward(completions=completions, answer=[None, "", "four"]) == [None, None, None]


class Given(Verifier):
    """Returns the verdicts that it was given."""

    verdicts: tuple[rk.Verdict, ...]

    def verify(self, answers, references):
        return [*self.verdicts]


@given(
    st.lists(
        st.builds(
            rk.Verdict,
            st.sampled_from(rk.Outcome),
            st.sampled_from(["", "so"]),
            st.none() | st.floats(0, 1),
        ),
        min_size=1,
        max_size=5,
    ),
    st.tuples(*[st.sampled_from([None, -1.0, 0.5, 2.0])] * 5),
)
def test_a_verdicts_value_is_that_of_its_outcome_whether_or_not_whys_are_read(verdicts, values):
    worth = dict(zip(rk.Outcome, values, strict=True))
    fields = {outcome.value: value for outcome, value in worth.items()}
    right = worth[rk.Outcome.CORRECT]
    expected = [
        worth[outcome] + share * (right - worth[outcome])
        if share and outcome == "wrong" and None not in (worth[outcome], right)
        else worth[outcome]
        for outcome, _, share in verdicts
    ]
    reward = Correct(verifier=Given(verdicts=tuple(verdicts)), **fields)
    batch = rk.Batch(["4"] * len(verdicts), columns={"answer": ["4"] * len(verdicts)})
    assert [score.value for score in reward.score(batch)] == expected
    assert reward(completions=batch.completions, answer=["4"] * len(verdicts)) == expected


def test_the_why_is_the_outcome_and_its_detail():
    reward = rk.build("correct", verifier="number", extractor="whole")
    batch = rk.Batch.of("4", "4 or 5", answer=["4", "4"])
    assert [score.why for score in reward.score(batch)] == ["correct", "wrong: not one number"]


def test_another_column():
    reward = rk.build("correct", verifier="exact", extractor="hash", reference="solution")
    assert reward(completions=["#### 4"], solution=["4"], answer=["5"]) == [1.0]


def test_saying_nothing_is_never_better_than_being_wrong():
    # the outcomes without a value of their own have that of a wrong answer
    reward = rk.build("correct", verifier="number", wrong=-1.0)
    completions = ["<answer>5</answer>", "I do not know.", "<answer> </answer>"]
    assert reward(completions=completions, answer=["4"] * 3) == [-1.0] * 3
    assert reward.bounds == (-1.0, 1.0)
    late = rk.build("correct", verifier=Late(), wrong=-0.5)
    assert late(completions=["<answer>4</answer>"], answer=["4"]) == [-0.5]
    assert late.replace(timeout=None)(completions=["<answer>4</answer>"], answer=["4"]) == [None]
    assert reward.replace(no_answer=0.25)(completions=["?"], answer=["4"]) == [0.25]
    skips = rk.build("correct", verifier="number", wrong=None)
    assert skips(completions=completions, answer=["4"] * 3) == [None] * 3


class Late(Verifier):
    """A verifier that never finishes in time."""

    def verify(self, answers, references):
        return [rk.Verdict(rk.Outcome.TIMEOUT) for _ in answers]


SOLUTION = "Natalia sold 48 / 2 = 24 in May.\nIn all 48 + 24 = 72.\n#### 72"


def test_a_reference_extractor_reads_the_end_of_a_solution():
    reward = rk.build(
        "correct", verifier="number", extractor="last_number", reference_extractor="hash"
    )
    completions = ["so 72", "so 48", "so 72", "so 72"]
    references = [SOLUTION, SOLUTION, ["#### 1", "#### 72"], 72]
    assert reward(completions=completions, answer=references) == [1.0, 0.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("reference", "why"),
    [
        (SOLUTION, r"'....\nIn all 48 + 24 = 72.\n#### 72'; reference_extractor: hash reads it"),
        (r"so \boxed{72}.", r"'so \\boxed{72}.'; reference_extractor: boxed reads it"),
        ("n/a", "'n/a'"),
        (["n/a", "?"], "'n/a'"),
        ({"n": 1}, "{'n': 1} (dict)"),
    ],
)
def test_the_why_quotes_a_bad_reference_and_names_what_reads_it(reference, why):
    reward = rk.build("correct", verifier="number")
    [score] = reward.score(rk.Batch.of("<answer>72</answer>", answer=reference))
    assert score == (None, f"bad_reference: {why}")


def test_the_why_says_where_the_reference_extractor_finds_nothing():
    reward = rk.build("correct", verifier="number", reference_extractor="hash")
    [score] = reward.score(rk.Batch.of("<answer>72</answer>", answer="72"))
    assert score == (None, "bad_reference: reference_extractor finds nothing in '72'")


def test_the_share_of_timeouts_is_logged(monkeypatch):
    monkeypatch.setattr(pool, "run", lambda function, rows, **limits: [pool.TIMEOUT] * len(rows))
    given = {
        "completions": [r"\int_0^3 z^2 dz", "9", "8", "7"],
        "answer": ["9"] * 4,
        "prompts": ["p"] * 4,
    }
    for name in ("correct", "cosine_length", "kimi_length"):
        logged = {}
        reward = rk.build(name, verifier=rk.build("math"), extractor=rk.build("whole"), name="r")
        reward(**given, log_metric=logged.__setitem__)
        assert logged == {"r/timeouts": 0.25}
    logged = {}
    exact = rk.build("correct", verifier=rk.build("exact"), extractor=rk.build("whole"))
    exact(**given, log_metric=logged.__setitem__)
    assert logged == {}


class Bools(rk.Verifier):
    """Gives what a beginner may write in place of verdicts."""

    def verify(self, answers, references):
        return [answer == reference for answer, reference in zip(answers, references, strict=True)]


class OneBool(rk.Verifier):
    def verify(self, answers, references):
        return answers == references


class TextOutcomes(rk.Verifier):
    def verify(self, answers, references):
        return [rk.Verdict("correct")] * len(answers)


@pytest.mark.parametrize(
    ("verifier", "given"),
    [
        (Bools(), r"Bools.verify gave True \(bool\)"),
        (OneBool(), r"OneBool.verify gave True \(bool\)"),
        (TextOutcomes(), r"TextOutcomes.verify gave Verdict\(outcome='correct'.*\(Verdict\)"),
    ],
)
def test_anything_but_verdicts_names_the_verifier(verifier, given):
    expected = (
        r", expected a list with one verdict per answer, such as rk.Verdict\(rk.Outcome.CORRE"
    )
    with pytest.raises(TypeError, match=given + expected):
        Correct(verifier=verifier)(completions=["<answer>4</answer>"], answer=["4"])


@pytest.mark.parametrize(("found", "kind"), [(["4"], "list"), (4, "int"), (True, "bool")])
def test_anything_but_a_text_from_an_extractor_names_it(found, kind):
    class Odd(rk.Extractor):
        def extract(self, text):
            return found if text else None

    right = Correct(verifier=Number(), extractor=Odd())
    with pytest.raises(
        TypeError, match=rf"Odd.extract gave .* \({kind}\) for a text, expected a s"
    ):
        right(completions=["", "4"], answer=["4", "4"])
    assert right(completions=[""], answer=["4"]) == [0.0]
