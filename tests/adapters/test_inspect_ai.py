"""The scorer in a real evaluation by inspect_ai."""

from __future__ import annotations

import json
import math

import pytest

from rewardkit.adapters.inspect_ai import rewardkit_scorer
from system_rows import GROUPED, TWO_COLUMNS, import_snippet, write_rows

pytestmark = pytest.mark.adapter
inspect_ai = pytest.importorskip("inspect_ai")
datasets = pytest.importorskip("inspect_ai.dataset")
models = pytest.importorskip("inspect_ai.model")
solvers = pytest.importorskip("inspect_ai.solver")


def evaluate(rows, scorer, folder):
    @solvers.solver
    def reply_as_given():
        async def solve(state, _generate):
            # a model, even inspect_ai's mock, would download a tokenizer
            state.output = models.ModelOutput.from_content("none/none", rows.texts[state.sample_id])
            return state

        return solve

    samples = [
        datasets.Sample(input=prompt, target=answer, id=row)
        for row, (prompt, answer) in enumerate(zip(rows.prompts, rows.answers, strict=True))
    ]
    task = inspect_ai.Task(dataset=samples, solver=reply_as_given(), scorer=scorer)
    (log,) = inspect_ai.eval(task, model=None, log_dir=str(folder), display="none")
    assert log.status == "success", log.error
    return log


def test_an_evaluation_gives_the_totals_of_training(tmp_path):
    rows = write_rows(tmp_path)
    log = evaluate(rows, rewardkit_scorer(rows.yaml), tmp_path)
    scores = [sample.scores["rewardkit"] for sample in log.samples]
    assert [score.value["total"] for score in scores] == pytest.approx(rows.totals, abs=1e-9)
    for name, values in rows.values.items():
        found = [score.value[name] for score in scores]
        assert [None if value is None or math.isnan(value) else value for value in found] == values
    bad = rows.answers.index("n/a")
    assert scores[bad].reason == "scoring_failed"
    assert "right: bad_reference" in scores[bad].explanation
    assert scores[0].reason is None
    means = {score.name: score.metrics["mean"].value for score in log.results.scores}
    known = [value for value in rows.values["right"] if value is not None]
    assert means["total"] == pytest.approx(sum(rows.totals) / len(rows.totals), abs=1e-9)
    assert means["right"] == pytest.approx(sum(known) / len(known), abs=1e-9)


def test_rewards_that_cannot_score_a_sample_are_refused_when_it_is_made(tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text(GROUPED)
    with pytest.raises(ValueError, match="varied: compares the completions of a group"):
        rewardkit_scorer(path)
    path.write_text(TWO_COLUMNS)
    with pytest.raises(ValueError, match=r"columns=\['second'\]"):
        rewardkit_scorer(path)
    rewardkit_scorer(path, columns=["second"])


def test_the_page_s_task_is_evaluated(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sample = {"input": "6 * 7?", "target": "42"}
    (tmp_path / "questions.jsonl").write_text(json.dumps(sample) + "\n")
    task = import_snippet("inspect_ai", tmp_path).questions()

    @solvers.solver
    def reply():
        async def solve(state, _generate):
            state.output = models.ModelOutput.from_content("none/none", "<answer>42</answer>")
            return state

        return solve

    (log,) = inspect_ai.eval(
        task, solver=reply(), model=None, log_dir=str(tmp_path), display="none"
    )
    assert log.status == "success", log.error
    assert log.samples[0].scores["rewardkit"].value == {"total": 1.0, "right": 1.0, "layout": 0.0}
