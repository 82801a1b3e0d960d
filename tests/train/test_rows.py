"""Loading, generating, preparing and holding out rows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rewardkit.train import Recipe, RecipeError
from rewardkit.train.recipe_sections import Data
from rewardkit.train.rows import hold_out, load_rows, load_test_rows, make_sums, prepare_rows
from tiny_run import write_recipe


def test_sums_are_correct_and_complete() -> None:
    rows = make_sums(12)
    assert len({row["question"] for row in rows}) == 144
    assert {"question": "What is 12 + 7?", "answer": "19"} in rows


def test_rows_come_from_a_local_file(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    rows = [{"question": f"{n}?", "answer": str(n)} for n in range(5)]
    lines = tmp_path / "rows.jsonl"
    lines.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    table = tmp_path / "rows.parquet"
    datasets.Dataset.from_list(rows).to_parquet(table)
    for path in (lines, table):
        found = load_rows(Data(file=path))
        assert sorted(found, key=lambda row: row["answer"]) == rows
        assert len(load_rows(Data(file=path, rows=2))) == 2


def test_test_rows_come_from_their_own_file_in_its_order(tmp_path: Path) -> None:
    pytest.importorskip("datasets")
    rows = [{"question": f"{n}?", "answer": str(n)} for n in range(5)]
    path = tmp_path / "test.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    assert load_test_rows(Data(made="arithmetic", test_file=path)) == rows
    assert load_test_rows(Data(made="arithmetic")) == []


def test_test_rows_come_from_a_split_of_the_hubs_dataset(monkeypatch: pytest.MonkeyPatch) -> None:
    datasets = pytest.importorskip("datasets")
    asked = []

    def load_dataset(**source: object) -> object:
        asked.append(source)
        return datasets.Dataset.from_list([{"question": "1?", "answer": "1"}])

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    data = Data(hub="openai/gsm8k", config="main", test_split="test")
    assert load_test_rows(data) == [{"question": "1?", "answer": "1"}]
    assert asked == [{"path": "openai/gsm8k", "name": "main", "split": "test"}]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"made": "arithmetic", "test_split": "test"}, "only a dataset on the hub has splits"),
        ({"hub": "a/b", "test_split": "test", "held_out": 5}, "give only one of held_out"),
        ({"made": "arithmetic", "test_file": "rows.txt"}, r"test_file: got rows.txt, expected"),
    ],
)
def test_test_rows_that_cannot_be_had_are_refused(
    given: dict[str, object], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("rows.txt").touch()
    with pytest.raises(ValueError, match=message):
        Data.model_validate(given)


@pytest.mark.parametrize(
    ("text", "reason"), [("", "there are no rows$"), ("{not JSON\n", "JSON parse error")]
)
def test_an_unreadable_file_is_named(tmp_path: Path, text: str, reason: str) -> None:
    pytest.importorskip("datasets")
    path = tmp_path / "rows.jsonl"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RecipeError, match=rf"^data: .*rows.jsonl: .*{reason}"):
        load_rows(Data(file=path))


def test_a_dataset_that_cannot_be_loaded_names_a_local_alternative(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    datasets = pytest.importorskip("datasets")

    def load_dataset(**_: object) -> None:
        raise ConnectionError("no hub")

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    message = r"^data: openai/gsm8k: ConnectionError: no hub; a local .*: --data FILE$"
    with pytest.raises(RecipeError, match=message):
        load_rows(Data(hub="openai/gsm8k"))


def test_rows_come_from_reasoning_gym() -> None:
    pytest.importorskip("reasoning_gym")
    rows = load_rows(Data(made="gsm_symbolic", rows=3))
    assert len(rows) == 3
    assert all(set(row) == {"question", "answer"} for row in rows)


def test_a_missing_answer_column_is_named(tmp_path: Path) -> None:
    recipe = Recipe.load(write_recipe(tmp_path))
    message = "no column 'answer' in the dataset; its columns: question, solution"
    with pytest.raises(RecipeError, match=message):
        prepare_rows(recipe, [{"question": "?", "solution": "1"}])


def test_a_row_without_a_reference_is_no_reference(tmp_path: Path) -> None:
    recipe = Recipe.load(write_recipe(tmp_path))
    rows = prepare_rows(recipe, [{"question": "?", "answer": given} for given in (None, 1)])
    assert [row["answer"] for row in rows] == [None, "1"]


def test_a_prompt_without_a_column_is_refused(tmp_path: Path) -> None:
    recipe = Recipe.load(write_recipe(tmp_path))
    message = r"prompt.user: '\{question\}' contains no column of the dataset; its columns: text, a"
    with pytest.raises(RecipeError, match=message):
        prepare_rows(recipe, [{"text": "?", "answer": "1"}])


def test_some_rows_are_held_out() -> None:
    rows = [{"n": n} for n in range(200)]
    kept, held_out = hold_out(rows, 0.01)
    assert (len(kept), len(held_out)) == (198, 2)
    assert [len(part) for part in hold_out(rows, 50)] == [150, 50]
    assert hold_out(rows, 0) == (rows, [])
