from __future__ import annotations

import copy
import pickle
from collections import defaultdict

import numpy as np
import pytest

import rewardkit as rk
from rewardkit.batch import ColumnError
from rewardkit.rewards import Correct, Where
from rewardkit.verify import Exact


@pytest.mark.parametrize(
    ("completion", "text"),
    [
        ("plain", "plain"),
        ("", ""),
        ([], ""),
        (None, ""),
        ([{"role": "assistant", "content": "chat"}], "chat"),
        ([{"content": "no role"}], "no role"),
        ({"role": "assistant", "content": "one message"}, "one message"),
        ([{"role": "assistant", "content": None}], ""),
        ([{"role": "assistant", "tool_calls": [{"id": "1"}]}], ""),
        (
            [
                {
                    "role": "assistant",
                    "content": [{"type": "text", "text": "a"}, {"type": "image"}, "b"],
                }
            ],
            "ab",
        ),
        (
            [
                {"role": "assistant", "content": "first"},
                {"role": "tool", "content": "result"},
                {"role": "assistant", "content": "last"},
            ],
            "last",
        ),
        ([{"role": "assistant", "content": "said"}, {"role": "tool", "content": "42"}], "said"),
        ([{"role": "user", "content": "asked"}], ""),
        (
            [{"role": "assistant", "content": "4", "reasoning_content": "2+2"}],
            "<think>2+2</think>4",
        ),
        (
            [{"role": "assistant", "content": None, "reasoning_content": "2+2"}],
            "<think>2+2",
        ),
        ([{"role": "assistant", "content": "4", "reasoning_content": None}], "4"),
        ([defaultdict(str, role="assistant", reasoning_content="2+2")], "<think>2+2"),
        ("a\ud800b", "a\ufffdb"),
        ("\ud83d\ude00", "\U0001f600"),
    ],
)
def test_texts(completion, text):
    assert rk.Batch.of(completion).texts == [text]
    plain = [{"role": "assistant", "content": "caf\u00e9"}]
    assert rk.Batch.of(plain, completion, plain).texts == ["caf\u00e9", text, "caf\u00e9"]


def test_texts_of_plain_messages_can_be_encoded_each():
    texts = ["a", "\u00e9", "a\ud800", "\ud83d\ude00", ""]
    batch = rk.Batch.of(*([{"role": "assistant", "content": text}] for text in texts))
    assert batch.texts == ["a", "\u00e9", "a\ufffd", "\U0001f600", ""]


def test_of_takes_a_value_for_one_completion_and_a_list_for_several():
    assert rk.Batch.of("a", answer=["1", "2"]).column("answer") == [["1", "2"]]
    assert rk.Batch.of("a", "b", answer=["1", "2"]).column("answer") == ["1", "2"]


def test_groups_are_runs_of_equal_prompts():
    batch = rk.Batch.of(*"abcdef", prompts=["p", "p", "q", "q", "q", "p"])
    assert batch.groups() == [range(2), range(2, 5), range(5, 6)]
    chat = [[{"role": "user", "content": "1"}], [{"role": "user", "content": "1"}]]
    assert rk.Batch.of("a", "b", prompts=chat).groups() == [range(2)]
    with pytest.raises(ValueError, match=r"no prompts.*pass prompts="):
        rk.Batch.of("a").groups()


def test_a_missing_column_names_what_is_there_and_the_near_one():
    with pytest.raises(ColumnError) as caught:
        rk.build("correct", verifier="exact", reference="answr")(
            completions=["a"], answer=["1"], id=[3]
        )
    message = str(caught.value)
    assert message == (
        "the dataset has no column 'answr' (columns: answer, id); did you mean 'answer'?"
        " Rename it, or set reference='<column>'"
    )
    assert caught.value.__notes__ == [
        "raised while correct.exact.reference:answr scored 1 completion"
    ]


def test_a_column_that_the_trainer_dropped_is_explained() -> None:
    reward = Correct(verifier=Exact())
    with pytest.raises(ColumnError) as caught:
        reward(completions=["a"])
    assert str(caught.value) == (
        "the dataset has no column 'answer' (columns: none). Rename it, or set"
        " reference='<column>'; if the dataset has it, the trainer dropped it: set"
        " remove_unused_columns=False in the"
        " trainer's arguments"
    )
    with pytest.raises(ColumnError, match="passes no dataset column 'completion', since it"):
        reward.replace(reference="completion")(completions=["a"], answer=["1"])
    with pytest.raises(ColumnError, match=r"\(columns: none\)\. Rename it, or set column="):
        Where(reward=reward, column="task", equals="math")(completions=["a"])
    with pytest.raises(ColumnError, match=r"\(columns: b\)\. Rename it$"):
        rk.Batch.of("a", b=1).column("answer")


