from __future__ import annotations

import inspect
import math
import pickle
import re
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rewardkit as rk
from rewardkit.adapters.trl import split
from rewardkit.batch import ColumnError
from rewardkit.extract import Tag
from rewardkit.registry import lookup
from rewardkit.result import TermScore
from rewardkit.rewards import Length, PromptOverlap
from rewardkit.scorer import Scorer, Term, choose_form, explain_missing, margin_over
from rewardkit.scoring import score
from rewardkit.verify import Number

RIGHT = rk.build("correct", verifier="number", extractor="whole", name="right")
NEAR = rk.build("length", target=2, name="near")
ROWS = [{"prompt": "1 + 1?", "answer": "2"}, {"prompt": "9 + 1?", "answer": "10"}]


def ends_well(completions: list[str], suffix: list[str], **_: Any) -> list[float]:
    return [float(text.endswith(end)) for text, end in zip(completions, suffix, strict=True)]


def test_names_of_functions_are_those_that_loggers_take() -> None:
    scorer = Scorer([lambda completions, **_: [1.0] * len(completions)] * 2)
    assert [*scorer.score_row("2").values] == ["_lambda_", "_lambda_-2"]


def test_sums_are_split_into_terms_with_unique_names() -> None:
    scorer = Scorer([2.0 * RIGHT + NEAR + 1.0, RIGHT, ends_well], weights=[0.5, 3.0, 1.0])
    named = [(term.name, term.weight) for term in scorer.terms]
    assert named == [("right", 1.0), ("near", 0.5), ("right-2", 3.0), ("ends_well", 1.0)]
    assert scorer.bias == 0.5
    assert scorer.columns == ("answer", "suffix")
    assert repr(scorer) == "Scorer(1 * right, 0.5 * near, 3 * right-2, 1 * ends_well)"


def test_a_row_gives_values_whys_and_the_total_by_name() -> None:
    scored = Scorer(2.0 * RIGHT + NEAR + 1.0).score_row("2", answer="2")
    assert scored.values == {"right": 1.0, "near": -1.0}
    assert scored.whys["right"] == "correct"
    assert scored.total == 2.0


def test_a_row_given_as_the_completion_has_no_value() -> None:
    scorer = Scorer(RIGHT)
    for given_row in ({"text": "2"}, {"completion": "2", "answer": "2"}, [{"text": "2"}]):
        scored = scorer.score_row(given_row, answer="2")
        assert (scored.values, scored.total) == ({"right": None}, None)
        assert re.match("completion: got .*, expected a text or messages$", scored.whys["right"])
    for message in ({"role": "assistant", "content": "2"}, {"content": "2"}):
        assert scorer.score_row(message, answer="2").total == 1.0
        assert scorer.score_row([{"type": "call"}, message], answer="2").total == 1.0
    assert scorer.score_row({"role": "assistant"}, answer="2").total == 0.0


@given(st.lists(st.sampled_from(["2", "10", "x", ""]), min_size=1, max_size=5))
def test_columns_give_what_the_sum_gives(texts: list[str]) -> None:
    total = 2.0 * RIGHT + NEAR - 0.25
    answers = ["2"] * len(texts)
    scored = Scorer(total).score_columns({"completion": texts, "answer": answers})
    assert scored.totals == pytest.approx(total(completions=texts, answer=answers))
    assert scored.values["right"] == RIGHT(completions=texts, answer=answers)
    rows = [Scorer(total).score_row(text, answer="2").total for text in texts]
    assert rows == scored.totals


def test_a_reference_fills_every_column_that_is_not_given() -> None:
    other = rk.build("correct", verifier="exact", extractor="whole", reference="b", name="other")
    scorer = Scorer([RIGHT, other])
    assert scorer.score_row("2", reference="2").total == 2.0
    assert scorer.score_row("2", reference="2", b="3").values == {"right": 1.0, "other": 0.0}
    both = scorer.score_columns({"completion": ["2", "3"]}, reference=["2", "2"])
    assert both.totals == [2.0, 0.0]
    assert scorer.score_row("2", reference=None).values == {"right": None, "other": None}


