"""Alerts on logs of real runs, and on steps made by hand, one kind at a time."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rewardkit as rk
from rewardkit.adapters.trl import split
from rewardkit.audit.alerts import ADVICE, Alert, AlertFinder
from rewardkit.audit.step_figures import (
    RewardFigures,
    Step,
    StepFigures,
    StepMeter,
    read_log_row,
)
from rewardkit.batch import Batch
from rewardkit.config import read_yaml
from rewardkit.train import Recipe

RUNS = Path(__file__).parents[2] / "docs/runs"
HEALTHY = [
    "smollm2_language",
    "smollm2_arithmetic",
    "smollm2_arithmetic_resumed",
    "smollm2_length",
    "qwen25_coder_gsm8k",
    "qwen25_coder_gsm8k_4bit",
    "qwen25_coder_gsm8k_trl",
    "qwen25_coder_gsm8k_cosine",
    "qwen25_coder_gsm8k_two_gpus",
]

Value = float | None
Rows = Sequence[dict[str, Any]]


# Logs of real runs --------------------------------------------------------------------------------


def read_rows(run: str) -> Rows:
    lines = (RUNS / run / "log.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def find_in_log(run: str) -> list[Alert]:
    rows = read_rows(run)
    # not as a recipe, since the files of its dataset are not there
    recipe = read_yaml((RUNS / run / "recipe.yaml").read_text(encoding="utf-8"))
    terms = split(rk.load(recipe["rewards"])).reward_funcs
    # by position: the logs are from a version with other default names
    names = list(read_log_row(rows[0]).rewards)
    bounds = {name: term.bounds for name, term in zip(names, terms, strict=True)}
    finder = AlertFinder(bounds)
    return [alert for row in rows for alert in finder.find(read_log_row(row))]


@pytest.mark.parametrize("run", HEALTHY)
def test_a_healthy_run_has_no_alert(run: str) -> None:
    assert find_in_log(run) == []


def test_the_hacked_run_has_a_right_alert_within_sixty_steps() -> None:
    (alert,) = find_in_log("smollm2_language_hacked")
    assert alert.step <= 60
    assert alert.kind == "saturated"
    top, low = alert.rewards
    # the language is rewarded for any words, and the answers stay wrong
    assert top == "format_and_language_reward_func"
    assert low in ("check_answer", "check_numbers")


def test_a_run_that_diverges_has_an_alert_within_ten_steps_of_its_fall() -> None:
    rows = read_rows("qwen25_coder_gsm8k_long")
    best = max(fmean(row["reward"] for row in rows[end - 10 : end]) for end in range(10, 251))
    first = next(row["step"] for row in rows if row["step"] > 250 and row["reward"] < best / 2)
    alert = find_in_log("qwen25_coder_gsm8k_long")[0]
    assert (alert.kind, alert.rewards) == ("collapsed", ())
    assert first <= alert.step <= first + 10


def test_the_published_rewards_have_an_alert_within_sixty_steps() -> None:
    # no layout that the strict one rewards is one for the soft one, so that this stays at 0
    found = find_in_log("qwen25_coder_gsm8k_published")
    assert found
    assert all(alert.step <= 60 and "_format_reward_func" in str(alert.rewards) for alert in found)


@pytest.mark.parametrize("run", HEALTHY[:1])
def test_a_healthy_log_has_no_alert_without_bounds_either(run: str) -> None:
    finder = AlertFinder()
    assert [alert for row in read_rows(run) for alert in finder.find(read_log_row(row))] == []


@pytest.mark.parametrize(
    ("run", "is_copied"), [("smollm2_language_hacked", True), ("smollm2_language", False)]
)
def test_responses_that_repeat_the_worked_example_are_copies(run: str, *, is_copied: bool) -> None:
    # of the 50 held-out responses of the hacked run, 28 repeat six words of the example
    recipe = Recipe.load(RUNS / run / "recipe.yaml")
    comparison = json.loads((RUNS / run / "comparison.json").read_text(encoding="utf-8"))
    prompts = [recipe.prompt.build(question) for question in comparison["questions"]]
    for side, expected in (("with", is_copied), ("without", False)):
        batch = Batch(comparison[side]["responses"], prompts=prompts, columns={})
        copied = StepMeter().measure(Step(1, batch, {})).copied
        assert copied is not None
        assert (copied.share >= 0.25) == expected


# Steps made by hand -------------------------------------------------------------------------------

QUESTIONS = ["Where do eels go?", "Why is salt white?", "Who made the bell?", "What is a fjord?"]
WORDS = ("sea", "wind", "stone", "light", "paper", "river", "garden", "metal", "cloud", "bridge")


def write_text(generator: random.Random, words: int = 40) -> str:
    return " ".join(generator.choice(WORDS) + str(generator.randint(0, 99)) for _ in range(words))


def find_in_steps(  # noqa: PLR0913 - each is one part of a run
    make_step: Callable[[int, random.Random], tuple[list[str], dict[str, list[Value]]]],
    *,
    steps: int = 30,
    whys: Callable[[list[Value]], list[str]] | None = None,
    prompt: str = "{}",
    token_count: int = 50,
    finder: AlertFinder | None = None,
    **options: Any,
) -> list[Alert]:
    """Return the alerts of steps with four prompts and four completions each."""
    generator = random.Random(3407)  # noqa: S311 - no secrets
    finder = finder or AlertFinder()
    meter = StepMeter(**{"max_tokens": 64, "group_size": 4, **options})
    found = []
    for number in range(1, steps + 1):
        texts, values = make_step(number, generator)
        prompts = [prompt.format(question) for question in QUESTIONS for _ in range(4)]
        ids = [[0] * token_count] * 16
        batch = Batch(texts, prompts=prompts, completion_ids=ids, columns={})
        reasons = {name: whys(row) for name, row in values.items()} if whys else {}
        step = Step(number, batch, values, reasons)
        found += finder.find(meter.measure(step), step)
    for alert in found:
        assert str(alert).startswith(f"step {alert.step}: {alert.kind}: ")
        assert ADVICE[alert.kind] in str(alert)
        assert len(str(alert)) < 600
    return found


def healthy(number: int, generator: random.Random) -> tuple[list[str], dict[str, list[Value]]]:
    texts = [write_text(generator) for _ in range(16)]
    right: list[Value] = [float(generator.random() < 0.2 + number / 60) for _ in texts]
    short: list[Value] = [-generator.random() for _ in texts]
    return texts, {"right": right, "short": short}


def kinds(alerts: Iterable[Alert]) -> list[str]:
    return [alert.kind for alert in alerts]


def test_a_run_that_learns_has_no_alert() -> None:
    assert find_in_steps(healthy, steps=60) == []


def test_a_reward_that_never_varies() -> None:
    def step(number: int, generator: random.Random) -> Any:
        texts, values = healthy(number, generator)
        return texts, {**values, "same": [0.5] * 16, "also": [0.25] * 16}

    (alert,) = find_in_steps(step)
    assert (alert.kind, alert.step, alert.rewards) == ("constant", 10, ("same", "also"))
    assert "same (0.5), also (0.25)" in alert.detail
    assert alert.example


def test_a_penalty_that_is_never_given_is_no_alert_but_a_full_reward_is() -> None:
    def step(number: int, generator: random.Random) -> Any:
        texts, values = healthy(number, generator)
        return texts, {**values, "penalty": [0.0] * 16, "full": [1.0] * 16}

    finder = AlertFinder({"penalty": (-1.0, 0.0), "full": (0.0, 1.0)})
    (alert,) = find_in_steps(step, steps=40, finder=finder)
    assert (alert.kind, alert.step, alert.rewards) == ("constant", 30, ("full",))


@pytest.mark.parametrize("bounded", [True, False])
def test_groups_without_spread(*, bounded: bool) -> None:
    def step(number: int, generator: random.Random) -> Any:
        # each prompt has a value of its own, so that the reward varies and no group does
        texts, _ = healthy(number, generator)
        return texts, {"right": [float(row // 4 % 2) for row in range(16)]}

    finder = AlertFinder({"right": (0.0, 1.0)} if bounded else {})
    (alert,) = find_in_steps(step, finder=finder)
    assert (alert.kind, alert.step) == ("flat", 10)
    assert "100% of the groups" in alert.detail


def test_a_solved_task_is_flat_without_an_alert() -> None:
    def step(number: int, generator: random.Random) -> Any:
        texts, values = healthy(number, generator)
        if number > 10:
            values["right"] = [*[1.0] * 15, 0.0]  # three of four groups are flat
        return texts, {"right": values["right"]}

    assert find_in_steps(step, finder=AlertFinder({"right": (0.0, 1.0)})) == []


def test_a_rare_success_in_small_steps_is_no_alert() -> None:
    # one group of six per step, one success in 60 completions: ten steps in a row often have none
    finder, meter = AlertFinder({"right": (0.0, 2.0)}), StepMeter(group_size=6)
    for number in range(1, 201):
        right: list[Value] = [2.0 * (number % 10 == 9 and row == 3) for row in range(6)]
        short: list[Value] = [-float(row) if number % 4 == 0 else 0.0 for row in range(6)]
        texts = [f"{number} {row}" for row in range(6)]
        batch = Batch(texts, prompts=[f"question {number}"] * 6, columns={})
        step = Step(number, batch, {"right": right, "short": short})
        assert finder.find(meter.measure(step), step) == []


def test_parts_of_a_group_are_not_measured() -> None:
    batch = Batch(["a", "b"], prompts=["p", "p"], columns={})
    step = Step(1, batch, {"right": [1.0, 1.0]})
    assert StepMeter(group_size=4).measure(step).flat_groups is None
    assert StepMeter(group_size=2).measure(step).flat_groups == 1.0


def test_a_reward_at_its_maximum_while_another_falls() -> None:
    def step(number: int, generator: random.Random) -> Any:
        texts = [write_text(generator) for _ in range(16)]
        share = 0.9 if number <= 15 else 0.3
        right = [float(row < share * 16) for row in range(16)]
        format_ = [float(number > 15 or row % 2) for row in range(16)]
        return texts, {"format": format_, "right": right}

    (alert,) = find_in_steps(step, steps=40)
    assert (alert.kind, alert.rewards) == ("saturated", ("format", "right"))
    assert 16 < alert.step <= 26
    assert "right fell from" in alert.detail


def test_a_full_reward_that_never_varied_may_be_the_one_at_its_maximum() -> None:
    def step(number: int, generator: random.Random) -> Any:
        texts = [write_text(generator) for _ in range(16)]
        right: list[Value] = [float(row < (12 if number <= 15 else 4)) for row in range(16)]
        generator.shuffle(right)
        return texts, {"format": [1.0] * 16, "penalty": [0.0] * 16, "right": right}

    finder = AlertFinder({"penalty": (-1.0, 0.0)})
    found = {alert.kind: alert.rewards for alert in find_in_steps(step, finder=finder)}
    assert found == {"constant": ("format",), "saturated": ("format", "right")}


def test_a_reward_that_falls_by_its_schedule_is_no_alert() -> None:
    def step(number: int, generator: random.Random) -> Any:
        texts = [write_text(generator) for _ in range(16)]
        format_ = [float(number > 10 or row % 2) for row in range(16)]
        ramp = [(row % 2) * max(0.2, 1 - number / 30) for row in range(16)]
        return texts, {"format": format_, "ramp": ramp}

    assert kinds(find_in_steps(step, steps=40)) == ["saturated"]
    assert find_in_steps(step, steps=40, finder=AlertFinder(scheduled={"ramp"})) == []


def test_one_completion_for_several_prompts() -> None:
    same = "I believe that the answer to this is well known, and I have nothing to add to it here."

    def step(number: int, generator: random.Random) -> Any:
        texts, values = healthy(number, generator)
        return [same if row % 2 else text for row, text in enumerate(texts)], values

    (alert,) = find_in_steps(step)
    assert (alert.kind, alert.step, alert.example) == ("repeated", 5, same)
    assert "50% of the completions" in alert.detail


@pytest.mark.parametrize(("share", "expected"), [(0.5, []), (1.0, ["repeated"])])
def test_a_short_answer_may_be_right_for_several_prompts(share: float, expected: list[str]) -> None:
    def step(number: int, generator: random.Random) -> Any:
        _, values = healthy(number, generator)
        texts = ["yes" if row < 16 * share else str(row) for row in range(16)]
        generator.shuffle(texts)
        return texts, values

    assert kinds(find_in_steps(step)) == expected


def test_repetition_over_steps_with_one_prompt_each() -> None:
    meter = StepMeter()
    shares = []
    for number, question in enumerate(QUESTIONS):
        batch = Batch(["The same long text. " * 5] * 4, prompts=[question] * 4, columns={})
        repeated = meter.measure(Step(number, batch, {})).repeated
        assert repeated is not None
        shares.append(repeated.share)
    assert shares == [0.0, 0.0, 1.0, 1.0]  # the third prompt is one too many


def test_completions_that_run_to_the_limit() -> None:
    (alert,) = find_in_steps(healthy, token_count=64)
    assert (alert.kind, alert.step) == ("clipped", 10)
    assert "100% of the completions reached the limit" in alert.detail
    assert find_in_steps(healthy, token_count=63) == []


def test_a_model_that_learns_to_stop_is_no_alert_and_one_that_unlearns_it_is() -> None:
    def find(shares: Iterable[float]) -> list[Alert]:
        finder = AlertFinder()
        rows = [
            {"step": step, "completions/clipped_ratio": share} for step, share in enumerate(shares)
        ]
        return [alert for row in rows for alert in finder.find(read_log_row(row))]

    assert find(max(0.0, 0.9 - 0.07 * step) for step in range(60)) == []
    assert kinds(find(min(0.45, 0.02 * max(0, step - 20)) for step in range(60))) == ["clipped"]


EXAMPLE = "I take three red apples out of the basket, and then I put two green ones beside them."


@pytest.mark.parametrize(
    ("copy", "prompt"),
    [
        (EXAMPLE, EXAMPLE + " {}"),  # the example of all prompts
        ("{} Tell me now, please, because I would like to know it", ""),  # the question itself
    ],
)
def test_an_answer_copied_from_the_prompt(copy: str, prompt: str) -> None:
    def step(number: int, generator: random.Random) -> Any:
        texts, values = healthy(number, generator)
        for row in range(0, 16, 2):
            texts[row] = f"{copy.format(QUESTIONS[row // 4])} {row}{number}"
        return texts, values

    (alert,) = find_in_steps(step, prompt=prompt or copy)
    assert (alert.kind, alert.step) == ("copied", 5)
    assert copy.format(QUESTIONS[0])[:40] in str(alert) or "50%" in alert.detail


def test_restating_the_question_is_no_copy() -> None:
    def step(number: int, generator: random.Random) -> Any:
        texts, values = healthy(number, generator)
        return [f"{QUESTIONS[row // 4]} {text}" for row, text in enumerate(texts)], values

    assert find_in_steps(step) == []


def test_timeouts() -> None:
    texts_of_steps: dict[int, list[str]] = {}

    def step(number: int, generator: random.Random) -> Any:
        texts, values = healthy(number, generator)
        texts_of_steps[number] = texts
        return texts, values

    def why(values: list[Value]) -> list[str]:
        return [
            "timeout: 5 s" if row % 4 == 1 else "wrong three times" for row in range(len(values))
        ]

    alerts = find_in_steps(step, whys=why)
    assert kinds(alerts) == ["timeout", "timeout"]
    assert "right timed out on 25% of the completions" in alerts[0].detail
    # the example is a completion that timed out, not one whose why has "time" in another word
    assert alerts[0].example == texts_of_steps[alerts[0].step][1]


def test_abstentions() -> None:
    def step(number: int, generator: random.Random) -> Any:
        texts, values = healthy(number, generator)
        judge = [None if row % 2 else 1.0 - row / 16 for row in range(16)]
        other_task = [None if row < 8 else row / 16 for row in range(16)]
        return texts, {**values, "judge": judge, "other_task": other_task}

    # a prompt of another task has no value at all, which is no failure
    alerts = find_in_steps(step, may_skip={"judge", "other_task"})
    assert [(alert.kind, alert.rewards) for alert in alerts] == [("abstained", ("judge",))]
    assert "50% of the completions" in alerts[0].detail
    alerts = find_in_steps(step, may_skip={"judge"})
    assert {alert.rewards for alert in alerts} == {("judge",), ("other_task",)}


def test_a_reward_that_never_has_a_value() -> None:
    def step(number: int, generator: random.Random) -> Any:
        texts, values = healthy(number, generator)
        return texts, {**values, "judge": [None] * 16}

    (alert,) = find_in_steps(step, may_skip={"judge"})
    assert (alert.kind, alert.step, alert.rewards) == ("abstained", 10, ("judge",))


def test_what_a_step_lacks_is_not_measured() -> None:
    figures = StepMeter(max_tokens=8).measure(Step(1, Batch(["a", "b"], columns={}), {}))
    assert figures == StepFigures(1, {}, RewardFigures(None, abstained=1.0, size=2), None, 0)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["", "a", "long " * 20, "x y z w " * 3, "\ud800"]),
            st.sampled_from(["p", "q", "long " * 20]),
            st.none() | st.floats(-1e6, 1e6),
        ),
        max_size=12,
    )
)
def test_shares_are_shares_and_means_are_within_the_values(rows: list[Any]) -> None:
    texts, prompts, values = ([row[column] for row in rows] for column in range(3))
    batch = Batch(texts, prompts=prompts, completion_ids=[[0]] * len(rows), columns={})
    meter = StepMeter(max_tokens=1)
    for number in range(3):
        step = Step(number, batch, {"reward": values}, {"reward": ["timeout"] * len(rows)})
        figures = meter.measure(step)
        for share in (figures.clipped, figures.copied, figures.repeated):
            assert share is None or (0 <= share.share <= 1 and share.row < max(len(rows), 1))
        reward = figures.rewards["reward"]
        known = [value for value in values if value is not None]
        assert reward.abstained == pytest.approx(1 - len(known) / len(rows) if rows else 0)
        assert reward.timeouts == bool(rows)
        if known:
            assert reward.mean is not None
            assert min(known) - 1e-6 <= reward.mean <= max(known) + 1e-6
