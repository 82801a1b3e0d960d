"""What the adapters do without the systems: checks when made, abstentions, names, swift's calls."""

from __future__ import annotations

import logging
import math
import sys
from functools import partial
from types import ModuleType, SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rewardkit as rk
from rewardkit.adapters import _openrlhf, openrlhf, swift
from rewardkit.adapters._rows import RowScorer, System
from rewardkit.adapters.verl import compute_score, make_compute_score
from rewardkit.batch import ColumnError
from rewardkit.rewards import Correct, Diversity, Length, Overlong, PromptOverlap
from rewardkit.verify import Number
from system_rows import GROUPED, write_rows

PLAIN = System("a system")
right = Correct(verifier=Number(), name="right")


@pytest.mark.parametrize(
    ("reward", "problem"),
    [
        (Diversity(name="varied"), "^varied: compares the completions of a group, and a system"),
        (right + Diversity(name="varied"), "^varied: compares"),
        (PromptOverlap(name="copied"), "^copied: prompt_overlap reads the prompt, and a system"),
        (Overlong(max_tokens=9, cache_tokens=3, name="long"), "^long: overlong counts tokens"),
        (Length(target=9, unit="tokens", name="brief"), "^brief: length counts tokens, .* words"),
    ],
)
def test_a_reward_that_a_system_cannot_call_is_refused_when_the_scorer_is_made(reward, problem):
    with pytest.raises(ValueError, match=problem):
        RowScorer(reward, PLAIN)
    RowScorer(reward, System("another", prompts=True, tokens=True, rows_alone=False))


def test_a_number_of_tokens_may_come_with_the_row():
    long = Overlong(max_tokens=9, cache_tokens=3, tokens="tokens", name="long")
    scorer = RowScorer([right, long], PLAIN, columns=["tokens"])
    assert scorer.score("<answer>4</answer>", "4", {"tokens": 9}).total == 0.0


def test_the_ground_truth_fills_the_one_column_that_rows_do_not_bring():
    second = right.replace(reference="second", name="also")
    with pytest.raises(ValueError, match=r"columns answer, second, .*: columns=\['second'\]"):
        RowScorer([right, second], PLAIN)
    with pytest.raises(ValueError, match=r"got 'secnd', which no reward reads .*mean 'second'"):
        RowScorer([right, second], PLAIN, columns=["secnd"])
    scorer = RowScorer([right, second], PLAIN, columns=["second"])
    assert scorer.score("<answer>4</answer>", "4", {"second": "5"}).parts == {
        "right": 1.0,
        "also": 0.0,
    }
    with pytest.raises(ColumnError, match="second"):
        scorer.score("<answer>4</answer>", "4", {})


def test_the_ground_truth_is_no_number_of_tokens():
    long = Overlong(max_tokens=9, cache_tokens=3, tokens="n", name="long")
    for rewards in (long, [right, long]):
        with pytest.raises(ValueError, match=r"'n' holds a count .* name it: columns=\['n'\]"):
            RowScorer(rewards, PLAIN)
    assert RowScorer(long, PLAIN, columns=["n"]).reference is None


def test_the_ground_truth_is_no_condition_of_where():
    sums = rk.build("where", reward=right, column="task", equals="sums", name="sums")
    with pytest.raises(ValueError, match=r"'task' holds .* condition.*: columns=\['task'\]"):
        RowScorer(sums, PLAIN)
    scorer = RowScorer(sums, PLAIN, columns=["task"])
    found = [scorer.score("<answer>4</answer>", "4", {"task": task}) for task in ("sums", "other")]
    assert [(each.total, each.abstained) for each in found] == [(1.0, False), (0.0, True)]
    assert rk.Scorer(sums).score_row("<answer>4</answer>", reference="4", task="sums").total == 1.0


def test_a_function_that_needs_a_prompt_is_refused_where_there_is_none():
    def asks(completions, prompts, **_):
        return [float(len(prompts))]

    with pytest.raises(ValueError, match="asks: has a parameter for prompt, and a system passes"):
        RowScorer(asks, PLAIN)
    scorer = RowScorer(asks, System("another", prompts=True))
    assert scorer.score("4", None, {}, prompt="2 + 2?").total == 1.0


