from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rewardkit as rk
from rewardkit.testing import check_snapshot, write_snapshot
from rewardkit.testing.snapshot import compare_snapshot

ROWS = [{"completion": "4"}, {"completion": [{"role": "assistant", "content": "four"}]}]


def test_a_changed_score_fails_with_its_row(tmp_path):
    path = tmp_path / "s.json"
    assert write_snapshot(rk.build("length", target=1, name="near"), path, ROWS) == 2
    check_snapshot(rk.build("length", target=1, name="near"), path)
    with pytest.raises(AssertionError, match=r"2 scores changed") as failed:
        check_snapshot(rk.build("length", target=2, name="near"), path)
    assert "row 0, near: 0 before, -1 now: '4'" in str(failed.value)
    assert "row 1, near: -3 before, -2 now" in str(failed.value)


def test_a_reward_that_is_new_or_gone_changes(tmp_path):
    path = tmp_path / "s.json"
    near, soft = rk.build("length", target=1, name="near"), rk.build("xml_soft")
    write_snapshot([near, soft], path, ROWS)
    assert [str(change)[:36] for change in compare_snapshot(near, path)] == [
        "row 0, xml_soft: 0 before, no score ",
        "row 1, xml_soft: 0 before, no score ",
    ]


def test_last_digits_may_differ(tmp_path):
    path = tmp_path / "s.json"
    write_snapshot(lambda completions, **_: [0.1 + 0.2 for _ in completions], path, ROWS)
    assert compare_snapshot(lambda completions, **_: [0.3 for _ in completions], path) == []
    assert compare_snapshot(lambda completions, **_: [0.3001 for _ in completions], path)


@given(texts=st.lists(st.text(st.characters(codec=None)), min_size=1, max_size=4))
def test_any_text_and_no_score_come_back(texts, tmp_path_factory):
    path = tmp_path_factory.mktemp("snapshot") / "s.json"

    def scores(completions, **_):
        return [len(text) if len(text) % 2 else None for text in completions]

    assert write_snapshot(scores, path, [{"completion": text} for text in texts]) == len(texts)
    assert compare_snapshot(scores, path) == []
    assert [row["completion"] for row in json.loads(path.read_text("utf-8"))] == texts


def test_a_missing_or_other_file_says_what_to_do(tmp_path):
    reward = rk.build("xml_soft")
    with pytest.raises(FileNotFoundError, match=r"rewardkit snapshot REWARD\.\.\. --out .*s.json"):
        check_snapshot(reward, tmp_path / "s.json")
    for text in ("[1]", "{}x", '[{"completion": "a"}]'):
        (tmp_path / "s.json").write_text(text, "utf-8")
        with pytest.raises(ValueError, match="not a snapshot of scores"):
            check_snapshot(reward, tmp_path / "s.json")
    with pytest.raises(ValueError, match="at least one row"):
        write_snapshot(reward, tmp_path / "s.json", [])
