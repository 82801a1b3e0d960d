"""Score rows and columns with rewards, without a trainer.

`Scorer` takes rewardkit rewards, functions with TRL's signature and sums of them, and gives each
term's value and why by name, and the weighted total.
"""

from __future__ import annotations

import inspect
import itertools
import math
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from functools import cached_property
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from rewardkit._files.memory import add_columns, read_columns
from rewardkit._messages import (
    error_line,
    explain_missing_column,
    make_log_name,
    make_names_unique,
)
from rewardkit._needed_columns import (
    check_parameters,
    list_dataset_columns,
    list_reference_columns,
    list_trainer_columns,
)
from rewardkit._score_checks import (
    as_floats,
    check_finite_scores,
    weighted_sum,
    weighted_sums,
)
from rewardkit._template import Row
from rewardkit._workers.event_loop import run_awaitable
from rewardkit.batch import Batch, ColumnError, split_by_step
from rewardkit.component import explain_not_a_reward
from rewardkit.config import load
from rewardkit.result import ColumnScores, RowScore, TermScore
from rewardkit.reward import Linear, Reward

Function: TypeAlias = Callable[..., Any]
"""A function that TRL takes in `reward_funcs`: called by keyword, one value per completion."""
RewardLike: TypeAlias = Reward | Function
Rewards: TypeAlias = RewardLike | Sequence[RewardLike] | str | os.PathLike[str]
"""A reward, a function, a list of them, or the path of a YAML file that holds some."""

_BATCH_ARGUMENTS = ("prompt", "completion", "completion_ids")
_NOT_DATASET_COLUMNS = {
    *_BATCH_ARGUMENTS,
    "completions",
}  # a row of TRL's logs may hold its whole group
TOTAL = "reward"
"""The column of the weighted sum, where scores are columns."""
_NOT_GIVEN: Any = object()  # None is a reference too: that of a row without one


class Term(NamedTuple):
    """A reward with its name and its weight in the total."""

    name: str
    reward: RewardLike
    weight: float = 1.0
    chat: bool = False
    """Whether `score` passes completions as messages, as TRL does for a conversational prompt."""
    watch: Callable[[bool, Sequence[Row], Sequence[str]], list[TermScore]] | None = None
    """What `score` calls, with `chat`, rows and texts, in place of the reward: a watchdog of it."""

    @property
    def value_column(self) -> str:
        """The column of the values, where scores are columns; that of the whys has `/why` more."""
        return f"rewards/{self.name}"

    @property
    def columns(self) -> list[str]:
        """The columns that the reward reads; of a function, the parameters without a default."""
        return list_dataset_columns(self.reward)

    @property
    def reference_columns(self) -> list[str]:
        """Those of the columns that may hold a ground truth: not those of counts."""
        return list_reference_columns(self.reward)

    def missing_columns(self, rows: Sequence[Row]) -> dict[str, list[int]]:
        """Return the columns that the reward reads in rows without them, with the rows' indices."""
        read_somewhere = {*self.columns}
        missing: dict[str, list[int]] = {}
        for index, row in enumerate(rows):
            present = row.keys() - _NOT_DATASET_COLUMNS
            # most rows have all columns; which of them are read in a row takes longer to find out
            if read_somewhere <= present:
                continue
            for name in list_dataset_columns(self.reward, row):
                if name not in present:
                    missing.setdefault(name, []).append(index)
        return missing

    def values_and_whys(self, batch: Batch) -> tuple[list[float | None], list[str]]:
        """Return the values and the whys of a batch, None in place of NaN.

        A completion that is neither a text nor messages has no value, and its why says so. Whatever
        the reward raises propagates; ValueError for an infinity.
        """
        if batch.unreadable:
            return self._score_readable(batch)
        if not isinstance(self.reward, Reward):
            return _call_function(self.reward, batch)
        values, whys = check_finite_scores(self.reward.score(batch), len(batch), self.reward)
        return as_floats(values), [*whys]

    def _score_readable(self, batch: Batch) -> tuple[list[float | None], list[str]]:
        values: list[float | None] = [None] * len(batch)
        whys = [batch.unreadable.get(row, "") for row in range(len(batch))]
        if kept := [row for row in range(len(batch)) if row not in batch.unreadable]:
            found = self.values_and_whys(batch.select(kept))
            for row, value, why in zip(kept, *found, strict=True):
                values[row], whys[row] = value, why
        return values, whys

    def score(self, rows: Sequence[Row], texts: Sequence[str]) -> list[TermScore]:
        """Return the score of each row's text. Raises what `values_and_whys` does.

        `completion_ids` has one id per word, since there is no tokenizer.
        """
        if self.watch is not None:
            return self.watch(self.chat, rows, texts)
        # rows of a mixture of tasks may have different columns; most rows are the same object
        distinct = {id(row): row for row in rows}.values()
        names = dict.fromkeys(name for row in distinct for name in row)
        prompts = [row.get("prompt", "") for row in rows] if "prompt" in names else None
        completions: list[Any] = [*map(_as_reply, texts)] if self.chat else [*texts]
        if not isinstance(self.reward, Reward):
            # TRL passes prompts always, and passes prompts and completions both as messages or both
            # as text; a row may have no prompt.
            prompts = prompts or [""] * len(texts)
            prompts = [*map(_as_messages if self.chat else prompt_text, prompts)]
        batch = _BatchOfWords(
            texts,
            completions,
            prompts=prompts,
            columns={
                name: [row.get(name) for row in rows]
                for name in names
                if name not in _NOT_DATASET_COLUMNS
            },
        )
        return [TermScore(*pair) for pair in zip(*self.values_and_whys(batch), strict=True)]

    def try_score(
        self, rows: Sequence[Row], texts: Sequence[str], slow: float = math.inf
    ) -> list[TermScore]:
        """Like `score`, but an exception becomes a TermScore with `raised=True`.

        All texts are scored together first. They are scored one by one if that raises, or takes
        more than `slow` seconds, and then with the time of each.
        """
        start = time.monotonic()
        try:
            scores = self.score(rows, texts)
        except (Exception, SystemExit):  # noqa: BLE001 - whatever it raises; a program may exit
            return [self._score_alone(*pair) for pair in zip(rows, texts, strict=True)]
        if time.monotonic() - start <= slow:
            return scores
        timed = [self._score_alone(*pair) for pair in zip(rows, texts, strict=True)]
        # The values are those of the batch: a reward may depend on the other rows.
        return [
            score._replace(seconds=alone.seconds)
            for score, alone in zip(scores, timed, strict=True)
        ]

    def _score_alone(self, row: Row, text: str) -> TermScore:
        start = time.monotonic()
        try:
            (score,) = self.score([row], [text])
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the same
            score = TermScore(None, error_line(error), raised=True)
        return score._replace(seconds=time.monotonic() - start)


