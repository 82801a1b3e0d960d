"""Rewards in TRL's real trainers, with a model that generates one of five known texts."""

from __future__ import annotations

import asyncio
import importlib
import importlib.metadata
import inspect
import json
import multiprocessing
import pickle
import runpy
import sys
import threading
import warnings
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from statistics import mean
from types import ModuleType
from typing import Any, ClassVar, NamedTuple

import pytest

import rewardkit as rk
from rewardkit import presets
from rewardkit.adapters.trl import as_async, split
from rewardkit.batch import ColumnError
from rewardkit.presets import published
from rewardkit.scoring import score
from system_rows import write_rows

pytestmark = pytest.mark.filterwarnings(
    r"ignore:`\w*gradient_checkpointing\w*` is deprecated:FutureWarning:transformers"
)

RIGHT = "<reasoning>\n6 * 7\n</reasoning>\n<answer>\n42\n</answer>"
WRONG = "<reasoning>\n6 * 7\n</reasoning>\n<answer>\n41\n</answer>"
NONE = "hm"
NAMES = [
    "xmlcount_reward_func",
    "soft_format_reward_func",
    "strict_format_reward_func",
    "int_reward_func",
    "correctness_reward_func",
]
XML = {
    RIGHT: [0.5, 0.5, 0.5, 0.5, 2.0],
    WRONG: [0.5, 0.5, 0.5, 0.5, 0.0],
    f"{RIGHT} So": [0.498, 0.5, 0.0, 0.5, 2.0],
    f"{WRONG} So": [0.498, 0.5, 0.0, 0.5, 0.0],
    NONE: [0.0, 0.0, 0.0, 0.0, 0.0],
}
"""What each text is worth to each of the five, by hand, where 42 is the answer."""
COUNT = {text: values[0] for text, values in XML.items()}
CORRECT = {text: values[4] for text, values in XML.items()}
LENGTH = {RIGHT: 52, WRONG: 52, f"{RIGHT} So": 55, f"{WRONG} So": 55, NONE: 2}

PLAIN = [{"prompt": "6*7?", "answer": "42"}] * 8
CHAT = [{"prompt": [{"role": "user", "content": "6*7"}], "answer": 42}] * 8
MIXED = [
    {"prompt": "6*7?", "answer": "42", "task": "math"},
    {"prompt": "hm?", "answer": None, "task": "talk"},
] * 4

count = rk.build("xml_count", name="count")
right = rk.build("correct", verifier="number", correct=2.0, name="right")


class Run(NamedTuple):
    """The results of a training: a log and a table of completions for each step."""

    logs: list[dict[str, Any]]
    tables: list[list[dict[str, Any]]]
    moved: bool
    folder: Path

    @property
    def texts(self) -> list[list[str]]:
        return [[text_of(row) for row in table] for table in self.tables]

    def columns(self, name: str) -> list[list[Any]]:
        return [[row[name] for row in table] for table in self.tables]

    def logged(self, key: str) -> list[float]:
        return [logs[key] for logs in self.logs]


Train = Callable[..., Run]


def text_of(row: dict[str, Any]) -> str:
    said = row["completion"]
    return said if isinstance(said, str) else said[0]["content"]


