"""Options that do not fit are errors, which name the fix."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import strategies as st

import planted
import rewardkit as rk
from rewardkit import testing as kit

CORRECT = rk.build("correct", verifier="number")


def right(completions, answer, **columns):
    return [float(str(value) in str(text)) for text, value in zip(completions, answer, strict=True)]


def even(completions, **columns):
    return [0.0 for _ in completions]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"bounds": 0.5}, TypeError, r"bounds: got 0.5, expected \(low, high\), two numbers"),
        ({"bounds": (0,)}, TypeError, r"bounds: got \(0,\), expected \(low, high\)"),
        ({"bounds": (None, 1)}, TypeError, "bounds: got"),
        ({"bounds": ("a", "b")}, TypeError, "bounds: got"),
        ({"bounds": (1, 0)}, ValueError, "the lower one first; exchange them"),
        ({"bounds": (float("nan"), 1)}, ValueError, "not NaN; use -inf or inf"),
        ({"forms": None}, TypeError, "forms: got None, expected some of text, chat"),
        ({"skip": None}, TypeError, "skip: got None, expected names"),
        ({"laws": 3}, TypeError, "laws: got 3, expected names"),
        ({"laws": [kit.LAWS["never_raises"]]}, TypeError, "laws: got"),
        ({"laws": []}, ValueError, "leave no law to try"),
        ({"laws": "total", "skip": "total"}, ValueError, "leave no law to try"),
        ({"skip": ["total"], "laws": iter(["total"])}, ValueError, "leave no law to try"),
        (
            {"template": 3},
            TypeError,
            r"template: got 3 \(int\), expected a text with \{answer\} in it or a",
        ),
        (
            {"template": lambda row: 4, "bounds": (0, 1)},
            TypeError,
            r"template: the function returned 4 \(int\)",
        ),
        (
            {"template": "<a>{anwser}</a>"},
            ValueError,
            r"\{anwser\} is not a column; did you mean 'answer'",
        ),
        (
            {"template": "<a>{solution}</a>"},
            ValueError,
            r"\{solution\} is not a column \(answer, prompt\)",
        ),
        ({"columns": ["answer"]}, TypeError, "columns: got"),
        ({"columns": {3: ["a"]}}, TypeError, "columns: got"),
        ({"columns": "answer"}, TypeError, "columns: got 'answer'"),
        ({"completions": ["a"]}, TypeError, "completions: got"),
    ],
)
def test_options_of_a_reward_that_do_not_fit(options, error, message):
    with pytest.raises(error, match=message):
        kit.check_reward(right, **{"columns": {"answer": ["4"]}, "max_examples": 2, **options})


def test_a_column_that_a_component_does_not_read():
    with pytest.raises(
        ValueError, match="the reward does not read a column 'anwser'; did you mean 'answer'"
    ):
        kit.check_reward(CORRECT, columns={"anwser": ["4"]})


def test_latex_in_a_template_is_not_a_placeholder():
    def solved(completions, answer, **columns):
        texts = [rk.Batch([completion]).texts[0] for completion in completions]
        return [
            float(rf"\frac{{x}}{{1}} {reference}" == text)
            for text, reference in zip(texts, answer, strict=True)
        ]

    template = r"\frac{x}{1} {answer}"
    options = {"columns": {"answer": ["4"]}, "bounds": (0, 1), "max_examples": 5}
    assert kit.check_reward(solved, template=template, laws="maximum", **options).held == (
        "maximum",
    )
    assert kit.check_reward(
        CORRECT, template=r"\boxed{x} {answer}", laws="total", max_examples=2
    ).held


def test_a_template_may_be_that_of_a_column_where_none_is_read():
    template = "<reasoning>\nso\n</reasoning>\n<answer>\n{answer}\n</answer>\n"
    options = {"template": template, "laws": "maximum", "max_examples": 2}
    assert kit.check_reward(rk.build("xml_strict"), **options).held == ("maximum",)
    with pytest.raises(ValueError, match=r"\{promt\} is not a column; did you mean 'prompt'"):
        kit.check_reward(rk.build("xml_strict"), template="{promt}", laws="maximum")


def test_a_column_called_new():
    seen = []

    def reward(completions, new, **columns):
        seen.extend(new)
        return [0.0 for _ in completions]

    values = {"new": ["a", "b"]}
    options = {"columns": values, "laws": "total", "max_examples": 20, "timeout": None}
    assert kit.check_reward(reward, **options).held
    assert {*seen} == {"a", "b"}


def test_skip_may_be_an_iterator():
    checked = kit.check_reward(even, laws=["total", "length"], skip=iter(["total"]), max_examples=2)
    assert checked.held == ("one_value_per_row",)


class Own(rk.Reward):
    def score(self, batch):
        return [rk.Score(0.0) for _ in batch.texts]


@pytest.mark.parametrize(
    ("check", "it", "message"),
    [
        (
            kit.check_reward,
            Own,
            r"got the class Own, expected a reward or .* make an instance: Own\(",
        ),
        (kit.check_verifier, type(rk.build("number")), "make an instance"),
        (kit.check_extractor, type(rk.build("tag")), "make an instance"),
        (kit.check_reward, "xml_count", "got 'xml_count', expected a reward or a function"),
        (kit.check_reward, [even], "expected a reward or a function that a trainer can call"),
        (kit.check_verifier, 3, "got 3, expected a verifier or a function of answers and ref"),
        (kit.check_extractor, None, "got None, expected an extractor or a function of a text"),
        (kit.check_reward, rk.build("number"), "a verifier, expected .*; check_verifier checks"),
        (kit.check_verifier, rk.build("tag"), "an extractor, expected .*; check_extractor checks"),
        (kit.check_extractor, Own(), "a reward, expected .*; check_reward checks rewards"),
    ],
)
def test_objects_that_cannot_be_checked(check, it, message):
    with pytest.raises(TypeError, match=message):
        check(it)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"right": [("4", "4")]}, TypeError, "right: got .*, expected a Hypothesis strategy"),
        ({"right": st.just("4")}, TypeError, "right: drew '4', expected pairs of an answer"),
        ({"right": st.just(("4", "4", "4"))}, TypeError, "right: drew"),
        ({"answers": ["4"]}, TypeError, "answers: got .*, expected a Hypothesis strategy"),
    ],
)
def test_options_of_a_verifier_that_do_not_fit(options, error, message):
    with pytest.raises(error, match=message):
        kit.check_verifier(rk.build("exact"), laws=["total", "right"], max_examples=2, **options)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"texts": ["a"]}, TypeError, "texts: got .*, expected a Hypothesis strategy"),
        ({"answers": ["4"]}, TypeError, "answers: got .*, expected a Hypothesis strategy"),
        (
            {"template": 3},
            TypeError,
            r"template: got 3 \(int\), expected a text with \{answer\} in it$",
        ),
        ({"template": str}, TypeError, "template: got"),
        (
            {"template": "so"},
            ValueError,
            r"template: got 'so', expected a text with \{answer\} in it",
        ),
    ],
)
def test_options_of_an_extractor_that_do_not_fit(options, error, message):
    with pytest.raises(error, match=message):
        kit.check_extractor(rk.build("tag"), laws=["total", "found"], max_examples=2, **options)


def test_the_error_pickles():
    with pytest.raises(kit.LawBroken) as raised:
        kit.check_reward(planted.DropsARow(), laws=["total", "length"], max_examples=20)
    again = pickle.loads(pickle.dumps(raised.value))
    assert str(again) == str(raised.value)
    assert again.findings == raised.value.findings
    assert again.checked == raised.value.checked