def explain_missing(column: str, row: Row) -> str:
    """Return in one line that a row lacks a column of the dataset, and which it has."""
    present = [name for name in row if name not in _NOT_DATASET_COLUMNS]
    return explain_missing_column(column, present)


class _BatchOfWords(Batch):
    """A batch whose completions have one id per word, made when they are first read.

    Few rewards read them, and for long texts they take longer than most rewards.
    """

    def __init__(self, texts: Sequence[str], completions: Sequence[Any], **fields: Any) -> None:
        """Take the completions, and the text of each."""
        super().__init__(completions, **fields)
        del self.completion_ids  # None; without it, reading it calls `__getattr__`
        self._texts = texts

    if not TYPE_CHECKING:  # as in Batch

        def __getattr__(self, name: str) -> Any:
            if name != "completion_ids":
                return super().__getattr__(name)
            self.completion_ids = _make_word_ids(self._texts)
            return self.completion_ids


def _make_word_ids(texts: Sequence[str]) -> list[list[int]]:
    """Return one number per word, the same for the same word."""
    known: dict[str, int] = {}
    # Distinct, not consecutive: `map` numbers the words without a step of Python for each.
    numbers = itertools.count()
    return [[*map(known.setdefault, text.split(), numbers)] for text in texts]


class Scorer:
    """Rewards that score rows and columns, each term by name, with the weighted total.

    `rewards` is a reward, a function with TRL's signature, a list of them, or the path of a YAML
    file. The terms of sums are scored one by one, each with a name of its own; `weights` multiply
    the rewards that are given, 1 each by default. A scorer is cheap to make, it pickles if the
    rewards do, and nothing in it changes, so that threads may share one.

    Raises TypeError for anything that cannot be called, ValueError for no rewards or another number
    of weights, and what `rk.load` does for a file.

    >>> from rewardkit.rewards import Correct, Length
    >>> from rewardkit.verify import Number
    >>> right, near = Correct(verifier=Number(), name="right"), Length(target=5, name="near")
    >>> scorer = Scorer(2.0 * right + 0.5 * near)
    >>> scorer.columns
    ('answer',)
    >>> scorer.score_row("<answer>4</answer>", answer="4")
    RowScore(values={'right': 1.0, 'near': -13.0}, whys={...}, total=-4.5)
    >>> scorer.score_columns({"completion": ["4", "5"], "answer": ["4", "5"]}).totals
    [-2.0, -2.0]
    """

    terms: tuple[Term, ...]
    """The rewards, sums term by term, each with its name and weight."""
    bias: float
    """The sum of the biases of the sums among the rewards."""

    def __init__(self, rewards: Rewards, weights: Sequence[float] | None = None) -> None:
        """Split sums into terms, and name every term."""
        given = as_reward_list(rewards)
        if weights is not None and len(weights) != len(given):
            sizes = f"got {len(weights)} weights for {len(given)} rewards"
            message = f"{sizes}, expected one per reward"
            raise ValueError(message)
        for weight in weights or ():
            if not math.isfinite(weight):
                raise ValueError(f"got {weight} as a weight, expected a finite number")
        terms: list[tuple[RewardLike, float]] = []
        self.bias = 0.0
        for reward, weight in zip(given, weights or [1.0] * len(given), strict=True):
            is_sum = isinstance(reward, Linear)
            self.bias += weight * reward.bias if is_sum else 0.0
            for term, factor in reward.weighted if is_sum else [(reward, 1.0)]:
                terms.append((term, weight * factor))
        # A partial or an object with __call__ has no __name__, and loggers refuse that of a lambda.
        names = make_names_unique(
            make_log_name(str(getattr(term, "__name__", type(term).__name__))) for term, _ in terms
        )
        self.terms = tuple(Term(name, *term) for name, term in zip(names, terms, strict=True))

    def __repr__(self) -> str:
        """Return the names and weights of the terms."""
        return f"Scorer({', '.join(f'{term.weight:g} * {term.name}' for term in self.terms)})"

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The columns that the rewards read, each once; `prompt` and `completion_ids` are last."""
        # On demand: reading the signatures of functions takes longer than making the scorer.
        from_trainer = {name for term in self.terms for name in list_trainer_columns(term.reward)}
        last = [name for name in ("prompt", "completion_ids") if name in from_trainer]
        return (*self.dataset_columns, *last)

    @cached_property
    def dataset_columns(self) -> tuple[str, ...]:
        """Those of the columns that come from the dataset, and not from the trainer."""
        return tuple(dict.fromkeys(name for term in self.terms for name in term.columns))

    @cached_property
    def reference_columns(self) -> tuple[str, ...]:
        """Those of the dataset's columns that `reference` fills: no counts, no conditions."""
        return tuple(dict.fromkeys(name for term in self.terms for name in term.reference_columns))

    def with_forms(self, row: Row, text: str, baseline: str) -> Scorer:
        """Return a copy that passes completions to each function as text or as messages.

        `choose_form` takes whichever works, judged by the scores of `text` and `baseline`.
        """
        other = copy(self)
        other.terms = tuple(choose_form(term, row, text, baseline) for term in self.terms)
        return other

    def score(self, rows: Sequence[Row], texts: Sequence[str]) -> dict[str, list[TermScore]]:
        """Return each term's score of each row's text, by name.

        Rows hold the dataset's columns; their own completions are not used. `completion_ids` has
        one id per word, since there is no tokenizer. Whatever a reward raises propagates.
        """
        return {term.name: term.score(rows, texts) for term in self.terms}

    def try_score(
        self, rows: Sequence[Row], texts: Sequence[str], slow: float = math.inf
    ) -> dict[str, list[TermScore]]:
        """Like `score`, but an exception becomes a TermScore with `raised=True`.

        A term that takes more than `slow` seconds scores again, text by text, to time each.
        """
        return {term.name: term.try_score(rows, texts, slow) for term in self.terms}

    def total(self, scores: Mapping[str, Sequence[TermScore]]) -> list[TermScore]:
        """Sum each row's values over the terms in `scores`, with their weights."""
        weights = [term.weight for term in self.terms if term.name in scores]
        rows = zip(*(scores[term.name] for term in self.terms if term.name in scores), strict=True)
        sums = (weighted_sum([one.value for one in row], weights, self.bias) for row in rows)
        return [*map(TermScore, sums)]

    def __call__(self, batch: Any) -> Any:
        """Return a batch of columns with those of the scores, as `rewardkit score` writes them.

        This is what engines call with batch after batch, such as Ray Data's and datasets' maps. A
        batch is a mapping of columns, whose values may be lists, arrays or series, a pandas
        DataFrame, or an Arrow table; the result is of the same kind. After the batch's columns come
        `rewards/NAME`, `rewards/NAME/why`, and `reward`, the weighted sum, None where nothing has a
        value.
        Rewards that compare the completions of a group need all of it in one batch. Whatever a
        reward raises propagates.

        >>> from rewardkit.rewards import Length
        >>> Scorer(Length(target=2, name="near"))({"completion": ["4", "42"]})["reward"]
        [-1.0, 0.0]
        """
        scores = self.score_columns(read_columns(batch))
        added: dict[str, Any] = {}
        for term in self.terms:
            added[term.value_column] = scores.values[term.name]
            added[f"{term.value_column}/why"] = scores.whys[term.name]
        added[TOTAL] = scores.totals
        return add_columns(batch, added)

    def name_columns(self, row: RowScore) -> dict[str, float | str | None]:
        """Return a row's scores by column, as `rewardkit score` writes them."""
        columns: dict[str, float | str | None] = {}
        for term in self.terms:
            columns[term.value_column] = row.values[term.name]
            columns[f"{term.value_column}/why"] = row.whys[term.name]
        return {**columns, TOTAL: row.total}

    def score_row(
        self, completion: Any = _NOT_GIVEN, /, *, reference: Any = _NOT_GIVEN, **values: Any
    ) -> RowScore:
        """Return the scores of one completion, a text or messages, with the row's values by column.

        The completion may be among the values. `reference` fills the columns that `values` does not
        hold, as in `score_columns`.
        """
        if completion is not _NOT_GIVEN:
            values["completion"] = completion
        columns = {name: [value] for name, value in values.items()}
        references = reference if reference is _NOT_GIVEN else [reference]
        scores = self.score_columns(columns, reference=references)
        return RowScore(
            {name: found[0] for name, found in scores.values.items()},
            {name: found[0] for name, found in scores.whys.items()},
            scores.totals[0],
        )

    def score_columns(
        self, columns: Mapping[str, Sequence[Any]], *, reference: Any = _NOT_GIVEN
    ) -> ColumnScores:
        """Return the scores of the completions in the column `completion`.

        The other columns are the dataset's; `prompt`, `completion_ids` and `step` reach the rewards
        as the trainer passes them. A completion that is neither a text nor messages has no value,
        and its whys say so.

        `reference` is a list of ground truths. It fills every column that the rewards read and
        `columns` does not hold, but for those of numbers, such as the token counts of `overlong`:
        those declared with the type of a number, or as `TokenCount`.

        Raises ColumnError for a column of numbers that is missing beside a reference; whatever a
        reward raises propagates.
        """
        if "completion" not in columns:
            raise ValueError(explain_missing_column("completion", columns))
        filled = {name: column for name, column in columns.items() if name not in _BATCH_ARGUMENTS}
        if reference is not _NOT_GIVEN:
            filled = self._fill_references(filled, reference)
        batch = Batch(
            columns["completion"],
            prompts=columns.get("prompt"),
            completion_ids=columns.get("completion_ids"),
            columns=filled,
        )
        batch.surface = "rows"
        parts = split_by_step(batch)
        scores = {term.name: _join_scores(map(term.values_and_whys, parts)) for term in self.terms}
        values = {name: found for name, (found, _) in scores.items()}
        weights = [term.weight for term in self.terms]
        totals = weighted_sums([*values.values()], weights, self.bias)
        return ColumnScores(values, {name: whys for name, (_, whys) in scores.items()}, totals)

    def _fill_references(
        self, columns: Mapping[str, Sequence[Any]], reference: Sequence[Any]
    ) -> dict[str, Sequence[Any]]:
        filled = {**dict.fromkeys(self.reference_columns, reference), **columns}
        for name in self.dataset_columns:
            if name not in filled:
                problem = explain_missing_column(name, ["completion", *columns])
                hint = (
                    "it holds a count or a condition, which reference= does not fill: give it too"
                )
                raise ColumnError(f"{problem}; {hint}")
        return filled