def table_of(kept: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of a step from the trainer's table, with None for NaN."""
    columns = {
        "prompt": kept["prompt"],
        "completion": kept["completion"],
        "advantage": kept["advantages"],
        **kept["rewards"],
        **kept["extra"],
    }
    rows = zip(*columns.values(), strict=True)
    return [
        {name: None if value != value else value for name, value in zip(columns, row, strict=True)}  # noqa: PLR0124
        for row in rows
    ]


def near(values: Iterable[Any]) -> Any:
    """Equal within TRL's single precision."""
    return pytest.approx(list(values), abs=1e-5)


def tables_in(folder: Path) -> list[list[dict[str, Any]]]:
    """Read the tables that GRPOTrainer writes with `log_completions`."""
    parquet = pytest.importorskip("pyarrow.parquet")
    paths = sorted((folder / "completions").iterdir())
    return [parquet.read_table(path).to_pylist() for path in paths]


@pytest.fixture(params=["GRPO", "RLOO"])
def either(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def train(model_path: Path, tmp_path: Path) -> Train:
    """Train for a few steps of two prompts with four completions each."""
    trl = pytest.importorskip("trl")
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)  # more threads slow down a model this small
    datasets = pytest.importorskip("datasets")

    def run(
        rewards: Any,
        rows: Sequence[dict[str, Any]] = PLAIN,
        trainer: str = "GRPO",
        max_steps: int = 2,
        **options: Any,
    ) -> Run:
        folder = tmp_path / f"run{len(list(tmp_path.iterdir()))}"
        args = getattr(trl, f"{trainer}Config")(
            output_dir=str(folder),
            use_cpu=True,
            bf16=False,
            report_to="none",
            disable_tqdm=True,
            save_strategy="no",
            logging_steps=1,
            shuffle_dataset=False,
            learning_rate=1e-3,
            per_device_train_batch_size=8,
            num_generations=4,
            max_completion_length=8,
            max_steps=max_steps,
            **options,
        )
        made = getattr(trl, f"{trainer}Trainer")(
            model=str(model_path),
            reward_funcs=rewards,
            args=args,
            train_dataset=datasets.Dataset.from_list(list(rows)),
        )
        before = made.model.lm_head.weight.detach().clone()
        tables: list[list[dict[str, Any]]] = []

        class Keep(pytest.importorskip("transformers").TrainerCallback):  # type: ignore[misc]
            def on_step_end(self, *given: Any, **more: Any) -> None:
                tables.append(table_of(made._logs))

        made.add_callback(Keep())
        made.train()
        moved = not torch.equal(before, made.model.lm_head.weight)
        logs = [logs for logs in made.state.log_history if "reward" in logs]
        result = Run(logs, tables, moved, folder)
        assert len(result.logs) == len(result.tables) == max_steps
        assert all(len(table) == 8 for table in result.tables)
        assert {text for texts in result.texts for text in texts} <= set(XML)
        return result

    return run


def test_the_model_generates_various_completions(train: Train) -> None:
    texts = [text for texts in train(count, max_steps=3).texts for text in texts]
    assert len(set(texts)) >= 3


# What TRL calls them


def test_trl_reads_the_name() -> None:
    get_callable_name = pytest.importorskip("trl.trainer.utils").get_callable_name
    for name in NAMES:
        assert get_callable_name(getattr(presets, name)) == name
    assert get_callable_name(rk.build("xml_count")) == "xml_count"
    assert get_callable_name(rk.build("xml_count", value=0.25)) == "xml_count.value:0.25"
    assert get_callable_name(0.5 * count + right) == (0.5 * count + right).__name__
    assert get_callable_name(as_async(count)) == "count"


def test_trl_takes_a_reward_for_a_plain_function() -> None:
    is_async_callable = pytest.importorskip("trl.trainer.utils").is_async_callable
    assert not is_async_callable(count)
    assert not is_async_callable(0.5 * count + right)


# The published recipe


def test_the_five_xml_rewards(train: Train, either: str) -> None:
    rewards = [getattr(presets, name) for name in NAMES]
    run = train(rewards, PLAIN, either)
    assert run.moved
    for logs, table, texts in zip(run.logs, run.tables, run.texts, strict=True):
        for index, name in enumerate(NAMES):
            by_hand = [XML[text][index] for text in texts]
            assert [row[name] for row in table] == near(by_hand)
            assert logs[f"rewards/{name}/mean"] == pytest.approx(mean(by_hand), abs=1e-5)
            called = rewards[index](completions=texts, answer=["42"] * 8)
            assert called == near(by_hand)
        assert logs["reward"] == pytest.approx(mean(sum(XML[text]) for text in texts), abs=1e-5)


def test_the_trainer_computes_the_totals_that_adapters_are_compared_with(
    model_path: Path, tmp_path: Path
) -> None:
    trl, datasets = pytest.importorskip("trl"), pytest.importorskip("datasets")
    rows = write_rows(tmp_path)
    whole = rk.load(rows.yaml)
    funcs, weights = split(whole)
    inputs = [
        {"prompt": prompt, "answer": answer}
        for prompt, answer in zip(rows.prompts, rows.answers, strict=True)
    ]
    trainer = trl.GRPOTrainer(
        model=str(model_path),
        reward_funcs=[*funcs, whole],
        args=trl.GRPOConfig(
            output_dir=str(tmp_path),
            use_cpu=True,
            bf16=False,
            report_to="none",
            reward_weights=[*weights, 1.0],
        ),
        train_dataset=datasets.Dataset.from_list(inputs),
    )
    ids = [[1] for _ in inputs]
    found = trainer._calculate_rewards(inputs, rows.prompts, rows.texts, ids)
    # the last column is the sum itself; TRL leaves out NaN where it adds up the others
    assert found[:, -1].tolist() == pytest.approx(rows.totals, abs=1e-9)
    totals = (found * trainer.reward_weights)[:, :-1].nansum(dim=1)
    assert totals.tolist() == pytest.approx(rows.totals, abs=1e-9)


# Messages, sums, metrics, and whys


def test_a_sum_on_messages_logs_its_terms(train: Train, either: str) -> None:
    total = 0.5 * count + right
    name = total.__name__
    run = train(total, CHAT, either)
    assert run.moved
    assert isinstance(run.tables[0][0]["completion"], list)
    for logs, table, texts in zip(run.logs, run.tables, run.texts, strict=True):
        by_hand = [0.5 * COUNT[text] + CORRECT[text] for text in texts]
        assert [row[name] for row in table] == near(by_hand)
        assert logs["reward"] == pytest.approx(mean(by_hand), abs=1e-5)
        assert logs[f"rewards/{name}/mean"] == pytest.approx(mean(by_hand), abs=1e-5)
        assert logs[f"{name}/count"] == pytest.approx(mean(COUNT[t] for t in texts), abs=1e-5)
        assert logs[f"{name}/right"] == pytest.approx(mean(CORRECT[t] for t in texts), abs=1e-5)
        assert total(completions=texts, answer=[42] * 8) == near(by_hand)


def test_why_is_a_column_of_the_table(train: Train, either: str) -> None:
    total = rk.build("linear", terms=[count, right], name="total", log_why=True)
    run = train([total, count], CHAT, either, log_completions=True)
    for table in run.tables + (tables_in(run.folder) if either == "GRPO" else []):
        assert "count/why" not in table[0]
        for row in table:
            assert f"count {COUNT[text_of(row)]:g} (" in row["total/why"]
            assert f"right {CORRECT[text_of(row)]:g} (" in row["total/why"]


@pytest.mark.parametrize("rows", [PLAIN, CHAT], ids=["plain", "chat"])
def test_logged_tables_are_scored_again_once_the_dataset_is_joined(
    train: Train, rows: list[dict[str, Any]], tmp_path: Path
) -> None:
    run = train([count], rows, log_completions=True)
    logged, out = run.folder / "completions", tmp_path / "scored.parquet"
    with pytest.raises(ColumnError, match="no column 'answer'"):
        score(logged, right, out)
    done = score(logged, right, out, join=rows)
    assert done.unmatched == 0
    scored = pytest.importorskip("pyarrow.parquet").read_table(out).to_pylist()
    assert len(scored) == 16
    for row in scored:
        assert row["answer"] == rows[0]["answer"]
        assert row["rewards/right"] == CORRECT[text_of(row)]
        assert row["count"] == pytest.approx(COUNT[text_of(row)], abs=1e-5)


def test_metrics_of_two_sums_are_logged_separately(train: Train) -> None:
    sums = [
        rk.build("linear", terms=[count, right], name="one"),
        rk.build("linear", terms=[right, right], name="two"),
    ]
    run = train(sums)
    for logs, texts in zip(run.logs, run.texts, strict=True):
        correct = pytest.approx(mean(CORRECT[text] for text in texts), abs=1e-5)
        assert logs["one/right"] == correct
        assert logs["two/right"] == correct
        assert logs["two/right-2"] == correct
        assert logs["reward"] == pytest.approx(
            mean(COUNT[text] + 3 * CORRECT[text] for text in texts), abs=1e-5
        )


def test_token_ids_reach_a_reward(train: Train) -> None:
    run = train(rk.build("length", target=0, unit="tokens", name="tokens"))
    tokens = {RIGHT: 7, WRONG: 7, f"{RIGHT} So": 8, f"{WRONG} So": 8, NONE: 2}
    for texts, given in zip(run.texts, run.columns("tokens"), strict=True):
        assert given == near(-tokens[text] for text in texts)


# Abstaining


def test_none_is_left_out(train: Train, either: str) -> None:
    rewards = [
        rk.build("where", reward=right, column="task", equals="math", name="math"),
        rk.build("where", reward=count, column="task", equals="talk", name="talk"),
        rk.build("length", target=50, name="near"),
    ]
    run = train(rewards, MIXED, either)
    assert run.moved
    for logs, table, texts in zip(run.logs, run.tables, run.texts, strict=True):
        prompts = [row["prompt"] for row in table]
        assert sorted(prompts) == ["6*7?"] * 4 + ["hm?"] * 4
        pairs = list(zip(prompts, texts, strict=True))
        math = [CORRECT[text] if prompt == "6*7?" else None for prompt, text in pairs]
        talk = [COUNT[text] if prompt == "hm?" else None for prompt, text in pairs]
        length = [-abs(50 - LENGTH[text]) for text in texts]
        assert [row["math"] for row in table] == near(math)
        assert [row["talk"] for row in table] == near(talk)
        assert [row["near"] for row in table] == near(length)
        for name, values in (("math", math), ("talk", talk), ("near", length)):
            there = [value for value in values if value is not None]
            assert logs[f"rewards/{name}/mean"] == pytest.approx(mean(there), abs=1e-5)
        sums = [(a or 0) + (b or 0) + c for a, b, c in zip(math, talk, length, strict=True)]
        assert logs["reward"] == pytest.approx(mean(sums), abs=1e-5)


def test_a_row_that_no_reward_scores(train: Train, either: str) -> None:
    run = train(rk.build("where", reward=right, column="task", equals="math"), MIXED, either)
    for logs, table in zip(run.logs, run.tables, strict=True):
        known = [CORRECT[text_of(row)] for row in table if row["prompt"] == "6*7?"]
        assert logs["reward"] == pytest.approx(mean(known), abs=1e-5)
        assert [row["advantage"] for row in table if row["prompt"] == "hm?"] == [0.0] * 4


# Separate terms


def test_split_terms_sum_to_the_sum(train: Train, either: str) -> None:
    total = 0.5 * count + right + 0.25 * right
    funcs, weights = split(total)
    assert [func.__name__ for func in funcs] == ["count", "right", "right-2"]
    assert weights == [0.5, 1.0, 0.25]
    whole = train(total, PLAIN, either)
    parts = train(funcs, PLAIN, either, reward_weights=weights)
    assert parts.texts == whole.texts
    assert parts.logged("reward") == near(whole.logged("reward"))
    for texts, logs in zip(parts.texts, parts.logs, strict=True):
        correct = pytest.approx(mean(CORRECT[text] for text in texts), abs=1e-5)
        assert logs["rewards/right/mean"] == logs["rewards/right-2/mean"] == correct
        by_hand = mean(0.5 * COUNT[text] + 1.25 * CORRECT[text] for text in texts)
        assert logs["reward"] == pytest.approx(by_hand, abs=1e-5)


def test_split_terms_normalised_one_by_one(train: Train) -> None:
    config = pytest.importorskip("trl").GRPOConfig
    if "multi_objective_aggregation" not in config.__dataclass_fields__:
        pytest.skip("this TRL only normalises the sum")
    funcs, weights = split(rk.build("length", target=50, name="near") + 2.0 * right)
    run = train(
        funcs,
        reward_weights=weights,
        multi_objective_aggregation="normalize_then_sum",
    )
    assert run.moved
    for logs, table in zip(run.logs, run.tables, strict=True):
        texts = [text_of(row) for row in table]
        raw = [2 * CORRECT[text] - abs(50 - LENGTH[text]) for text in texts]
        assert logs["reward"] == pytest.approx(mean(raw), abs=1e-4)
        near_, right_ = (
            standardised([value(text) for text in texts], 4)
            for value in (lambda text: -abs(50 - LENGTH[text]), CORRECT.__getitem__)
        )
        sums = [a + 2 * b for a, b in zip(near_, right_, strict=True)]
        assert [row["advantage"] for row in table] == pytest.approx(standardised(sums, 8), abs=1e-3)


def standardised(values: list[float], group: int) -> list[float]:
    """Each group's values minus their mean, divided by their sample deviation plus 1e-4."""
    given = []
    for start in range(0, len(values), group):
        part = values[start : start + group]
        middle = mean(part)
        deviation = (sum((value - middle) ** 2 for value in part) / (group - 1)) ** 0.5
        given += [(value - middle) / (deviation + 1e-4) for value in part]
    return given


# Async functions


def test_split_names_are_all_different() -> None:
    one = rk.build("xml_count", name="a")
    twice = split(one + one).reward_funcs
    names = [reward.__name__ for reward in split([*twice, one, *twice]).reward_funcs]
    assert names == ["a", "a-2", "a-3", "a-4", "a-2-2"]


def test_split_without_unpacking_is_explained() -> None:
    pair = split(0.5 * count + right)
    get_callable_name = pytest.importorskip("trl.trainer.utils").get_callable_name
    with pytest.raises(
        TypeError, match=r"funcs, weights = split\(\.\.\.\); then reward_funcs=funcs"
    ):
        get_callable_name(pair)
    with pytest.raises(TypeError, match="needs unpacking"):
        pair(completions=["a"])
    with pytest.raises(
        TypeError, match=r"got the class XmlCount, expected an instance: XmlCount\("
    ):
        split([rk.rewards.XmlCount])  # type: ignore[list-item]
    with pytest.raises(TypeError, match=r"a reward or a list of them; wrap it: rk\.wrap\(len"):
        split(len)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"got 'xml_count' \(str\), expected a reward"):
        as_async("xml_count")  # type: ignore[arg-type]


