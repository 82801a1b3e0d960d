"""The calls that a check makes: right completions among the others, and one form per batch."""

from __future__ import annotations

import re
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

import planted
import rewardkit as rk
from rewardkit import testing as kit

ANSWERED = {"columns": {"answer": ["17", "230", "-3.5"]}}
TEMPLATE = "<think>so</think><answer>{answer}</answer>"
QUICK = {"skip": ["pickles", "linear"], "max_examples": 25}


def broken(check, it, **options) -> set[str]:
    """Return the laws that are broken."""
    try:
        check(it, **{**QUICK, **options})
    except kit.LawBroken as error:
        return {finding.law for finding in error.findings}
    return set()


found = partial(broken, kit.check_reward)


def answer_in(text):
    tagged = re.findall(r"<answer>([^<]*)</answer>", text)
    return tagged[-1].strip() if tagged else None


def rights(completions, answer):
    texts = rk.Batch(completions).texts
    return [answer_in(text) == reference for text, reference in zip(texts, answer, strict=True)]


def of_the_first_message(completions, answer, **_):
    first = [completion[0]["content"] or "" for completion in completions]
    return [
        float(answer_in(text) == reference) for text, reference in zip(first, answer, strict=True)
    ]


def test_right_answers_are_compared_in_every_form():
    options = {"forms": ["chat", "turns", "tools"], **ANSWERED, "template": TEMPLATE}
    assert found(of_the_first_message, **options) == {"input_formats"}
    assert found(of_the_first_message, **options, bounds=(0, 1)) == {"input_formats", "maximum"}


def changes_what_is_right(completions, answer, **_):
    values = rights(completions, answer)
    for row, value in enumerate(values):
        answer[row] = "done" if value else answer[row]
    return [float(value) for value in values]


def is_nan_where_right(completions, answer, **_):
    return [float("nan") if value else 0.0 for value in rights(completions, answer)]


def shares_what_is_right(completions, answer, **_):
    values = rights(completions, answer)
    return [value / max(1, sum(values)) for value in values]


@pytest.mark.parametrize("options", [{"template": TEMPLATE}, {}])
@pytest.mark.parametrize(
    ("reward", "law"),
    [
        (changes_what_is_right, "no_mutation"),
        (is_nan_where_right, "finite"),
        (shares_what_is_right, "pointwise"),
    ],
)
def test_right_answers_reach_every_law(reward, law, options):
    assert found(reward, **ANSWERED, **options, laws=law, skip=(), max_examples=300) == {law}


def test_right_answers_reach_a_component_under_another_name():
    class ReadsAnswer(rk.Reward):
        solution: rk.Column = "answer"

        def score(self, batch):
            answers = batch.columns.get("answer", [None] * len(batch))
            return [
                rk.Score(float(answer_in(text) == answer))
                for text, answer in zip(batch.texts, answers, strict=True)
            ]

    assert found(ReadsAnswer(), **ANSWERED, template=TEMPLATE, laws="rename", skip=()) == {
        "renamed_columns"
    }


def verifier_that(breaks):
    def verify(answers, references):
        return breaks(answers, references, planted.exactly(answers, references))

    return verify


@verifier_that
def drops_what_is_right(answers, references, verdicts):
    return [verdict for verdict in verdicts if verdict.outcome != rk.Outcome.CORRECT]


@verifier_that
def marks_the_first_right_only(answers, references, verdicts):
    outcomes = [verdict.outcome for verdict in verdicts]
    right = rk.Outcome.CORRECT
    return [
        rk.Verdict(rk.Outcome.WRONG) if outcome == right in outcomes[:row] else rk.Verdict(outcome)
        for row, outcome in enumerate(outcomes)
    ]


@pytest.mark.parametrize("options", [{}, {"right": st.just(("4", "4"))}])
def test_right_answers_reach_every_law_of_verifiers(options):
    check = partial(broken, kit.check_verifier, skip=(), max_examples=300, **options)
    assert check(drops_what_is_right, laws="length") == {"one_value_per_row"}
    assert check(marks_the_first_right_only, laws="pointwise") == {"pointwise"}


def test_a_batch_is_all_text_or_all_messages_and_its_prompts_too():
    seen = []

    def reward(prompts, completions, **_):
        seen.extend(zip([completions] * len(prompts), prompts, completions, strict=True))
        return [0.0 for _ in completions]

    def check(**options):
        seen.clear()
        options = {**options, "timeout": None, "skip": ["pickles", "maximum"]}
        kit.check_reward(reward, max_examples=20, **options)
        assert seen
        for batch, prompt, completion in seen:
            plain = isinstance(batch[0], str)
            assert isinstance(completion, str) is isinstance(prompt, str) is plain
            assert plain or prompt[-1]["role"] == "user"

    check()
    check(forms="text")
    check(completions=kit.completions())
    check(columns={"prompts": ["What is 2?"]})
    check(**ANSWERED, template=TEMPLATE, bounds=(0.0, 1.0))


def chat_only(completions, **_):
    return [float("4" in completion[0]["content"]) for completion in completions]


def test_only_forms_that_the_completions_show_are_compared():
    options = {"completions": kit.completions(forms="chat"), "bounds": (0.0, 1.0), "template": "4"}
    assert found(chat_only, **options) == set()
    checked = kit.check_reward(chat_only, **options, **QUICK)
    assert checked.skipped["input_formats"].startswith("it is checked with one form only")
    assert "maximum" in checked.held


def test_drawn_calls_are_all_text_or_all_messages():
    kinds = set()

    def note(call: dict):
        kinds.add(frozenset(type(item) for item in [*call["prompts"], *call["completions"]]))

    given(kit.calls(min_size=2))(note)()
    assert kinds == {frozenset({str}), frozenset({list})}
