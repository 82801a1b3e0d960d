"""Build the Subject of a check from its options."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from rewardkit.reward import Reward
from rewardkit.testing import _calls, _options, strategies
from rewardkit.testing._attacks import list_attacks, list_matches
from rewardkit.testing._calls import Rows, Values
from rewardkit.testing._classics import list_classics
from rewardkit.testing._drawing import (
    ColumnValues,
    make_column_strategy,
    mix_in_third,
    require_strategy,
)
from rewardkit.testing._inputs import (
    RewardInputs,
    fill_template,
    make_known_calls_strategy,
    make_text_strategy,
)
from rewardkit.testing._subject import Subject, draw_examples
from rewardkit.testing._usual_texts import find_marks
from rewardkit.testing._words import find_blocks, find_patterns, find_words

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy


def make_reward_subject(
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


def make_verifier_subject(
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


def make_extractor_subject(
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