def test_split_keeps_the_why_of_a_sum() -> None:
    terms = (rk.build("xml_count"), rk.build("xml_soft"))
    total = rk.build("linear", terms=terms, log_why=True)
    assert [reward.log_why for reward in split(total).reward_funcs] == [True, True]
    assert split(terms).reward_funcs == list(terms)


def test_as_async_is_what_trl_awaits() -> None:
    is_async_callable = pytest.importorskip("trl.trainer.utils").is_async_callable
    assert inspect.iscoroutinefunction(as_async(count))
    assert is_async_callable(as_async(count))


def test_an_async_reward_takes_completions_by_position_and_nothing_else() -> None:
    assert asyncio.run(as_async(count)([NONE])) == [0.0]
    with pytest.raises(TypeError, match="count got 2 arguments by position"):
        asyncio.run(as_async(count)(["6*7?"], [NONE]))


def test_async_rewards_score_as_plain_ones(train: Train, either: str) -> None:
    total = rk.build("linear", terms=[count, right], name="total", log_why=True)
    math = rk.build("where", reward=right, column="task", equals="math", name="math")
    plain = train([total, math], MIXED, either)
    later = train([as_async(total), as_async(math)], MIXED, either)
    assert later.tables == plain.tables
    assert set(later.logs[0]) == set(plain.logs[0])
    for key in plain.logs[0]:
        if key != "step_time":
            assert later.logged(key) == near(plain.logged(key)), key


