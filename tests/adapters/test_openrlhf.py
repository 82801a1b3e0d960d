"""The reward file in OpenRLHF's real executor, with an engine that replies as it is given."""

from __future__ import annotations

import asyncio
import logging
from types import SimpleNamespace

import pytest

from rewardkit.adapters.openrlhf import make_reward_func
from server import serving
from system_rows import GROUPED, TWO_COLUMNS, import_snippet, write_rows

pytestmark = pytest.mark.adapter
agent = pytest.importorskip("openrlhf.utils.agent")
torch = pytest.importorskip("torch")

PLUGIN = """\
from rewardkit.adapters.openrlhf import make_reward_func

reward_func = make_reward_func({path!r})
"""


class CharacterTokenizer:
    """One token per character."""

    def __call__(self, text, **_):
        return {"input_ids": torch.tensor([[ord(each) for each in text]])}

    def decode(self, tokens, *, skip_special_tokens):
        assert not skip_special_tokens
        return "".join(map(chr, tokens))


class Engine:
    def __init__(self, text):
        self.text = text

    async def generate(self, _prompt, _params, **_):
        output = SimpleNamespace(
            token_ids=[ord(each) for each in self.text + "<|im_end|>"],
            finish_reason="stop",
            logprobs=None,
        )
        return SimpleNamespace(outputs=[output])


def execute(executor, prompt, text, label, max_length=100_000):
    sampling = SimpleNamespace(max_tokens=1000, logprobs=None)
    return asyncio.run(
        executor.execute(prompt, label, sampling, max_length, CharacterTokenizer(), Engine(text))
    )


def make_executor(tmp_path, rewards):
    path = tmp_path / "reward.py"
    path.write_text(PLUGIN.format(path=str(rewards)))
    return agent.SingleTurnAgentExecutor(str(path))


def test_the_executor_gets_the_totals_of_training(tmp_path):
    rows = write_rows(tmp_path)
    executor = make_executor(tmp_path, rows.yaml)
    outputs = [
        execute(executor, f"<|im_start|>user\n{prompt}<|im_end|>\n<|im_start|>assistant\n", *rest)
        for prompt, *rest in zip(rows.prompts, rows.texts, rows.answers, strict=True)
    ]
    totals = [output["reward"].item() for output in outputs]
    assert totals == pytest.approx(rows.totals, abs=1e-9)
    for name, values in rows.values.items():
        logs = [output["extra_logs"] for output in outputs]
        assert [log[name].item() for log in logs] == [value or 0.0 for value in values]
        abstained = [log[f"{name}/abstained"].item() for log in logs]
        assert abstained == [float(value is None) for value in values]
    unread = [output["extra_logs"]["bad_reference"].item() for output in outputs]
    assert unread == [float(answer == "n/a") for answer in rows.answers]


def test_the_executor_gets_the_totals_of_training_from_a_server(tmp_path):
    rows = write_rows(tmp_path)
    with serving(rows.yaml, openrlhf=True, token="secret") as server:  # noqa: S106 - of this test
        # the password of the address is all that OpenRLHF can send
        url = f"http://openrlhf:secret@127.0.0.1:{server.port}/get_reward"
        executor = agent.SingleTurnAgentExecutor([url])
        outputs = [
            execute(executor, prompt, *rest)
            for prompt, *rest in zip(rows.prompts, rows.texts, rows.answers, strict=True)
        ]
    totals = [output["reward"][0] for output in outputs]
    assert totals == pytest.approx(rows.totals, abs=1e-9)
    assert [output["scores"][0] for output in outputs] == totals
    for name, values in rows.values.items():
        found = [torch.tensor(output["extra_logs"][name]).item() for output in outputs]
        assert found == [value or 0.0 for value in values]


def test_a_prompt_that_was_cut_is_not_scored(tmp_path):
    rows = write_rows(tmp_path)
    executor = make_executor(tmp_path, rows.yaml)
    prompt = "<answer>41</answer> is what one says. " * 40 + "And what is six times seven? "
    output = execute(executor, prompt, rows.texts[0], "42", max_length=1500)
    assert len(output["observation_tokens"]) < len(prompt)
    assert output["reward"].item() == pytest.approx(rows.totals[0], abs=1e-9)


def test_what_openrlhf_would_swallow_is_an_error_when_the_file_is_loaded(tmp_path):
    path = tmp_path / "bad.yaml"
    for text, problem in ((GROUPED, "varied: compares the completions"), (TWO_COLUMNS, "second")):
        path.write_text(text)
        with pytest.raises(ValueError, match=problem):
            make_executor(tmp_path, path)


def test_a_row_that_raises_is_reported_and_the_others_are_scored(tmp_path, caplog):
    rows = write_rows(tmp_path)
    reward_func = make_reward_func(rows.yaml, abstained=-1.0)
    with caplog.at_level(logging.ERROR):
        found = reward_func(["another text", "p" + rows.texts[0]], ["prompt", "p"], ["42", "42"])
    assert found["rewards"].tolist() == [-1.0, rows.totals[0]]
    assert found["extra_logs"]["failed"].tolist() == [1.0, 0.0]
    assert "a row is not scored: ValueError: the prompt" in caplog.text


def test_the_page_s_file_is_loaded(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    import_snippet("OpenRLHF", tmp_path)
    executor = agent.SingleTurnAgentExecutor("snippet.py")
    output = execute(executor, "6 * 7?", "<answer>42</answer>", "42")
    assert output["reward"].item() == 1.0
    assert output["extra_logs"]["right"].item() == 1.0
