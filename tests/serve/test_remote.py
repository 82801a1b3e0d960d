"""Adapters that take the address of a server in place of rewards."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from rewardkit.adapters._remote import RemoteScorer
from rewardkit.adapters.verl import compute_score
from rewardkit.scorer import Scorer
from server import serving
from system_rows import GROUPED, TWO_COLUMNS, write_rows

pytest.importorskip("starlette")


def test_samples_of_many_threads_have_the_totals_of_training(tmp_path):
    rows = write_rows(tmp_path)
    with serving(rows.yaml) as server, ThreadPoolExecutor(16) as threads:

        def score(pair):
            return compute_score("d", *pair, rewards=server.url)

        found = [*threads.map(score, zip(rows.texts, rows.answers, strict=True))]
    assert [each["score"] for each in found] == pytest.approx(rows.totals, abs=1e-9)
    for name, values in rows.values.items():
        assert [each[name] for each in found] == values
    assert [each["bad_reference"] for each in found] == [
        float(answer == "n/a") for answer in rows.answers
    ]


def test_columns_and_errors_are_those_of_rewards_in_this_process(tmp_path):
    path = tmp_path / "two.yaml"
    path.write_text(TWO_COLUMNS)
    sample = ("d", "<answer>4</answer>", "4", {"second": "5"})
    with serving(path) as server:
        found = compute_score(*sample, rewards=server.url + "/", columns=["second"])
        assert (found["score"], found["right"], found["also"]) == (1.0, 1.0, 0.0)
        with pytest.raises(ValueError, match=r"columns=\['second'\]"):
            compute_score(*sample, rewards=server.url)
        with pytest.raises(ValueError, match="no column 'second'"):
            compute_score(*sample[:3], rewards=server.url, columns=["second"])
        scorer = RemoteScorer(server.url)
        columns = {"answer": "4", "second": "4", "prompt": "?"}
        assert scorer.score_row("4", **columns) == Scorer(path).score_row("4", **columns)


def test_a_server_that_cannot_score_rows_is_refused(tmp_path, monkeypatch):
    grouped = tmp_path / "grouped.yaml"
    grouped.write_text(GROUPED)
    with (
        serving(grouped, groups=True) as server,
        pytest.raises(ValueError, match="without --groups"),
    ):
        RemoteScorer(server.url)
    with pytest.raises(ConnectionError, match=rf"{server.url}: no answer .* is the server up"):
        RemoteScorer(server.url)
    rows = write_rows(tmp_path)
    with serving(rows.yaml, token="secret") as server:  # noqa: S106 - of this test
        with pytest.raises(ValueError, match=r"status 401: .* set REWARDKIT_TOKEN"):
            RemoteScorer(server.url)
        monkeypatch.setenv("REWARDKIT_TOKEN", "secret")
        scorer = RemoteScorer(server.url)
        assert scorer.columns == ("answer",)
        with pytest.raises(ValueError, match="status 404: no path"):
            RemoteScorer(server.url + "/api")


def test_a_connection_that_was_closed_meanwhile_is_opened_again(tmp_path):
    rows = write_rows(tmp_path)
    with serving(rows.yaml) as server:
        scorer = RemoteScorer(server.url)
        first = scorer.score_row("<answer>42</answer>", answer="42")
        scorer.idle[0].sock.shutdown(2)
        assert scorer.score_row("<answer>42</answer>", answer="42") == first