class Meeting(rk.Reward):
    """A reward that returns only once another one is running."""

    barrier: ClassVar[threading.Barrier] = threading.Barrier(2)

    def score(self, batch: rk.Batch) -> list[rk.Score]:
        self.barrier.wait(timeout=20)
        return [rk.Score(float(len(text))) for text in batch.texts]


def test_async_rewards_overlap(train: Train) -> None:
    run = train([as_async(Meeting(name="a")), as_async(Meeting(name="b"))], max_steps=1)
    lengths = [LENGTH[text] for text in run.texts[0]]
    assert run.columns("a") == run.columns("b") == [lengths]


# The trainer's step


def test_a_schedule_follows_the_step(train: Train, either: str) -> None:
    ramp = rk.build("schedule", reward=right, points=[[0, 0], [2, 1]], name="ramp")
    run = train(ramp, PLAIN, either, max_steps=4)
    weights = [0.0, 0.5, 1.0, 1.0]
    means = [mean(CORRECT[text] for text in texts) for texts in run.texts]
    assert run.logged("ramp/right") == near(means)
    assert run.logged("rewards/ramp/mean") == near(
        weight * value for weight, value in zip(weights, means, strict=True)
    )
    assert max(means) > 0


# Rewards that raise


class Fussy(rk.Reward):
    """A reward that raises on one of the texts."""

    def score(self, batch: rk.Batch) -> list[rk.Score]:
        if NONE in batch.texts:
            raise ArithmeticError(NONE)
        return [rk.Score(1.0)] * len(batch)


