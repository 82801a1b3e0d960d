"""Every registered component is under every law; one that is not fails here."""

from __future__ import annotations

import copy
import json
import logging
from functools import partial
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st

import rewardkit as rk
from endpoint import serving, shown
from rewardkit import presets
from rewardkit import testing as kit
from rewardkit.component import columns
from rewardkit.testing import _subject, _timing
from shapes import REQUIRED

ODD = st.sampled_from(
    [
        None,
        [None],
        [{}],
        [{"role": "user", "content": "4"}],
        [{"role": "assistant", "content": "4", "reasoning_content": "2 + 2"}],
        [{"role": "assistant", "content": [None, {"type": "text"}, "<answer>4</answer>"]}],
        {"role": "assistant", "content": "4"},
        "<answer>" + "9" * 100_000,
        " " * 100_000,
    ]
).map(copy.deepcopy)
"""Completions beside those that trainers pass."""
TAGGED = "<reasoning>\nIt is so,\nor so.\n</reasoning>\n<answer>\n{answer}\n</answer>\n"
THOUGHT = "<think>\nIt is so.\n</think>\n{answer}"
USUAL = {"max_examples": max(10, settings().max_examples // 4)}
FEW = {"max_examples": max(5, settings().max_examples // 100)}
SLOW: dict[str, dict[str, Any]] = {
    # each call starts a process: the law `linear` has a test of its own
    "code": {**FEW, "skip": ["linear_time"]},
    # and here a request: see benchmarks/scaling.py
    "judge": {**FEW, "skip": ["linear_time"]},
    "relative_judge": {**FEW, "skip": ["linear_time"]},
    "reward_model": {**FEW, "skip": ["linear_time"]},
    # other packages' checks, by a process
    "instructions": {**FEW, "skip": ["linear_time"]},
    "reasoning_gym": {**FEW, "skip": ["linear_time"]},
    "math": {"max_examples": USUAL["max_examples"] * 2 // 3},
}
"""Fewer examples for components that take long."""
NUMBERS = kit.numbers().map(lambda number: number[0])
PASSES = st.integers(0, 9).map(
    lambda number: (
        f"def f():\n    return {number}",
        json.dumps([f"assert f() == {number}", "assert f() < 10"]),
    )
)
VALID = st.integers(0, 9).map(
    lambda number: (f"It is [{number}].", {"items": {"type": "integer", "maximum": number}})
)
EQUAL = kit.numbers(spellings=["plain", "thousands", "latex"]).map(
    lambda number: (number[0], f"{number[1].numerator}/{number[1].denominator}")
)
NO_COMMA = {"instruction_id_list": ["punctuation:no_comma"], "kwargs": [{}]}
IN_GYM = {"answer": "12", "metadata": {"source_dataset": "gcd"}}
ADD_TOOL = [{"name": "add", "parameters": {"properties": {"a": {"type": "integer"}}}}]
CALLED = st.integers(0, 9).map(
    lambda number: (
        f'<tool_call>{{"name": "add", "arguments": {{"a": {number}}}}}</tool_call>',
        {"name": "add", "arguments": {"a": number}},
    )
)
NUMBERED = {"columns": {"answer": NUMBERS}}
RIGHT: dict[str, dict[str, Any]] = {
    "after": {"template": "<think>2 + 2</think> {answer}"},
    "boxed": {"template": r"It is $\boxed{{answer}}$."},
    "choice": {"template": "The answer is ({answer}).", "answers": st.sampled_from("ABCDE")},
    "hash": {"template": "It is 2 + 2.\n#### {answer}\n"},
    "last_number": {"template": "Of two, {answer}."},
    "regex": {"template": "It is {answer}.", "answers": st.integers(0, 99).map(str)},
    "tag": {"template": TAGGED},
    "tool_call": {
        "template": "I look it up. <tool_call>\n{answer}\n</tool_call>",
        "answers": st.integers(0, 9).map(
            lambda number: f'[{{"name": "add", "arguments": {{"a": {number}}}}}]'
        ),
    },
    "whole": {"template": " {answer}\n"},
    "code": {"right": PASSES, **FEW},
    "json_schema": {"right": VALID},
    "math": {"right": EQUAL, **FEW},
    "number": {"right": EQUAL},
    "exact": {"right": st.just(("four ", "four"))},
    "exact_match": {"right": st.just(("The four!", "four"))},
    "token_f1": {"right": st.just(("a four", "four"))},
    "iou": {"right": st.just(("[1, 2, 3, 4]", [[1, 2, 3, 4]]))},
    "contains": {"right": st.just(("It is four.", "four"))},
    "instructions": {"right": st.just(("I do.", NO_COMMA)), **FEW},
    "reasoning_gym": {"right": st.just(("12", IN_GYM)), **FEW},
    "same_call": {"right": CALLED},
    "valid_call": {"right": CALLED.map(lambda pair: (pair[0], ADD_TOOL))},
    "correct": {"template": TAGGED, **NUMBERED},
    "guard": {"template": TAGGED, **NUMBERED},
    "is_number": {"template": TAGGED.replace("{answer}", "42")},
    "judge": {"template": "<{answer}>", **NUMBERED, **FEW},
    "ratio_match": {"template": TAGGED, **NUMBERED},
    "reasoning_steps": {"template": "1. I add.\n2. I check.\n3. I answer."},
    "regex_match": {"template": "The answer is 4."},
    "repetition": {"template": "It is four."},
    "tag_count": {"template": TAGGED},
    "think_format": {"template": THOUGHT},
    "tool_errors": {"template": "It is four."},
    "turn": {"template": TAGGED},
    # a drawn number is seldom 4, and without one no row would be judged
    "where": {
        "template": lambda row: TAGGED if row["answer"] == "4" else None,
        "columns": {"answer": ["4", "7"]},
    },
    "xml_count": {"template": TAGGED},
    "xml_soft": {"template": TAGGED},
    "xml_strict": {"template": TAGGED},
}
"""What is right, where that is known: the maximum is earned, the answer is found, it is correct."""
NEVER_RIGHT = {
    *("clip", "cosine_length", "diversity", "kimi_length", "language", "length", "linear"),
    *("overlong", "product", "prompt_overlap", "schedule", "relative", "difficulty", "best_of"),
    *("relative_judge", "reward_model", "standardize"),
}
"""Rewards whose maximum is not one completion's to reach, or that are made of others."""
NO_ANSWERS = {
    "code",
    "json_schema",
    "iou",
    "same_call",
    "valid_call",
    "instructions",
    "reasoning_gym",
}
"""Verifiers whose references are no answers, and no plain texts either."""
CHECKS = {
    "reward": partial(kit.check_reward, completions=kit.completions() | ODD),
    "verifier": kit.check_verifier,
    "extractor": kit.check_extractor,
}
HEAVY = {
    *("code", "language", "math", "instructions", "reasoning_gym"),
}
"""Components that load or start much: each pickles in a new process, not in a fork."""
LOADING = {"judge", "relative_judge", "reward_model", "language"}
"""Rewards that load a model, or a client of an endpoint, in the first call."""
OF_RIGHT = {"reward": "maximum", "verifier": "right_answers", "extractor": "finds_answer"}
OF_WRONG = {"verifier": "wrong_answers"}
"""The laws that take an option: what is wrong, and what has no answer."""
NEEDED = {
    "instructions": "if_verifiable",
    "language": "langid",
    "reasoning_gym": "reasoning_gym",
}
"""The packages of the components that most environments lack."""
NAMES = [name for name in rk.names() if "/" not in name]


def answer_all(text, request):
    """A model for the judges and the reward model: what it says depends on the texts alone."""
    if "temperature" not in request:
        length = float(len(request["messages"][-1]["content"]))
        return 200, {"data": [{"data": [length]}]}, {}
    named = shown(request)
    if "completion 1" not in named:
        return '{"a": "yes"}' if "<" in text else '{"a": "no"}'
    ratings = (len(text) % 11 for name, text in named.items() if name.startswith("completion"))
    return json.dumps({str(number): rating for number, rating in enumerate(ratings, 1)})


@pytest.fixture(scope="module")
def endpoint():
    logging.disable()
    with serving(answer_all, path=None) as server:
        yield server.url
    logging.disable(logging.NOTSET)


@pytest.fixture(
    params=[
        pytest.param(name, marks=pytest.mark.sandbox) if name == "code" else name for name in NAMES
    ]
)
def component(request):
    """One of every registered component."""
    fields = REQUIRED.get(request.param, {})
    if "base_url" in fields:
        fields = {**fields, "base_url": request.getfixturevalue("endpoint")}
    if request.param in NEEDED:
        pytest.importorskip(NEEDED[request.param])
    built = rk.build(request.param, **fields)
    if request.param in LOADING:
        load(built)
    return built


@pytest.fixture(autouse=True)
def fewer_samples(monkeypatch):
    """Draw fewer calls for the laws that make known calls again, as fewer examples are drawn."""
    samples = min(_subject._SAMPLE_CALLS, USUAL["max_examples"] * 4 // 5)
    monkeypatch.setattr(_subject, "_SAMPLE_CALLS", samples)


def load(reward):
    """Let a reward import and load here what it needs, or each process of a law would."""
    reward(prompts=["2 + 2?"], completions=["It is four."], answer=["4"])


def test_every_component_keeps_every_law(component, request):
    kind, name = component.component_kind, component.registered_name
    if name not in HEAVY:
        request.getfixturevalue("forked")
    options = {**USUAL, **SLOW.get(name, {})}
    left_out = {*options.pop("skip", ())}
    expected = {OF_RIGHT[kind]}
    if name in ("exact_match", "token_f1"):  # SQuAD's rules drop punctuation, and so a minus
        left_out |= {"near_misses"}
    if name in NO_ANSWERS:
        options |= {"right": RIGHT[name]["right"]}
        left_out |= {"accepts_reference"}
        expected = set()
    expected |= {OF_WRONG[kind]} if kind in OF_WRONG else set()
    checked = CHECKS[kind](component, skip=left_out, **options)
    if kind == "reward" and not columns(component):
        expected |= {"renamed_columns"}
    if kind == "reward":
        expected |= {"groups" if component.pointwise else "pointwise"}
        expected |= {"groups"} if name == "standardize" else set()  # over the whole batch
    # only some compare with numbers, or read an answer between marks
    rare = {"near_misses", "finds_answer"}
    assert {*checked.skipped} - rare == expected - rare
    laws = {law.name for law in kit.LAWS.values() if kind in law.kinds}
    assert {*checked.held, *checked.skipped, *left_out} == laws


@pytest.mark.sandbox
def test_code_is_linear(monkeypatch):
    monkeypatch.setattr(_timing, "_UNITS", ("a", "\n", "("))
    checked = kit.check_verifier(rk.build("code"), right=PASSES, laws="linear")
    assert checked.held == ("linear_time",)


def test_what_is_right_is_found_right(component):
    kind, name = component.component_kind, component.registered_name
    if name in NEVER_RIGHT:
        assert name not in RIGHT
        return
    law = OF_RIGHT[kind]
    checked = CHECKS[kind](component, laws=law, **{**USUAL, **RIGHT[name]})
    assert checked.held == (law,)


@pytest.mark.parametrize(
    "reward",
    [
        {"type": "correct", "verifier": "same_call", "extractor": "tool_call"},
        {"type": "length", "target": 1, "unit": "calls"},
        {"type": "turn", "reward": {"type": "length", "target": 63}},
    ],
)
def test_what_reads_all_turns_is_compared_in_forms_of_one_message(reward):
    # a form with a tool's reply holds a call beside those in the text
    call = '[{"name": "add", "arguments": {"a": 1}}]'
    columns = {"answer": [call]} if reward["type"] == "correct" else None
    template = f"<tool_call>{call}</tool_call>"
    options = {
        "template": template,
        "columns": columns,
        "laws": ["input_formats", "maximum"],
        **FEW,
    }
    checked = kit.check_reward(rk.load(reward), **options)
    assert checked.held == ("input_formats", "maximum")


@pytest.mark.parametrize("name", presets.__all__)
@pytest.mark.parametrize("holder", [presets, presets.published])
def test_every_preset_keeps_the_laws(holder, name):
    if "language" in name:
        pytest.importorskip("langid")
    reward = getattr(holder, name)
    if "language" in name:
        load(reward)
    kit.check_reward(reward, skip=["pickles", "linear"], max_examples=USUAL["max_examples"])
