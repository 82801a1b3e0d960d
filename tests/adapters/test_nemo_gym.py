"""The resource server of NeMo Gym, asked over HTTP as its agents do."""

from __future__ import annotations

from unittest.mock import MagicMock

import pytest

from rewardkit.adapters.nemo_gym import make_server
from system_rows import GROUPED, YAML, import_snippet, write_rows

pytestmark = pytest.mark.adapter
base = pytest.importorskip("nemo_gym.base_resources_server")
server_utils = pytest.importorskip("nemo_gym.server_utils")
testclient = pytest.importorskip("fastapi.testclient")


def make_client(rewards, **options):
    server = make_server(rewards, columns=["answer"], **options)
    config = base.BaseResourcesServerConfig(host="", port=0, entrypoint="", name="rewards")
    made = server(config=config, server_client=MagicMock(spec=server_utils.ServerClient))
    return testclient.TestClient(made.setup_webserver())


def make_body(prompt, text, **fields):
    content = [{"type": "output_text", "text": text, "annotations": []}]
    message = {"id": "m", "type": "message", "role": "assistant", "status": "completed"}
    response = {"id": "r", "object": "response", "created_at": 0, "model": "m", "tools": []}
    response |= {"tool_choice": "auto", "parallel_tool_calls": False}
    return {
        "responses_create_params": {"input": prompt},
        "response": {**response, "output": [{**message, "content": content}]},
        **fields,
    }


def test_the_server_answers_the_totals_of_training(tmp_path):
    rows = write_rows(tmp_path)
    client = make_client(rows.yaml)
    found = []
    for prompt, text, answer in zip(rows.prompts, rows.texts, rows.answers, strict=True):
        reply = client.post("/verify", json=make_body(prompt, text, answer=answer))
        assert reply.status_code == 200, reply.text
        found.append(reply.json())
    assert [each["reward"] for each in found] == pytest.approx(rows.totals, abs=1e-9)
    for name, values in rows.values.items():
        assert [each["reward_components"].get(name) for each in found] == values
    for each, answer in zip(found, rows.answers, strict=True):
        assert each["answer"] == answer
        assert (each["failure_kind"] == "verifier_error") is (answer == "n/a")
        assert not each["mask_sample"]


def test_a_row_that_cannot_be_scored_is_masked_and_says_why(tmp_path):
    path = tmp_path / "rewards.yaml"
    path.write_text("{type: correct, verifier: {type: number}, name: right}")
    client = make_client(path, abstained=-1.0)
    unread = client.post("/verify", json=make_body("?", "<answer>4</answer>", answer="n/a")).json()
    assert (unread["reward"], unread["mask_sample"]) == (-1.0, True)
    assert "right: bad_reference" in unread["failure_reason"]
    missing = client.post("/verify", json=make_body("?", "<answer>4</answer>")).json()
    assert (missing["reward"], missing["mask_sample"]) == (-1.0, True)
    assert "no column 'answer'" in missing["failure_reason"]


def test_rewards_that_cannot_score_a_row_are_refused_when_the_server_is_made(tmp_path):
    path = tmp_path / "rewards.yaml"
    path.write_text(GROUPED)
    with pytest.raises(ValueError, match="varied: compares the completions of a group"):
        make_server(path, columns=[])
    path.write_text(YAML)
    with pytest.raises(ValueError, match=r"no column 'answer' .*did you mean 'answers'"):
        make_server(path, columns=["answers"])


def test_the_page_s_server_answers(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page = import_snippet("NeMo Gym", tmp_path)
    config = base.BaseResourcesServerConfig(host="", port=0, entrypoint="", name="rewards")
    made = page.RewardServer(config=config, server_client=MagicMock(spec=server_utils.ServerClient))
    body = make_body("6 * 7?", "<answer>42</answer>", answer="42")
    reply = testclient.TestClient(made.setup_webserver()).post("/verify", json=body)
    assert reply.json()["reward_components"] == {"right": 1.0, "layout": 0.0}
