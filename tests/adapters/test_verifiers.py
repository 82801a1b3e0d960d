"""The scoring method in a real Task of verifiers."""

from __future__ import annotations

import asyncio

import pytest

from rewardkit.adapters.verifiers import make_reward
from system_rows import GROUPED, YAML, import_snippet, write_rows

pytestmark = pytest.mark.adapter
vf = pytest.importorskip("verifiers.v1")
graph = pytest.importorskip("verifiers.v1.graph")
types = pytest.importorskip("verifiers.v1.types")


class QuestionData(vf.TaskData):
    answer: str = ""


def make_task_class(rewards, data=QuestionData):
    class QuestionTask(vf.Task[data]):
        score_rewards = make_reward(rewards, data)

    return QuestionTask


def make_trace(task, text):
    node = graph.MessageNode(message=types.AssistantMessage(content=text), sampled=True)
    return vf.Trace.model_construct(
        task=task, nodes=[node], rewards={}, metrics={}, info={}, root_reply=None
    )


def test_a_task_records_the_rewards_and_weights_of_training(tmp_path):
    rows = write_rows(tmp_path)
    task_class = make_task_class(rows.yaml)
    totals = []
    for row, text in enumerate(rows.texts):
        task = task_class(QuestionData(prompt=rows.prompts[row], answer=rows.answers[row]))
        trace = make_trace(task, text)
        asyncio.run(task.score(trace))
        totals.append(trace.reward)
        found = {name: each.score for name, each in trace.rewards.items()}
        expected = {name: values[row] for name, values in rows.values.items()}
        assert found == {name: value for name, value in expected.items() if value is not None}
        assert all(each.weight == rows.weights[name] for name, each in trace.rewards.items())
        if rows.answers[row] == "n/a":
            assert trace.info["why"]["right"].startswith("bad_reference")
    assert totals == pytest.approx(rows.totals, abs=1e-9)


def test_a_field_that_the_data_lacks_is_refused_when_the_class_is_made(tmp_path):
    class Answers(vf.TaskData):
        answers: str = ""

    path = tmp_path / "rewards.yaml"
    path.write_text(YAML)
    with pytest.raises(ValueError, match=r"Answers has no column 'answer'.*did you mean 'answers'"):
        make_task_class(path, Answers)
    path.write_text(GROUPED)
    with pytest.raises(ValueError, match="varied: compares the completions of a group"):
        make_task_class(path)


def test_the_page_s_task_scores_a_trace(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page = import_snippet("verifiers", tmp_path)
    task = page.QuestionTask(page.QuestionData(prompt="6 * 7?", answer="42"))
    trace = make_trace(task, "<answer>42</answer>")
    asyncio.run(task.score(trace))
    assert {name: each.score for name, each in trace.rewards.items()} == {
        "right": 1.0,
        "layout": 0.0,
    }