def test_a_reference_fills_no_column_of_numbers() -> None:
    counted = rk.build("overlong", max_tokens=4, cache_tokens=2, tokens="n", name="short")
    scorer = Scorer([RIGHT, counted, ends_well])
    assert scorer.columns == ("answer", "n", "suffix")
    assert scorer.reference_columns == ("answer", "suffix")
    again = pickle.loads(pickle.dumps(scorer))
    assert again.score_row("2", reference="2", n=5).values == {
        "right": 1.0,
        "short": -1.0,
        "ends_well": 1.0,
    }
    with pytest.raises(
        ColumnError, match=r"no column 'n' \(columns: completion\); it holds a count"
    ):
        scorer.score_row("2", reference="2")


def test_the_columns_of_the_trainer_are_named_too() -> None:
    def judged(completions: Any, prompts: Any, **_: Any) -> list[float]:
        return [1.0] * len(completions)

    def optional(completions: Any, prompts: Any = None, **_: Any) -> list[float]:
        return [1.0] * len(completions)

    varied = rk.build("diversity")
    assert Scorer([RIGHT, varied]).columns == ("answer", "prompt")
    assert Scorer(rk.build("clip", reward=varied, low=0.0)).columns == ("prompt",)
    assert Scorer(judged).columns == ("prompt",)
    assert Scorer(optional).columns == ()
    assert Scorer(rk.build("length", target=2, unit="tokens")).columns == ("completion_ids",)
    criteria = {"good": {"ask": "Is it good?", "choices": {"no": 0.0, "yes": 1.0}}}
    unseen = rk.build("judge", criteria=criteria, model="m", show_prompt=False)
    assert "prompt" not in Scorer(unseen).columns


@pytest.mark.parametrize("name", sorted({*rk.names("reward")} - {"standardize"}))
def test_every_reward_that_reads_the_prompt_declares_it(name: str) -> None:
    source = inspect.getsource(lookup(name))
    reads = re.search(r"batch\.(groups|prompts|prompt_text)\b|_groups\(|\bread_messages\(", source)
    bases = [base for base in lookup(name).__mro__ if base.__module__ != "rewardkit.reward"]
    # one that is not pointwise has groups, which the prompts make
    declared = {"reads_prompt", "pointwise"} & {key for base in bases for key in vars(base)}
    assert bool(declared) == (reads is not None)


@pytest.mark.parametrize("weight", [math.nan, math.inf, -math.inf])
def test_weights_are_finite(weight: float) -> None:
    with pytest.raises(ValueError, match=r"as a weight, expected a finite number"):
        Scorer([RIGHT, NEAR], weights=[1.0, weight])


def test_a_completion_that_is_no_text_has_no_value_and_the_others_are_scored() -> None:
    reply = [{"role": "assistant", "content": "2"}]
    given = ["2", [5], None, reply, 2, b"2", reply[0], ["2"]]
    scored = Scorer([RIGHT, NEAR]).score_columns({"completion": given, "answer": ["2"] * 8})
    readable = [True, False, False, True, False, False, True, False]
    assert [total is not None for total in scored.totals] == readable
    assert [value is not None for value in scored.values["right"]] == readable
    assert scored.whys["right"][1] == "completion: got [5] (list), expected a text or messages"
    alone = Scorer(RIGHT).score_row(5, answer="5")
    assert (alone.total, alone.whys["right"][:17]) == (None, "completion: got 5")


def test_messages_about_rows_name_no_trainer() -> None:
    for reward, problem in (
        (RIGHT, "no column 'answer' .* give each row a value for it, or set reference to a column"),
        (rk.build("diversity"), "no column 'prompt', which this reward needs; give each row a"),
        (rk.build("length", target=1, unit="tokens"), "counting tokens needs the column 'compl"),
    ):
        with pytest.raises((LookupError, ValueError), match=problem):
            Scorer(reward).score_row("2")


def test_a_column_of_steps_reaches_the_rewards_as_in_a_file() -> None:
    ramp = rk.build("schedule", reward=NEAR, points=[(0, 0.0), (10, 1.0)], name="ramp")
    steps = [0, 5, 5, "10", None, "the first"]  # the last is a dataset's own column
    texts, expected = ["1234"] * 6, [0.0, -1.0, -1.0, -2.0, -2.0, -2.0]
    columns: dict[str, Any] = {"completion": texts, "step": steps}
    assert Scorer([ramp, NEAR]).score_columns(columns).values["ramp"] == expected
    assert Scorer(ramp).score_row("1234", step=5).total == -1.0
    rows = [{"completion": "1234", "step": step} for step in steps]
    scored = score(rows, ramp).scored
    assert [row["reward"] for row in scored or ()] == expected


