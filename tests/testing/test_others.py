"""Rewards that are not rewardkit's: TRL's own, and the published notebooks'."""

from __future__ import annotations

import pytest

import notebooks
from rewardkit import testing as kit

pytestmark = pytest.mark.usefixtures("forked")
NUMBERS = kit.numbers(spellings=["plain", "thousands"]).map(lambda number: number[0])
XML = "<reasoning>\nTwo and two,\nso four.\n</reasoning>\n<answer>\n{answer}\n</answer>"
THINK = "<think>\nTwo and two.\n</think>\n{answer}"
ONE_TEXT = ["text", "chat"]
CHAT = {"forms": "chat"}
ANSWERED = {**CHAT, "columns": {"answer": NUMBERS}}


def broken(reward, **options):
    """Return the laws that a reward breaks."""
    try:
        kit.check_reward(reward, **options)
    except kit.LawBroken as error:
        return {finding.law for finding in error.findings}
    return set()


@pytest.mark.parametrize(
    ("name", "options", "laws"),
    [
        (
            "xmlcount_reward_func",
            {**CHAT, "bounds": (0.0, 0.5), "template": XML},
            {"bounds", "maximum"},
        ),
        ("soft_format_reward_func", {**CHAT, "bounds": (0.0, 0.5), "template": XML}, {"maximum"}),
        ("strict_format_reward_func", {**CHAT, "bounds": (0.0, 0.5), "template": XML}, {"maximum"}),
        ("int_reward_func", {**ANSWERED, "bounds": (0.0, 0.5), "template": XML}, {"maximum"}),
        ("correctness_reward_func", ANSWERED, {"never_raises"}),
        ("match_format_exactly", CHAT, set()),
        ("match_format_approximately", {**CHAT, "bounds": (-2.0, 1.0), "template": THINK}, set()),
        ("check_answer", {**ANSWERED, "bounds": (-4.5, 5.0), "template": THINK}, {"maximum"}),
        ("check_numbers", {**ANSWERED, "bounds": (-2.5, 3.5), "template": THINK}, {"maximum"}),
        ("reward_len", {"forms": ONE_TEXT}, {"input_formats"}),
    ],
)
def test_what_is_wrong_with_the_notebooks_functions_is_found(name, options, laws):
    assert broken(getattr(notebooks, name), max_examples=40, **options) == laws


def test_a_function_for_messages_raises_on_what_else_a_trainer_passes():
    for forms in ("text", "empty", "tools"):
        assert broken(notebooks.soft_format_reward_func, forms=forms, laws="total") == {
            "never_raises"
        }


def test_trls_functions_keep_the_laws_within_what_they_are_made_for():
    rewards = pytest.importorskip("trl.rewards")
    made = {
        rewards.think_format_reward: CHAT,
        rewards.get_soft_overlong_punishment(10, 4): {"bounds": (-1.0, 0.0)},
        rewards.get_repetition_penalty_reward(2): {"bounds": (-1.0, 0.0)},
    }
    for reward, options in made.items():
        assert broken(reward, max_examples=20, **options) == set()


def test_trls_format_raises_on_a_tool_call_and_on_plain_text():
    rewards = pytest.importorskip("trl.rewards")
    assert broken(rewards.think_format_reward, max_examples=20) == {"never_raises"}


def test_trls_accuracy_earns_its_maximum_for_plain_numbers():
    pytest.importorskip("math_verify")
    rewards = pytest.importorskip("trl.rewards")
    solutions = kit.numbers(spellings=["plain"]).map(lambda number: f"${number[0]}$")
    checked = kit.check_reward(
        rewards.accuracy_reward,
        columns={"solution": solutions},
        completions=kit.completions(forms="chat", texts=kit.tagged("think")),
        forms="chat",
        bounds=(0.0, 1.0),
        template=lambda row: rf"It is $\boxed{{{row['solution'].strip('$')}}}$.",
        max_examples=5,
        skip="linear",
    )
    assert "maximum" in checked.held
