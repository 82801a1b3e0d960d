"""The three checks: each builds a Subject from its options, and tries every law on it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from rewardkit.extract import Extractor
from rewardkit.reward import Reward
from rewardkit.testing import _calls, _options, strategies
from rewardkit.testing._attacks import list_attacks, list_matches
from rewardkit.testing._caller import DEFAULT_TIMEOUT
from rewardkit.testing._calls import Rows, Values
from rewardkit.testing._classics import list_classics
from rewardkit.testing._drawing import (
    ColumnValues,
    make_column_strategy,
    mix_in_third,
    require_strategy,
)
from rewardkit.testing._findings import Checked
from rewardkit.testing._forms import FORMS
from rewardkit.testing._inputs import (
    PartialTemplate,
    RewardInputs,
    fill_template,
    make_known_calls_strategy,
    make_reward_inputs,
    make_text_strategy,
)
from rewardkit.testing._subject import Subject, draw_examples
from rewardkit.testing._trial import run_laws
from rewardkit.testing._usual_texts import find_marks
from rewardkit.testing._words import find_blocks, find_patterns, find_words
from rewardkit.verify.base import Verifier

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

# In every check `__tracebackhide__` keeps pytest from showing its frames: the message is enough.


def check_reward(  # noqa: PLR0913 - options are keywords
    reward: Reward | Callable[..., Any],
    *,
    columns: Mapping[str, ColumnValues] | None = None,
    completions: SearchStrategy[Any] | None = None,
    forms: str | Iterable[str] = FORMS,
    bounds: tuple[float, float] | None = None,
    pointwise: bool | None = None,
    template: PartialTemplate | None = None,
    laws: Iterable[str] | None = None,
    skip: Iterable[str] = (),
    max_examples: int | None = None,
    deadline: float | None = None,
    timeout: float | None = DEFAULT_TIMEOUT,
) -> Checked:
    """Check the laws of a reward: rewardkit's own, or any callable with TRL's signature.

    `columns` are the dataset's columns: a strategy for the values, or a list to draw them from; a
    component's own columns are filled automatically. `completions` are drawn from all `forms`
    (`text`, `chat`, `parts`, `turns`, `tools`, `empty`) unless a strategy is given. `bounds` and
    `pointwise` declare for a function what a component declares itself; a function is taken to be
    pointwise. With `template`, the reference written in that way must earn the maximum, and a third
    of the rows are written that way.

    `laws` and `skip` choose laws by name. `max_examples` and `deadline` (milliseconds for all laws
    on one example) are Hypothesis's; the first defaults to its profile. A call is killed after
    `timeout` seconds of processor time, or 5 times so many if it waits, and the check goes on;
    None makes the calls in this process, without a limit. Raises LawBroken, an
    AssertionError, with the smallest example for each law that fails and a program that shows it;
    ValueError and TypeError for options that do not fit or leave no law.

    >>> def longest(completions, **columns):
    ...     return [float(len(text) == max(map(len, completions))) for text in completions]
    >>> check_reward(longest, forms="text", laws=["pointwise"])
    Traceback (most recent call last):
        ...
    rewardkit.testing.LawBroken: longest: 1 of 1 laws failed
    ...
    >>> check_reward(longest, forms="text", laws=["finite", "row_order"]).held
    ('finite', 'row_order')
    """
    __tracebackhide__ = True
    inputs = make_reward_inputs(reward, columns, completions, forms=forms, template=template)
    subject = _make_reward_subject(reward, inputs, bounds=bounds, pointwise=pointwise)
    return run_laws(replace(subject, timeout=timeout), laws, skip, max_examples, deadline)


def check_verifier(  # noqa: PLR0913 - the same
    verifier: Verifier | Callable[..., Any],
    *,
    answers: SearchStrategy[str | None] | None = None,
    references: ColumnValues | None = None,
    right: SearchStrategy[tuple[str, Any]] | None = None,
    wrong: SearchStrategy[tuple[str, Any]] | None = None,
    laws: Iterable[str] | None = None,
    skip: Iterable[str] = (),
    max_examples: int | None = None,
    deadline: float | None = None,
    timeout: float | None = DEFAULT_TIMEOUT,
) -> Checked:
    """Check the laws of a verifier: rewardkit's own, or a function like `verify`.

    It is called with `answers` and `references`, by default any texts and values, and references as
    their own answers. `right` are pairs of an answer and a reference that must be judged correct,
    `wrong` those that must not be. Numbers near a reference must not be either, by default.
    Skip the law `reflexive` if references are not answers, such as tests for a program. The other
    options and the errors are those of `check_reward`.

    >>> from rewardkit.verify import Exact
    >>> check_verifier(Exact(), laws=["right_answers", "wrong_answers"]).skipped
    ... # doctest: +NORMALIZE_WHITESPACE
    {'right_answers': 'it takes right=, pairs of an answer and a reference',
    'wrong_answers': 'it takes wrong=, pairs of an answer and a reference'}
    """
    __tracebackhide__ = True
    subject = _make_verifier_subject(verifier, answers, references, right, wrong)
    return run_laws(replace(subject, timeout=timeout), laws, skip, max_examples, deadline)


def check_extractor(  # noqa: PLR0913 - the same
    extractor: Extractor | Callable[[str], str | None],
    *,
    texts: SearchStrategy[str] | None = None,
    template: str | None = None,
    answers: SearchStrategy[str] | None = None,
    missing: ColumnValues | None = None,
    laws: Iterable[str] | None = None,
    skip: Iterable[str] = (),
    max_examples: int | None = None,
    deadline: float | None = None,
    timeout: float | None = DEFAULT_TIMEOUT,
) -> Checked:
    r"""Check the laws of an extractor: rewardkit's own, or a function of a text.

    It is called with `texts`, by default any. With `template`, a text with `{answer}` in it, each
    of the `answers` (by default numbers) must be found in that text as it is; texts of
    `missing` must give None. Without them, an answer between the extractor's own tags or in a box
    must not be cut, and what is found in a text without an answer must not be blank or made up. The
    other options and the errors are those of `check_reward`.

    >>> from rewardkit.extract import Boxed
    >>> template = r"\boxed{{answer}}"
    >>> "finds_answer" in check_extractor(Boxed(), template=template, max_examples=20).held
    True
    """
    __tracebackhide__ = True
    subject = _make_extractor_subject(extractor, texts, template, answers, missing)
    return run_laws(replace(subject, timeout=timeout), laws, skip, max_examples, deadline)


def _make_reward_subject(
    reward: Any,
    inputs: RewardInputs,
    *,
    bounds: tuple[float, float] | None,
    pointwise: bool | None,
) -> Subject:
    if bounds is not None:
        _options.check_bounds(bounds)
    else:
        bounds = getattr(reward, "bounds", None)
    is_component = isinstance(reward, Reward)
    return Subject(
        reward,
        "reward",
        _calls.score_rows if is_component else _calls.call_reward,
        _calls.write_score_call if is_component else _calls.RewardCallWriter(reward),
        inputs.rows,
        "completions",
        words=inputs.words,
        forms=inputs.forms,
        pointwise=getattr(reward, "pointwise", True) if pointwise is None else pointwise,
        bounds=bounds,
        known_calls=make_known_calls_strategy(inputs.right_rows, bounds),
        classics=inputs.classics,
        attacks=inputs.attacks,
        programs=inputs.programs,
        make_right_batches=inputs.make_right_batches,
    )


def _make_verifier_subject(
    verifier: Any,
    answers: SearchStrategy[str | None] | None,
    references: ColumnValues | None,
    right: SearchStrategy[tuple[str, Any]] | None,
    wrong: SearchStrategy[tuple[str, Any]] | None,
) -> Subject:
    _options.check_target(verifier, "verifier")
    words, patterns = find_words(verifier), find_patterns(verifier)
    blocks = find_blocks(verifier, words)
    texts = st.none() | make_text_strategy(words, blocks)
    if answers is not None:
        texts = require_strategy(answers, "answers")
    drawn = make_column_strategy(
        strategies.references() if references is None else references, "references"
    )
    row: SearchStrategy[tuple[Any, Any]] = st.tuples(texts, drawn)
    known_calls = None
    if answers is None and right is None:
        row = mix_in_third(row, drawn.map(_use_reference_as_answer))
    if right is not None:
        row = mix_in_third(row, _require_pairs(right, "right"))
        known_calls = _list_pairs(right, "correct")
    return Subject(
        verifier,
        "verifier",
        _calls.verify_rows,
        _calls.write_verify_call,
        st.lists(row, max_size=4).map(_unzip_pairs),
        "answers",
        words=words,
        known_calls=known_calls,
        wrong_calls=None if wrong is None else _list_pairs(_require_pairs(wrong, "wrong"), "wrong"),
        classics=list_classics("text", tags=blocks, matches=list_matches(patterns))
        if answers is None
        else [],
        attacks=list_attacks(patterns),
    )


def _require_pairs(given: Any, option: str) -> SearchStrategy[tuple[Any, Any]]:
    pairs = require_strategy(given, option).map(partial(_options.check_pair, option=option))
    draw_examples(pairs, 1)  # to report anything but pairs before the laws are tried
    return pairs


def _list_pairs(
    pairs: SearchStrategy[tuple[Any, Any]], outcome: str
) -> SearchStrategy[tuple[Rows, Values]]:
    return st.lists(pairs, min_size=1, max_size=3).map(
        lambda pairs: (_unzip_pairs(pairs), [outcome] * len(pairs))
    )


def _use_reference_as_answer(reference: Any) -> tuple[str | None, Any]:
    return (str(reference) if isinstance(reference, str | int | float) else None), reference


def _unzip_pairs(pairs: Sequence[tuple[Any, Any]]) -> Rows:
    return {
        "answers": [answer for answer, _ in pairs],
        "references": [reference for _, reference in pairs],
    }


def _make_extractor_subject(
    extractor: Any,
    texts: SearchStrategy[str] | None,
    template: str | None,
    answers: SearchStrategy[str] | None,
    missing: ColumnValues | None,
) -> Subject:
    _options.check_target(extractor, "extractor")
    words, patterns = find_words(extractor), find_patterns(extractor)
    blocks = find_blocks(extractor, words)
    drawn = make_text_strategy(words, blocks) if texts is None else require_strategy(texts, "texts")
    numbers = strategies.numbers(spellings=["plain", "thousands", "latex"])
    drawn_answers = numbers.map(lambda number: number[0])
    if answers is not None:
        drawn_answers = require_strategy(answers, "answers")
    known_calls = None
    if template is not None:
        _options.check_template(template, ["answer"], callables=False)
        if "{answer}" not in template:
            raise ValueError(f"template: got {template!r}, expected a text with {{answer}} in it")
        known_calls = drawn_answers.map(
            lambda answer: ({"texts": [fill_template(template, {"answer": answer})]}, [answer])
        )
    missing_calls: SearchStrategy[tuple[Rows, Values]] | None = None
    if missing is not None:
        missing_calls = make_column_strategy(missing, "missing").map(
            lambda text: ({"texts": [text]}, [None])
        )
    return Subject(
        extractor,
        "extractor",
        _calls.extract_rows,
        _calls.write_extract_call,
        # one text per call: an extractor takes one
        drawn.map(lambda text: {"texts": [text]}),
        "texts",
        words=words,
        known_calls=known_calls,
        wrong_calls=missing_calls,
        marks=find_marks(blocks, (*words, *patterns)),
        classics=list_classics("text", tags=blocks, matches=list_matches(patterns))
        if texts is None
        else [],
        attacks=list_attacks(patterns),
    )