class Copies(rk.Reward):
    reads_prompt = True

    def score(self, batch):
        return [rk.Score(float(batch.prompt_text(row) in t)) for row, t in enumerate(batch.texts)]


def test_a_class_says_that_it_reads_the_prompt():
    for reward in (Copies(name="copies"), rk.build("clip", reward=Copies(), name="copies")):
        with pytest.raises(ValueError, match=r"^copies: Copies reads the prompt, and a system"):
            RowScorer(reward, PLAIN)
    scorer = RowScorer(Copies(), System("another", prompts=True))
    assert scorer.score("2 + 2? 4", None, {}, prompt="2 + 2?").total == 1.0


def test_verl_s_function_is_checked_when_it_is_made():
    with pytest.raises(ValueError, match="varied: compares the completions of a group, and verl"):
        make_compute_score(Diversity(name="varied"))
    with pytest.raises(ValueError, match=r"got 'secnd', which no reward reads"):
        make_compute_score(right, columns=["secnd"])
    second = right.replace(reference="second", name="also")
    score = make_compute_score([right, second], columns="second", abstained=-1.0)
    row = {"data_source": "d", "solution_str": "<answer>4</answer>", "ground_truth": "4"}
    assert score(**row, extra_info={"second": "5"})["also"] == 0.0
    assert score(**{**row, "ground_truth": ""}, extra_info={"second": ""})["score"] == -1.0


def test_openrlhf_is_given_no_advice_that_it_cannot_follow():
    long = Overlong(max_tokens=9, cache_tokens=3, tokens="n", name="long")
    for rewards in ([right, long], [right, right.replace(reference="second", name="also")]):
        with pytest.raises(ValueError, match="OpenRLHF") as caught:
            RowScorer(rewards, _openrlhf.OPENRLHF)
        assert "columns=" not in str(caught.value)
    with pytest.raises(TypeError, match=r"the query is 5 \(int\), expected a text"):
        _openrlhf.cut_completion(5, "a")


def test_openrlhf_averages_no_nan():
    scorer = RowScorer([right, Length(target=1, name="brief")], PLAIN)
    rows = [scorer.score("<answer>4</answer>", answer, {}) for answer in ("4", "n/a")]
    totals, logs = _openrlhf.list_totals_and_logs(scorer, [*rows, None])
    assert all(map(math.isfinite, [*totals, *(v for values in logs.values() for v in values)]))
    assert (logs["right"], logs["right/abstained"]) == ([1.0, 0.0, 0.0], [0.0, 1.0, 1.0])
    assert (logs["brief/abstained"], logs["failed"]) == ([0.0, 0.0, 1.0], [0.0, 0.0, 1.0])


def test_a_row_where_all_abstain_and_names_that_the_system_has_for_itself():
    scorer = RowScorer(right.replace(name="score"), PLAIN, abstained=-2.0, reserved=["score"])
    found = scorer.score("<answer>4</answer>", "n/a", {})
    assert (found.total, found.abstained, found.failure) == (-2.0, True, "bad_reference")
    assert math.isnan(found.parts["score-2"])
    slow = Correct(verifier=rk.build("exact"), name="slow")
    assert RowScorer(slow, PLAIN).score("<answer>timeout</answer>", "timeout", {}).failure == ""


@pytest.mark.parametrize("made", [True, False])
def test_verl_s_function_gives_the_totals_of_training_with_the_same_keys(made, tmp_path):
    rows = write_rows(tmp_path)
    score = make_compute_score(rows.yaml) if made else partial(compute_score, rewards=rows.yaml)
    found = [
        score("questions", text, answer, {"index": 1}, reward_router=1)
        for text, answer in zip(rows.texts, rows.answers, strict=True)
    ]
    assert [each["score"] for each in found] == pytest.approx(rows.totals, abs=1e-9)
    keys = {(*each,) for each in found}
    assert keys == {("score", "right", "layout", "brief", "timeout", "bad_reference")}