def test_of_takes_one_list_of_completions() -> None:
    chat = [{"role": "assistant", "content": "4"}]
    for completions in (["4", "5"], ("4", "5"), [chat, "5"]):
        batch = rk.Batch.of(completions, answer=["4", "6"])
        assert batch.texts == ["4", "5"]
        assert batch.column("answer") == ["4", "6"]
    assert rk.Batch.of(["4"], answer=["4"]).column("answer") == ["4"]
    assert rk.Batch.of(chat, answer="4").texts == ["4"]
    with pytest.raises(TypeError, match="takes completions by position"):
        rk.Batch.of(completions=["4"], answer=["4"])


def test_a_column_of_another_length_is_refused_where_it_is_read():
    reward = rk.build("correct", verifier="exact")
    with pytest.raises(ColumnError, match=r"'answer' has 1 values, expected a list of 2"):
        reward(completions=["a", "b"], answer=["1"])
    with pytest.raises(ColumnError, match=r"'answer' has a str, expected a list of 1"):
        reward(completions=["a"], answer="1")
    assert rk.build("xml_count")(completions=["a", "b"], answer=["1"]) == [0.0, 0.0]


def test_a_value_of_another_type_is_refused():
    reward = rk.build("correct", verifier="exact")
    with pytest.raises(TypeError, match=r"'answer', row 1: got \{1\} \(set\), expected"):
        reward(completions=["a", "b"], answer=["1", {1}])


def test_prompts_of_another_length_are_refused():
    with pytest.raises(ValueError, match="got 1 prompts for 2 completions"):
        rk.build("xml_count")(completions=["a", "b"], prompts=["p"])


def test_select_keeps_rows_together():
    batch = rk.Batch.of(
        *"abc", prompts=["p", "q", "r"], completion_ids=[[1], [2], [3]], answer=[7, 8, 9], step=5
    )
    part = batch.select([2, 0])
    assert (part.texts, part.prompts, part.completion_ids) == (["c", "a"], ["r", "p"], [[3], [1]])
    assert (part.column("answer"), part.step) == ([9, 7], 5)


def test_log_leaves_out_none_and_overwrites_nothing():
    batch = rk.Batch.of("a")
    batch.log("x", [1.0, None, 2.0])
    batch.log("x", [5.0])
    batch.log("y", [None])
    assert batch.metrics == {"x": 1.5, "x-2": 5.0}


def test_columns_of_numpy_arrays():
    numpy = pytest.importorskip("numpy")
    reward = rk.build("correct", verifier="number", extractor="whole")
    assert reward(completions=["4", "5"], answer=numpy.array([4, 4])) == [1.0, 0.0]


def test_a_column_is_a_string_that_pickles_with_its_type():
    column = rk.build("correct", verifier="exact").reference
    again = pickle.loads(pickle.dumps(column))
    assert (column, again, again.value_type) == ("answer", "answer", column.value_type)
    assert again.field == "reference"
    assert isinstance("a reference", column.value_type)
    assert isinstance({}, column.value_type)
    assert not isinstance({1}, column.value_type)


@pytest.mark.parametrize(
    ("wanted", "good", "bad"),
    [
        (list[str], [["a"]], "a"),
        (list[str] | None, [None], "a"),
        (dict[str, int], [{"a": 1}], ["a"]),
    ],
)
def test_a_column_of_lists_or_mappings_is_checked_without_its_elements(wanted, good, bad):
    class Reads(rk.Reward):
        column: rk.Column[wanted] = "column"

        def score(self, batch):
            return [rk.Score(0.0) for _ in batch.column(self.column)]

    assert Reads()(completions=["x"], column=good) == [0.0]
    with pytest.raises(TypeError, match="column 'column', row 0: got "):
        Reads()(completions=["x"], column=[bad])


@pytest.mark.parametrize(
    "turns",
    [
        [np.array([1, 2]), np.array([3])],
        [[1, 2], np.array([3])],
        (np.array([1, 2, 3]), np.array([], dtype=int)),
    ],
)
def test_ids_by_turn_may_be_arrays(turns):
    assert [*rk.Batch.of(["a", "b"], completion_ids=[[], turns]).tokens()] == [[], [1, 2, 3]]


def test_a_column_written_as_an_attribute_is_explained():
    batch = rk.Batch.of("a", answer="4")
    with pytest.raises(
        AttributeError, match=r"'answer'; batch.column\('answer'\) reads that column"
    ):
        batch.answer  # noqa: B018 - what raises
    with pytest.raises(AttributeError, match=r"no attribute 'reference'$"):
        batch.reference  # noqa: B018 - what raises
    assert copy.deepcopy(batch).column("answer") == ["4"]


def test_a_value_of_another_type_names_the_type_as_it_is_written():
    class Budgeted(rk.Reward):
        budget: rk.Column[int] = "budget"

        def score(self, batch: rk.Batch) -> list[rk.Score]:
            return [rk.Score(float(limit)) for limit in batch.column(self.budget)]

    with pytest.raises(TypeError, match=r"got 'x' \(str\), expected int; convert the column"):
        Budgeted()(completions=["a"], budget=["x"])