def test_an_error_ends_the_training_and_names_the_reward(train: Train) -> None:
    with pytest.raises(ArithmeticError, match=NONE) as caught:
        train(rk.build("clip", reward=Fussy(name="fussy"), low=0.0), max_steps=8)
    assert any("fussy" in note for note in caught.value.__notes__)


def test_a_missing_column_ends_the_training(train: Train) -> None:
    with pytest.raises(ColumnError, match="'solution'"):
        train(rk.build("correct", verifier="number", reference="solution"))


def test_a_guard_keeps_the_training_going(train: Train) -> None:
    guard = rk.build("guard", reward=Fussy(name="fussy"), name="guard")
    run = train([guard, count], max_steps=3)
    raised = 0
    for logs, table in zip(run.logs, run.tables, strict=True):
        texts = [text_of(row) for row in table]
        assert [row["guard"] for row in table] == [None if t == NONE else 1.0 for t in texts]
        assert logs.get("guard/fussy/errors", 0.0) == texts.count(NONE)
        raised += texts.count(NONE)
    assert raised > 0


# Other processes

ALL_PRESETS = [getattr(kept, name) for kept in (presets, published) for name in kept.__all__]
COMPOSED = [
    0.5 * count + right - 1.0,
    rk.build("xml_strict", value=1.0) * right,
    rk.build("clip", reward=rk.build("length", target=50), low=-10),
    rk.build("where", reward=count, column="task", equals="math", log_why=True),
    rk.build("schedule", reward=right, points=[[0, 0], [2, 1]]),
    rk.build("guard", reward=rk.build("length", target=9, unit="tokens"), on_error=-1),
    rk.build("correct", verifier={"type": "exact"}, extractor="hash", reference="solution"),
    rk.build("language", scores={"en": 1.0, "id": 2.0}, candidates=["en", "id"]),
]
ASKED: dict[str, Any] = {
    "prompts": ["6*7?"] * 7,
    "completions": [
        *XML,
        "<think>Enam kali tujuh</think> Jawabannya adalah 42.",
        [{"role": "assistant", "content": "It is easy to see.\n#### 42"}],
    ],
    "answer": ["42"] * 7,
    "solution": ["42"] * 7,
    "task": ["math"] * 4 + ["talk"] * 3,
}