def _join_scores(
    parts: Iterable[tuple[list[float | None], list[str]]],
) -> tuple[list[float | None], list[str]]:
    first, *others = parts
    for values, whys in others:
        first[0].extend(values)
        first[1].extend(whys)
    return first


def as_reward_list(rewards: Rewards) -> list[Any]:
    """Return the rewards as a list, sums among them.

    Raises TypeError for anything that cannot be called, ValueError for none.
    """
    if isinstance(rewards, str | os.PathLike):
        rewards = load(rewards)
    if isinstance(rewards, tuple) and hasattr(rewards, "reward_weights"):
        message = "got split(...), which is for trainers; give the rewards that it was made of"
        raise TypeError(message)
    given: list[Any] = [*rewards] if isinstance(rewards, list | tuple) else [rewards]
    for reward in given:
        if isinstance(reward, type) or not callable(reward):  # calling a class scores nothing
            expected = "a reward, a function, or a list of them"
            raise TypeError(explain_not_a_reward(reward, expected))
    if not given:
        message = "no rewards; give one, or a list of them"
        raise ValueError(message)
    return given


def choose_form(term: Term, row: Row, text: str, baseline: str) -> Term:
    """Return the term with completions in the form that its function takes.

    Those are messages if the prompt is, else plain text; the other form where it works better.
    """
    if isinstance(term.reward, Reward):
        return term
    chat = not isinstance(row.get("prompt", ""), str)
    forms = [term._replace(chat=form) for form in (chat, not chat)]  # max takes the first of equals
    return max(forms, key=lambda form: rank_form(form, row, text, baseline))