def test_a_column_that_a_function_needs_is_named_with_the_fix() -> None:
    def asks(completions: Any, prompts: Any, **_: Any) -> list[float]:
        return [1.0] * len(completions)

    def counts(completions: Any, completion_ids: Any, **_: Any) -> list[float]:
        return [1.0] * len(completions)

    def fails(completions: Any, **_: Any) -> list[float]:
        return [1.0 + "1" for _ in completions]  # type: ignore[operator]

    for function, error, problem in (
        (ends_well, ColumnError, "no column 'suffix' .*; did you mean 'sufix'.; give each row a"),
        (asks, ValueError, "no column 'prompt', which this reward needs; give each row a prompt"),
        (counts, ValueError, "needs the column 'completion_ids', a list of ids in each row"),
        (fails, TypeError, "unsupported operand"),
    ):
        with pytest.raises(error, match=problem):
            Scorer(function).score_row("2", sufix="2")


def test_the_completion_may_be_among_the_values() -> None:
    row = {"completion": "2", "answer": "2"}
    assert Scorer(RIGHT).score_row(**row) == Scorer(RIGHT).score_row("2", answer="2")
    assert Scorer(RIGHT).score_row("3", **row).total == 0.0
    with pytest.raises(ValueError, match="no column 'completion'"):
        Scorer(RIGHT).score_row(answer="2")


def test_abstentions_are_left_out_of_the_total() -> None:
    scorer = Scorer(RIGHT + NEAR + 5.0)
    assert scorer.score_row("22", answer=None).values == {"right": None, "near": 0.0}
    assert scorer.score_row("22", answer=None).total == 5.0
    assert Scorer(RIGHT).score_row("22", answer=None).total is None


def test_messages_and_prompts_reach_the_rewards() -> None:
    def shapes(completions: Any, prompts: Any, **_: Any) -> list[float]:
        return [float(isinstance(completions[0], list)) + 2 * float(prompts[0] == "1 + 1?")]

    reply = [{"role": "assistant", "content": "2"}]
    scored = Scorer([RIGHT, shapes]).score_row(reply, prompt="1 + 1?", answer="2")
    assert scored.values == {"right": 1.0, "shapes": 3.0}


def test_yaml_files_functions_and_rewards_are_taken(tmp_path: Path) -> None:
    file = tmp_path / "rewards.yaml"
    file.write_text(rk.dump(2.0 * RIGHT + NEAR), encoding="utf-8")
    assert Scorer(str(file)).score_row("2", answer="2").total == 1.0
    assert [term.name for term in Scorer(file).terms] == ["right", "near"]
    assert Scorer(ends_well).score_row("so", suffix="o").values == {"ends_well": 1.0}


def test_a_functions_whys_are_those_that_it_logs() -> None:
    def logs(completions: list[str], log_extra: Any, trainer_state: Any, **_: Any) -> list[float]:
        log_extra(
            "logs/why", [f"{len(text)} at {trainer_state.global_step}" for text in completions]
        )
        return [1.0] * len(completions)

    assert Scorer(logs).score_row("abc").whys == {"logs": "3 at None"}


def test_async_functions_and_arrays_are_taken() -> None:
    class Array:
        def tolist(self) -> list[float]:
            return [1.0, math.nan]

    async def slow(completions: list[str], **_: Any) -> Any:
        return Array()

    assert Scorer(slow).score_columns({"completion": ["a", "b"]}).totals == [1.0, None]


