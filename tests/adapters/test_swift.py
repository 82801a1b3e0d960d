"""Registered rewards in ms-swift's own lookup and computation of rewards."""

from __future__ import annotations

import math

import pytest

from rewardkit.adapters.swift import register
from system_rows import import_snippet, write_rows

pytestmark = pytest.mark.adapter
pytest.importorskip("swift")
torch = pytest.importorskip("torch")
algorithm = pytest.importorskip("swift.rl_core.grpo_algorithm")
data = pytest.importorskip("swift.rl_core.data")
rewards = pytest.importorskip("swift.rewards")
utils = pytest.importorskip("swift.rlhf_trainers.utils")


def make_sample(prompt, text, answer):
    messages = [{"role": "user", "content": prompt}, {"role": "assistant", "content": text}]
    return data.GRPOSample.from_row({"messages": messages, "answer": answer})


def test_ms_swift_finds_the_rewards_by_name_and_computes_the_totals_of_training(tmp_path):
    rows = write_rows(tmp_path)
    weights = register(rows.yaml, columns=["answer"])
    functions, names = utils.resolve_reward_funcs([*weights])
    assert names == [*weights]
    samples = [*map(make_sample, rows.prompts, rows.texts, rows.answers)]
    found = algorithm.compute_rewards_per_func(samples, functions, None, device=torch.device("cpu"))
    for column, values in zip(found.T.tolist(), rows.values.values(), strict=True):
        assert [None if math.isnan(value) else value for value in column] == values
    totals = (found * torch.tensor([*weights.values()])).nansum(dim=1)
    assert totals.tolist() == pytest.approx(rows.totals, abs=1e-9)


def test_the_page_s_plugin_registers_the_names_of_its_command(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    # another test of this process may have registered these names
    others = {key: value for key, value in rewards.orms.items() if key not in ("right", "layout")}
    monkeypatch.setattr(rewards, "orms", others)
    page = import_snippet("ms-swift", tmp_path)
    assert page.weights == {"right": 1.0, "layout": 1.0}