def test_openrlhf_s_function_cuts_the_prompt_and_reports_what_would_be_swallowed(tmp_path, caplog):
    rows = write_rows(tmp_path)
    reward_func = openrlhf.make_reward_func(rows.yaml, abstained=-1.0)
    prompt = "<answer>41</answer> is what one says. " * 9
    queries = [
        f"<s>{prompt}{rows.texts[0]}<|im_end|></s>",  # a token before the prompt
        f"{prompt[100:]}{rows.texts[0]}</s>",  # cut at its front
        rows.texts[0],
    ]
    with caplog.at_level(logging.ERROR):
        found = reward_func(queries, [prompt] * 3, ["42"] * 3)
    assert found["rewards"].tolist() == [rows.totals[0], rows.totals[0], -1.0]
    assert found["extra_logs"]["failed"].tolist() == [0.0, 0.0, 1.0]
    assert "a row is not scored: ValueError: the prompt, which ends in" in caplog.text
    grouped = tmp_path / "grouped.yaml"
    grouped.write_text(GROUPED)
    with pytest.raises(ValueError, match="varied: compares"):
        openrlhf.make_reward_func(grouped)


@pytest.fixture
def stand_in_for_swift(monkeypatch):
    """Stand in for the two names of ms-swift's that are used."""
    package, module = ModuleType("swift"), ModuleType("swift.rewards")
    module.orms = {"math": object}
    module.ORM = type("ORM", (), {"__init__": lambda self, args=None: None})
    monkeypatch.setitem(sys.modules, "swift", package)
    monkeypatch.setitem(sys.modules, "swift.rewards", module)
    return module


def test_swift_s_rewards_take_a_batch_as_ms_swift_passes_it(stand_in_for_swift, tmp_path):
    rows = write_rows(tmp_path)
    weights = swift.register(rows.yaml, columns=["answer"])
    assert weights == rows.weights
    rewards = {name: stand_in_for_swift.orms[name](args=None) for name in weights}
    assert [type(each).__name__ for each in rewards.values()] == [*weights]
    batch = {
        "trainer_state": SimpleNamespace(global_step=3),
        "answer": rows.answers,
        "messages": [
            [{"role": "user", "content": prompt}, {"role": "assistant", "content": text}]
            for prompt, text in zip(rows.prompts, rows.texts, strict=True)
        ],
        "response_token_ids": [[[1, 2]]] * len(rows.texts),
    }
    assert {name: each(rows.texts, **batch) for name, each in rewards.items()} == rows.values

    def shout(completions, answer, **_):
        return [float(text.isupper()) for text in completions]

    swift.register([shout, Overlong(max_tokens=4, cache_tokens=2, name="long")])
    long = stand_in_for_swift.orms["long"]()
    assert long(["a", "b"], response_token_ids=[[[1] * 9, [1]], [[1] * 3]]) == [0.0, -0.5]
    assert stand_in_for_swift.orms["shout"]()(["A", "b"], answer=["", ""]) == [1.0, 0.0]


def test_swift_s_names_and_columns_are_checked_when_registered(stand_in_for_swift):
    with pytest.raises(ValueError, match="ms-swift has a reward named 'math'; give this one"):
        swift.register(right.replace(name="math"))
    with pytest.raises(ValueError, match=r"no column 'answer' \(columns: answers\); did you mean"):
        swift.register(right, columns=["answers"])
    assert [*stand_in_for_swift.orms] == ["math"]


@given(st.text("ab", max_size=12), st.text("ab", max_size=12))
def test_the_end_of_a_prompt_is_found_at_the_start_of_a_query(prompt, query):
    lengths = range(min(len(prompt), len(query)) + 1)
    expected = max(size for size in lengths if query[:size] == prompt[len(prompt) - size :])
    assert _openrlhf._find_overlap(prompt, query) == expected


def test_a_prompt_that_repeats_itself_is_cut_in_linear_time():
    prompt = "a" * 300_000
    query = "a" * 200_000 + "b" * 40
    assert _openrlhf.cut_completion(query, prompt[1:] + "c" + "a" * 200_000) == "b" * 40