def test_a_scorer_pickles_and_threads_share_it() -> None:
    scorer = pickle.loads(pickle.dumps(Scorer([RIGHT, ends_well])))
    found: list[Any] = []

    def score() -> None:
        found.append(scorer.score_row("2", answer="2", suffix="2").total)

    threads = [threading.Thread(target=score) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [2.0] * 4


# Rows and texts ---------------------------------------------------------------------------------


def test_rows_are_scored_by_name_without_their_own_completions() -> None:
    rows = [{**row, "completion": "x", "completions": ["x"]} for row in ROWS]
    scores = Scorer(RIGHT + NEAR).score(rows, ["2", "11"])
    assert [score.value for score in scores["right"]] == [1.0, 0.0]
    assert [score.value for score in scores["near"]] == [-1.0, 0.0]
    totals = Scorer(RIGHT + NEAR + 0.5).total(scores)
    assert [score.value for score in totals] == [0.5, 0.5]


def test_words_count_as_tokens() -> None:
    overlong = rk.build("overlong", max_tokens=4, cache_tokens=2, name="overlong")
    scores = Scorer(overlong).score([{}, {}], ["a b", "a b c d e"])["overlong"]
    assert [score.value for score in scores] == [0.0, -1.0]


def test_words_get_ids_only_for_a_reward_that_reads_them(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["a b", "a b c d e"]
    overlong = rk.build("overlong", max_tokens=4, cache_tokens=2, name="overlong")
    pickled: list[rk.Batch] = []

    class Copies(rk.Reward):
        def score(self, batch: rk.Batch) -> list[rk.Score]:
            pickled.append(pickle.loads(pickle.dumps(batch)))
            with pytest.raises(AttributeError, match="'Batch' object has no attribute 'answer'"):
                batch.answer  # type: ignore[attr-defined]  # noqa: B018 - it raises
            return overlong.score(batch)

    scores = Scorer(Copies(name="copies")).score([{}, {}], texts)["copies"]
    assert [score.value for score in scores] == [0.0, -1.0]
    assert pickled[0].completion_ids == [[0, 1], [0, 1, 4, 5, 6]]
    monkeypatch.setattr("rewardkit.scorer._make_word_ids", None)
    scores = Scorer(rk.build("length", target=3, name="length")).score([{}, {}], texts)["length"]
    assert [score.value for score in scores] == [0.0, -6.0]
    with pytest.raises(TypeError):
        Scorer(overlong).score([{}, {}], texts)


def test_a_term_that_raises_is_reported_and_the_others_are_scored() -> None:
    def brittle(completions: list[str], **_: Any) -> list[float]:
        if "exit" in completions:
            raise SystemExit(0)
        return [1 / len(text) for text in completions]

    scorer = Scorer([brittle])
    with pytest.raises(ZeroDivisionError):
        scorer.score([{}, {}], ["ab", ""])
    tried = scorer.try_score([{}] * 3, ["ab", "", "exit"])["brittle"]
    assert [score.value for score in tried] == [0.5, None, None]
    assert [score.raised for score in tried] == [False, True, True]
    assert [score.why for score in tried[1:]] == [
        "ZeroDivisionError: division by zero",
        "SystemExit: 0",
    ]


def test_slow_completions_are_timed_one_by_one() -> None:
    sizes: list[int] = []

    def counts(completions: list[str], **_: Any) -> list[float]:
        sizes.append(len(completions))
        return [float(len(completions))] * len(completions)

    quick = Term("counts", counts).try_score([{}] * 2, ["a", "b"])
    assert [score.seconds for score in quick] == [0.0, 0.0]
    timed = Term("counts", counts).try_score([{}] * 2, ["a", "b"], slow=-1.0)
    assert sizes == [2, 2, 1, 1]
    assert [score.value for score in timed] == [2.0, 2.0]
    assert all(score.seconds > 0 for score in timed)


def test_missing_columns_are_named() -> None:
    row = {"answers": "2", "completion": "x"}
    rows = [row, {"answer": "2"}, {}]
    assert Scorer(RIGHT).terms[0].missing_columns(rows) == {"answer": [0, 2]}
    line = explain_missing("answer", row)
    assert line == "no column 'answer' (columns: answers); did you mean 'answers'?"
    assert Term("ends_well", ends_well).missing_columns([{"suffix": "x"}]) == {}
    assert Term("len", max).columns == []  # no signature


def test_rows_of_a_mixture_may_have_no_prompt() -> None:
    copied = Scorer(PromptOverlap(ngram=1))
    rows = [{"prompt": "one two"}, {"task": "free"}]
    for mixed, expected in ((rows, [-1.0, 0.0]), (rows[::-1], [0.0, -1.0])):
        (scores,) = copied.score(mixed, ["one two", "one two"]).values()
        assert [score.value for score in scores] == expected


def test_the_form_of_completions_fits_the_function() -> None:
    def chat(completions: list[Any], **_: Any) -> list[float]:
        return [float(len(completion[0]["content"])) for completion in completions]

    row, text, baseline = {"prompt": "?"}, "three", "x"
    chosen = choose_form(Term("chat", chat), row, text, baseline)
    assert chosen.chat
    assert margin_over(chosen, row, text, baseline) == 4.0
    assert margin_over(Term("chat", chat), row, text, baseline) is None
    assert not choose_form(Term("right", RIGHT), row, text, baseline).chat
    assert Scorer([chat]).with_forms(row, text, baseline).terms[0].chat


def test_mistakes_are_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no rewards; give one"):
        Scorer([])
    with pytest.raises(TypeError, match=r"got 3 \(int\), expected a reward, a function"):
        Scorer([RIGHT, 3])  # type: ignore[list-item]
    for other, kind in ((Number(), "verifier 'number'"), (Tag(), "extractor 'tag'")):
        with pytest.raises(TypeError, match=rf"the {kind}, expected .*; Correct\(verifier=\.\.\."):
            Scorer([RIGHT, other])  # type: ignore[list-item]
    with pytest.raises(TypeError, match=r"got the class Length, expected an instance: Length"):
        Scorer([RIGHT, Length])  # type: ignore[list-item]
    with pytest.raises(
        TypeError, match=r"got split\(...\), which is for trainers; give the rewards"
    ):
        Scorer(split(RIGHT + NEAR))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="got 1 weights for 2 rewards"):
        Scorer([RIGHT, NEAR], weights=[1.0])
    with pytest.raises(FileNotFoundError):
        Scorer(tmp_path / "none.yaml")
    with pytest.raises(ValueError, match=r"no column 'completion' \(columns: completions\); did"):
        Scorer(NEAR).score_columns({"completions": ["x"]})
    with pytest.raises(LookupError, match="answer"):
        Scorer(RIGHT).score_row("2")
    with pytest.raises(ValueError, match="got 1 values for 2 completions"):
        Scorer([lambda completions, **_: [1.0]]).score_columns({"completion": ["a", "b"]})
    with pytest.raises(ValueError, match="got int for 1 completions, expected a list"):
        Scorer([lambda completions, **_: 3]).score_row("a")
    with pytest.raises(ValueError, match="inf"):
        Scorer([lambda completions, **_: [math.inf]]).score_row("a")


def test_a_score_is_a_tuple() -> None:
    assert TermScore(1.0) == (1.0, "", False, 0.0)


def test_a_batch_of_columns_gets_the_columns_of_the_scores() -> None:
    scorer = Scorer(2.0 * RIGHT + NEAR)
    batch = {"completion": ["2", "10", "x"], "answer": ["2", "2", None], "reward": ["old"] * 3}
    found = scorer(batch)
    assert [*found] == [
        *batch,
        *("rewards/right", "rewards/right/why", "rewards/near", "rewards/near/why"),
    ]
    assert found["rewards/right"] == [1.0, 0.0, None]
    assert found["reward"] == [1.0, 0.0, -1.0]
    assert batch["reward"] == ["old"] * 3
    assert pickle.loads(pickle.dumps(scorer))(batch) == found


def test_arrays_and_messages_of_arrays_are_read_as_lists() -> None:
    np = pytest.importorskip("numpy")
    texts = ["2", "10"]
    chats = np.empty(2, dtype=object)
    for row, text in enumerate(texts):
        chats[row] = np.array([{"role": "assistant", "content": text}], dtype=object)
    floats = np.array([2.0, math.nan])
    found = Scorer(RIGHT)({"completion": chats, "answer": floats})
    assert found["rewards/right"] == [1.0, None]
    assert found["completion"] is chats
    ints = Scorer(RIGHT)({"completion": np.array(texts), "answer": np.array([2, 2])})
    assert ints["rewards/right"] == [1.0, 0.0]


def test_a_data_frame_gets_the_columns() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(
        {"completion": ["2", "x", "2"], "answer": ["2", None, float("nan")], "reward": [7, 8, 9]}
    )[:3]
    found = Scorer(RIGHT)(frame[1:])
    assert [*found] == ["completion", "answer", "rewards/right", "rewards/right/why", "reward"]
    assert found["rewards/right"].isna().all()
    whole = Scorer(RIGHT)(frame)
    assert whole["reward"].fillna(-1).tolist() == [1.0, -1.0, -1.0]
    assert set(whole["rewards/right/why"][1:]) == {"bad_reference: None (NoneType)"}
    assert frame["reward"].tolist() == [7, 8, 9]


def test_an_arrow_table_gets_typed_columns() -> None:
    arrow = pytest.importorskip("pyarrow")
    table = arrow.table({"completion": ["2", "x"], "answer": arrow.nulls(2), "reward": [1, 2]})
    found = Scorer(RIGHT)(table)
    assert found.schema.names == [
        *("completion", "answer", "rewards/right", "rewards/right/why", "reward")
    ]
    assert found.schema.types[2:] == [arrow.float64(), arrow.string(), arrow.float64()]
    assert found["reward"].to_pylist() == [None, None]