@pytest.mark.parametrize("reward", ALL_PRESETS + COMPOSED, ids=lambda reward: reward.__name__)
def test_a_pickled_reward_is_an_equal_one(reward: rk.Reward) -> None:
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        copy = pickle.loads(pickle.dumps(reward, protocol))
        assert copy == reward
        assert hash(copy) == hash(reward)
        assert copy.__name__ == reward.__name__
        assert rk.dump(copy) == rk.dump(reward)


def test_a_spawned_process_scores_the_same() -> None:
    rewards = ALL_PRESETS + COMPOSED
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as child:
        theirs = [future.result() for future in [child.submit(r, **ASKED) for r in rewards]]
    assert theirs == [reward(**ASKED) for reward in rewards]
    for index, name in enumerate(NAMES):
        given = theirs[presets.__all__.index(name)][:5]
        assert given == near(values[index] for values in XML.values())
    total, strict, clip, where, ramp, guard, hashed, _ = theirs[len(ALL_PRESETS) :]
    assert total[:5] == near([1.25, -0.75, 1.249, -0.751, -1.0])
    assert strict[:5] == near([2.0, 0.0, 0.0, 0.0, 0.0])
    assert clip[:5] == near([-2.0, -2.0, -5.0, -5.0, -10.0])
    assert where == [*near([0.5, 0.5, 0.498, 0.498]).expected, None, None, None]
    assert ramp[:5] == near([2.0, 0.0, 2.0, 0.0, 0.0])
    assert guard == [-1.0] * 7
    assert hashed == [0.0] * 6 + [1.0]


def test_the_async_trainer_scores_a_group() -> None:
    worker = pytest.importorskip("trl.experimental.async_grpo.async_rollout_worker")
    loop = object.__new__(worker._AsyncRolloutLoop)
    total = rk.build("linear", terms=[count, right], name="total", log_why=True)
    math = rk.build("where", reward=right, column="task", equals="math", name="math")
    loop.reward_funcs = pickle.loads(pickle.dumps([total, math]))
    loop.reward_func_names = ["total", "math"]
    loop._env_reward_types = []
    texts = [RIGHT, WRONG, NONE]
    row = worker.TrainingSequence
    sequence = row(**{name: [0] for name in inspect.signature(row).parameters})
    group = worker.RolloutGroup(
        prompts=[CHAT[0]["prompt"]] * 3,
        reward_kwargs={"answer": [42] * 3, "task": ["talk"] * 3},
        completions=[[{"role": "assistant", "content": text}] for text in texts],
        completions_ids=[[0]] * 3,
        completions_sequences=[[sequence]] * 3,
        tool_call_counts=[0] * 3,
        tool_failure_counts=[0] * 3,
        model_version=0,
        group_id=0,
        env_rewards=[],
        rollout_rewards=[],
    )
    samples = asyncio.run(loop._score_group(group))
    assert [sample.metrics["reward"] for sample in samples] == near([2.5, 0.5, 0.0])
    assert [sample.metrics["rewards/total"] for sample in samples] == near([2.5, 0.5, 0.0])
    assert all(
        sample.metrics["rewards/math"] != sample.metrics["rewards/math"] for sample in samples
    )