def margin_over(term: Term, row: Row, text: str, baseline: str) -> float | None:
    """Return how much more a text earns than the baseline, None if the reward raises."""
    values = _values_or_none(term, row, [text, baseline])
    if values is None:
        return None
    return 0.0 if values[0] is None else values[0] - (values[1] or 0.0)


def prompt_text(prompt: Any) -> str:
    """Return a prompt, a text or messages, as text."""
    return Batch([""], prompts=[prompt]).prompt_text(0)


def rank_form(form: Term, row: Row, text: str, baseline: str) -> tuple[bool, bool, int]:
    """Return a key, greater for a form that does not raise, and that tells texts from others."""
    # In the wrong form a function often raises, or gives all texts the same value.
    values = _values_or_none(form, row, [text, baseline, ""])
    if values is None:
        return False, False, 0
    above = values[0] is not None and values[0] > (values[1] or 0.0)
    return True, above, len({*values})


def _values_or_none(term: Term, row: Row, texts: Sequence[str]) -> list[float | None] | None:
    try:
        return [score.value for score in term.score([row] * len(texts), texts)]
    except (Exception, SystemExit):  # noqa: BLE001 - try_score reports it where all is scored
        return None


def _call_function(function: Function, batch: Batch) -> tuple[list[float | None], list[str]]:
    """Return the values and whys of a function, called as a trainer calls it."""
    logged: dict[str, Any] = {}
    # A batch without prompts or tokens leaves them out: a function may have defaults for them.
    optional = {"prompts": batch.prompts, "completion_ids": batch.completion_ids}
    given = {
        **batch.columns,
        **{name: column for name, column in optional.items() if column is not None},
        "completions": batch.completions,
        "trainer_state": SimpleNamespace(global_step=batch.step),
        "log_extra": logged.__setitem__,
        "log_metric": _ignore_metric,
    }
    try:
        values = function(**given)
    except TypeError:
        check_parameters(function, batch)
        raise
    if inspect.isawaitable(values):
        values = run_awaitable(values)
    values = values.tolist() if hasattr(values, "tolist") else values  # an array or a tensor
    if not isinstance(values, Sequence) or len(values) != len(batch):
        got = f"{len(values)} values" if isinstance(values, Sequence) else type(values).__name__
        raise ValueError(f"got {got} for {len(batch)} completions, expected a list with one each")
    # The name under which rewardkit's rewards log theirs; a function may do so too.
    whys = logged.get(f"{getattr(function, '__name__', '')}/why") or [""] * len(batch)
    return as_floats(values), [*map(str, whys)]


def _ignore_metric(_name: str, _value: float) -> None:
    """Do nothing with a metric: it belongs to no row."""


def _as_reply(text: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": text}]


def _as_messages(prompt: Any) -> Any:
    return [{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt
