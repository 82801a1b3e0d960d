"""A law holds only if it judged something, and one bug breaks one law."""

from __future__ import annotations

import random

import pytest

import planted
import rewardkit as rk
from rewardkit import testing as kit

DRAW = random  # the module itself: what rewards draw from
QUICK = {"skip": ["pickles"], "max_examples": 20}


def findings(check, it, **options):
    with pytest.raises(kit.LawBroken) as raised:
        check(it, **{**QUICK, **options})
    return {finding.law for finding in raised.value.findings}, raised.value.checked


def test_what_always_raises_holds_nothing():
    def reward(completions, **_):
        return [1 / 0 for _ in completions]

    laws, checked = findings(kit.check_reward, reward, bounds=(0.0, 1.0), template="4")
    assert laws == {"never_raises", "maximum"}
    assert checked.held == ()
    about = (
        "one_value_per_row",
        "finite",
        "bounds",
        "deterministic",
        "pointwise",
        "input_formats",
        "no_mutation",
        "linear_time",
    )
    for law in about:
        assert checked.skipped[law] in (
            "the reward raised in every example",
            "no example had a row",
        )
    assert checked.skipped["linear_time"] == "the reward raised in every example"


def test_a_template_that_leaves_out_every_row():
    checked = kit.check_reward(rk.build("xml_soft"), template=lambda row: None, laws="maximum")
    assert checked.held == ()
    assert checked.skipped == {"maximum": "the template returned None for every row"}


def test_a_verifier_that_reads_no_reference():
    def verify(answers, references):
        return [rk.Verdict(rk.Outcome.BAD_REFERENCE) for _ in answers]

    checked = kit.check_verifier(verify, **QUICK)
    for law in ("deterministic", "pointwise", "row_order", "no_answer", "accepts_reference"):
        assert "could read no reference" in checked.skipped[law]
    assert {"never_raises", "one_value_per_row", "bad_reference"} <= {*checked.held}


def test_what_remembers_earlier_calls_is_found():
    seen = set()

    def reward(completions, **_):
        values = []
        for text in completions:
            values.append(float(text not in seen))
            seen.add(text)
        return values

    laws, checked = findings(kit.check_reward, reward, forms="text")
    assert laws == {"deterministic"}
    assert checked.skipped["pointwise"] == "it is not deterministic"


def once_in(share):
    def reward(completions, **_):
        return [float(DRAW.random() < share) for _ in completions]

    return reward


@pytest.mark.parametrize("share", [0.5, 0.03])
def test_what_is_random_breaks_one_law_alone(share):
    laws, _ = findings(
        kit.check_reward, once_in(share), max_examples=40, skip=["linear", "pickles"]
    )
    assert laws == {"deterministic"}


def test_a_verifier_that_is_seldom_random_is_found():
    def verify(answers, references):
        return [
            rk.Verdict(rk.Outcome.WRONG)
            if verdict.outcome == rk.Outcome.CORRECT and DRAW.random() >= 0.95
            else verdict
            for verdict in planted.exactly(answers, references)
        ]

    options = {"max_examples": 40, "laws": ["deterministic", "pointwise", "order"]}
    assert findings(kit.check_verifier, verify, **options, skip=())[0] == {"deterministic"}


def test_a_change_amid_a_long_array_is_found():
    numpy = pytest.importorskip("numpy")

    def reward(completions, image, **_):
        for array in image:
            array[500] += 1
        return [0.0 for _ in completions]

    options = {"columns": {"image": [numpy.zeros(5000)]}, "laws": "inputs", "skip": ()}
    assert findings(kit.check_reward, reward, **options)[0] == {"no_mutation"}

    def leaves_it(completions, image, **_):
        return [0.0 for _ in completions]

    options["columns"] = {"image": [numpy.full(5000, numpy.nan)]}
    assert kit.check_reward(leaves_it, **options, max_examples=20).held == ("no_mutation",)