# The command line


def launch_here(launch: ModuleType, patch: pytest.MonkeyPatch) -> Callable[[Any], None]:
    """Return accelerate's launcher of one process, but for the process: the script runs here.

    A process of its own imports torch, transformers and TRL, which takes longer than the training.
    """

    def run(args: Any) -> None:
        command, environment = launch.prepare_simple_launcher_cmd_env(args)
        executable, script, *arguments = map(str, command)
        assert executable == sys.executable
        for name, value in environment.items():
            patch.setenv(name, value)
        patch.setattr(sys, "argv", [script, *arguments])
        runpy.run_path(script, run_name="__main__")

    return run


def test_trl_grpo_finds_the_presets(
    model_path: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "train.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in PLAIN))
    options = {
        "model_name_or_path": model_path,
        "dataset_name": data,
        "output_dir": tmp_path / "out",
        "bf16": False,
        "report_to": "none",
        "disable_tqdm": True,
        "save_strategy": "no",
        "logging_steps": 1,
        "log_completions": True,
        "per_device_train_batch_size": 8,
        "num_generations": 4,
        "max_completion_length": 8,
        "max_steps": 1,
        "num_processes": 1,
    }
    command = ["trl", "grpo", "--use_cpu", "--cpu"]
    for name, value in options.items():
        command += [f"--{name}", str(value)]
    names = ["xmlcount_reward_func", "correctness_reward_func"]
    command += ["--reward_funcs", *(f"rewardkit.presets.{name}" for name in names)]
    launch = importlib.import_module("accelerate.commands.launch")
    monkeypatch.setattr(launch, "simple_launcher", launch_here(launch, monkeypatch))
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "home")
    monkeypatch.setattr(sys, "argv", command)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.chdir(tmp_path)
    (entry,) = importlib.metadata.entry_points(group="console_scripts", name="trl")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert not entry.load()()
    printed = capsys.readouterr().out
    (table,) = tables_in(tmp_path / "out")
    for name, worth in zip(names, (COUNT, CORRECT), strict=True):
        assert f"'rewards/{name}/mean'" in printed
        assert [row[name] for row in table] == near(worth[text_of(row)] for row in table)


def test_layouts_of_what_trls_parsers_give() -> None:
    templates = pytest.importorskip("trl.chat_template_utils")
    parsing = pytest.importorskip("transformers.utils.chat_parsing.response_parser")
    rewards = [rk.build("think_format"), rk.build("xml_strict", tags=["think", "answer"])]

    def scores(template: str, prefix: str, written: str) -> list[float | None]:
        message = parsing.parse_response(written, getattr(templates, template), prefix=prefix)
        return [reward(completions=[[message]])[0] for reward in rewards]

    thought = "3 plus 6 is 9."
    lines = f"<think>\n{thought}\n</think>\n\n<answer>\n9\n</answer><|im_end|>"
    assert scores("qwen3_template", "<|im_start|>assistant\n", lines) == [1.0, 0.5]
    assert scores("lfm2_2_5_template", "<|im_start|>assistant\n", lines) == [1.0, 0.5]
    cut = f"<think>\n{thought}"
    assert scores("qwen3_template", "<|im_start|>assistant\n", cut) == [0.0, 0.0]
    analysis = f"<|channel|>analysis<|message|>{thought}"
    final = "<|end|><|start|>assistant<|channel|>final<|message|>9<|return|>"
    assert scores("gptoss_template", "<|start|>assistant", analysis + final) == [1.0, 0.0]
    assert scores("gptoss_template", "<|start|>assistant", analysis) == [0.0, 0.0]
